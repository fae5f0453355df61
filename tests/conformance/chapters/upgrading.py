"""Installing over what is installed: what stays, what is replaced."""

from typing import Final

from tests.conformance.behaviour import REINSTALL, Behaviour, Chapter, install, same
from tests.conformance.edits import Delete, Lost, Rename, Write
from tests.conformance.state import Has, Holds, Lists, Says
from tests.differential.oddities import wheel

_WHEELS: Final = (
    wheel("a", files={"a/__init__.py": "value = 1\n", "a/old.py": ""}),
    wheel("a", "2.0", files={"a/__init__.py": "value = 2\n", "a/new.py": ""}),
    wheel("needs", requires=["a"]),
    wheel("needs", "2.0", requires=["a>=2"]),
    wheel("b"),
    wheel("b", "2.0"),
)

UPGRADING: Final = Chapter(
    title="Over what is installed",
    words="What satisfies stays; what is replaced goes whole, and comes whole.",
    behaviours=(
        Behaviour(
            claim="a version that satisfies stays",
            wheels=_WHEELS,
            steps=(install("a==1.0"), install("a")),
            linkd="a 1.0",
            after=("pip test_install_upgrade.py::test_no_upgrade_unless_requested",),
        ),
        Behaviour(
            claim="a version that does not satisfy is replaced",
            wheels=_WHEELS,
            steps=(install("a==1.0"), install("a==2.0")),
            looks=(Lists("site/a"),),
            linkd="a 2.0; in `site/a`: `__init__.py`, `new.py`",
            after=(
                "pip test_install_upgrade.py::test_upgrade_to_specific_version",
                "uv pip_sync::upgrade",
            ),
        ),
        Behaviour(
            claim="an older version in place of a newer",
            wheels=_WHEELS,
            steps=(install("a==2.0"), install("a<2")),
            linkd="a 1.0",
        ),
        Behaviour(
            claim="`-U` takes the newest",
            wheels=_WHEELS,
            steps=(install("a==1.0"), install("-U", "a")),
            linkd="a 2.0",
            after=("pip test_install_upgrade.py::test_upgrade_if_requested",),
        ),
        Behaviour(
            claim="`-U` with the newest installed is nothing to do",
            wheels=_WHEELS,
            steps=(install("a"), Delete("site/a/new.py"), install("-U", "a")),
            looks=(Has("site/a/new.py"),),
            linkd="a 2.0; no `site/a/new.py`",
            after=("pip test_install_upgrade.py::test_upgrade_with_newest_already_installed",),
        ),
        Behaviour(
            claim="`-U` and a dependency that satisfies, but is not the newest",
            wheels=_WHEELS,
            steps=(install("a==1.0", "needs==1.0"), install("-U", "needs<2")),
            linkd="a 2.0, needs 1.0",
            why="`-U` upgrades all that takes part, as with uv; pip only what was named.",
            after=(
                "pip test_install_upgrade.py::test_only_if_needed_does_not_upgrade_deps_when_satisfied",
            ),
        ),
        Behaviour(
            claim="`-U` and a dependency that no longer satisfies",
            wheels=_WHEELS,
            steps=(install("a==1.0", "needs==1.0"), install("-U", "needs")),
            linkd="a 2.0, needs 2.0",
            after=(
                "pip test_install_upgrade.py::test_only_if_needed_does_upgrade_deps_when_no_longer_satisfied",
            ),
        ),
        Behaviour(
            claim="`-U` leaves what is not asked for and not needed",
            wheels=_WHEELS,
            steps=(install("a==1.0", "b==1.0"), install("-U", "a")),
            linkd="a 2.0, b 1.0",
        ),
        Behaviour(
            claim="`-P` upgrades the one that is named",
            wheels=_WHEELS,
            steps=(
                install("a==1.0", "b==1.0"),
                install(same("-P"), same("a"), "a", "b"),
            ),
            linkd="a 2.0, b 1.0",
        ),
        Behaviour(
            claim="`-U` of a pre-release that is newer than all finals",
            wheels=(*_WHEELS, wheel("a", "3.0b1")),
            steps=(install("a==3.0b1"), install("-U", "a")),
            linkd="a 2.0",
            why="`-U` takes what a new environment would get.",
        ),
        Behaviour(
            claim="a pre-release that is installed satisfies",
            wheels=(*_WHEELS, wheel("a", "3.0b1")),
            steps=(install("a==3.0b1"), install("a")),
            linkd="a 3.0b1",
        ),
        Behaviour(
            claim="`--reinstall` brings back what was deleted",
            wheels=_WHEELS,
            steps=(install("a"), Delete("site/a/new.py"), install(REINSTALL, "a")),
            looks=(Has("site/a/new.py"),),
            linkd="a 2.0; `site/a/new.py` is there",
            after=(
                "uv pip_sync::reinstall",
                "pip test_install_upgrade.py::test_upgrade_force_reinstall_newest",
            ),
        ),
        Behaviour(
            claim="`--reinstall` puts right what was changed",
            wheels=_WHEELS,
            steps=(
                install("a"),
                Write("site/a/__init__.py", "value = 'mine'\n"),
                install(REINSTALL, "a"),
            ),
            looks=(Holds("site/a/__init__.py"),),
            linkd="a 2.0; `site/a/__init__.py` has `value = 2`",
        ),
        Behaviour(
            claim="`--reinstall` while there is a newer version",
            wheels=_WHEELS,
            steps=(install("a==1.0"), install(REINSTALL, "a")),
            linkd="a 1.0",
            why="To install again is not to upgrade; `-U` does that, and both together both.",
            after=("pip test_install_force_reinstall.py",),
        ),
        Behaviour(
            claim="`--reinstall` counts for dependencies, too",
            wheels=_WHEELS,
            steps=(
                install("needs"),
                Delete("site/a/new.py"),
                install(REINSTALL, "needs"),
            ),
            looks=(Has("site/a/new.py"),),
            linkd="a 2.0, needs 2.0; `site/a/new.py` is there",
        ),
        Behaviour(
            claim="`--reinstall-package` counts for the one that is named",
            wheels=_WHEELS,
            steps=(
                install("a", "b"),
                Delete("site/a/new.py"),
                Delete("site/b/__init__.py"),
                install(same("--reinstall-package"), same("a"), "a", "b"),
            ),
            looks=(Has("site/a/new.py"), Has("site/b/__init__.py")),
            linkd="a 2.0, b 2.0; `site/a/new.py` is there; no `site/b/__init__.py`",
            after=("uv pip_sync::reinstall_package",),
        ),
        Behaviour(
            claim="`--reinstall-package` knows a name in another spelling",
            wheels=(wheel("Some.Name", files={"some.py": ""}),),
            steps=(
                install("some-name"),
                Delete("site/some.py"),
                install(same("--reinstall-package"), same("SOME_name"), "some-name"),
            ),
            looks=(Has("site/some.py"),),
            linkd="some-name 1.0; `site/some.py` is there",
            after=("uv pip_sync::reinstall_package",),
        ),
        Behaviour(
            claim="an upgrade that something installed cannot bear",
            wheels=(wheel("a"), wheel("a", "2.0"), wheel("strict", requires=["a<2"])),
            steps=(install("strict"), install("a==2.0")),
            looks=(Says("strict"),),
            linkd="a 2.0, strict 1.0; does not say “strict”",
            why="As with uv, what nobody asked for has no say; pip warns. `pip check` finds it.",
            after=("pip test_install_check.py",),
        ),
        Behaviour(
            claim="an upgrade to a broken wheel",
            wheels=(
                wheel("a"),
                wheel("a", "2.0", files={"a.txt": ""}, data={"unknown/file": ""}),
            ),
            steps=(install("a==1.0"), install("a==2.0")),
            looks=(Has("site/a/__init__.py"),),
            linkd="refused; `site/a/__init__.py` is there",
            why="linkd refuses before it touches anything; the others have removed or installed when they notice.",
            after=("pip test_install_upgrade.py::test_uninstall_rollback",),
        ),
        Behaviour(
            claim="a distribution whose dist-info has no METADATA",
            wheels=_WHEELS,
            steps=(install("a==1.0"), Delete("site/a-1.0.dist-info/METADATA"), install("a==2.0")),
            looks=(Has("site/a-1.0.dist-info"), Has("site/a/old.py")),
            linkd="? ?, a 2.0; `site/a-1.0.dist-info` is there; `site/a/old.py` is there",
            why="Without METADATA an installation was never finished, and nobody's; pip and uv take the folder's name for it.",
            after=("uv pip_install::reinstall_incomplete",),
        ),
        Behaviour(
            claim="an upgrade of a distribution without RECORD",
            wheels=_WHEELS,
            steps=(install("a==1.0"), Delete("site/a-1.0.dist-info/RECORD"), install("a==2.0")),
            looks=(Has("site/a-1.0.dist-info"), Has("site/a/old.py")),
            linkd="refused; `site/a-1.0.dist-info` is there; `site/a/old.py` is there",
            why="As with pip: nobody knows which files are its own. uv leaves the old one beside the new.",
        ),
        Behaviour(
            claim="what an interrupted pip left is passed over",
            wheels=_WHEELS,
            steps=(
                install("a==1.0"),
                Rename("site/a-1.0.dist-info", "site/~-1.0.dist-info"),
                install("a==2.0"),
            ),
            looks=(Has("site/~-1.0.dist-info"),),
            linkd="a 1.0, a 2.0; `site/~-1.0.dist-info` is there",
        ),
        Behaviour(
            claim="a user's own file where a wheel's comes",
            wheels=(wheel("a", files={"tool.py": "value = 'wheel'\n"}),),
            steps=(Write("site/tool.py", "value = 'mine'\n"), install("a")),
            looks=(Holds("site/tool.py"), Has("replaced-files")),
            linkd="a 1.0; `site/tool.py` has `value = 'wheel'`; `replaced-files` is there",
            why="A file that nobody recorded is somebody's own: linkd keeps it and says where.",
        ),
        Behaviour(
            claim="a user's own file in a package that is replaced stays",
            wheels=_WHEELS,
            steps=(install("a==1.0"), Write("site/a/mine.txt", "mine"), install("a==2.0")),
            looks=(Lists("site/a"),),
            linkd="a 2.0; in `site/a`: `__init__.py`, `mine.txt`, `new.py`",
        ),
        Behaviour(
            claim="a user's own folder where a wheel's file comes",
            wheels=(wheel("a", files={"tool.py": ""}),),
            steps=(Write("site/tool.py/mine.txt", "mine"), install("a")),
            looks=(Has("site/tool.py/mine.txt"),),
            linkd="refused; `site/tool.py/mine.txt` is there",
        ),
        Behaviour(
            claim="a module becomes a package of the same name",
            wheels=(
                wheel("a", files={"tool.py": ""}),
                wheel("a", "2.0", files={"tool/__init__.py": ""}),
            ),
            steps=(install("a==1.0"), install("a==2.0")),
            looks=(Has("site/tool.py"), Lists("site/tool")),
            linkd="a 2.0; no `site/tool.py`; in `site/tool`: `__init__.py`",
        ),
        Behaviour(
            claim="a package becomes a file of the same name",
            wheels=(
                wheel("a", files={"tool/__init__.py": ""}),
                wheel("a", "2.0", files={"tool": "text"}),
            ),
            steps=(install("a==1.0"), install("a==2.0")),
            looks=(Holds("site/tool"),),
            linkd="a 2.0; `site/tool` has `text`",
        ),
        Behaviour(
            claim="a dependency that is there counts where nobody has it any more",
            wheels=(wheel("Some.Name"), wheel("needs", requires=["some_name"])),
            steps=(
                install("some-name"),
                Lost("some_name-1.0-py3-none-any.whl"),
                install("needs"),
            ),
            linkd="needs 1.0, some-name 1.0",
            after=("pip test_install_upgrade.py::test_install_find_existing_package_canonicalize",),
        ),
        Behaviour(
            claim="`--reinstall` of what nobody has any more",
            wheels=(wheel("a"),),
            steps=(install("a"), Lost("a-1.0-py3-none-any.whl"), install(REINSTALL, "a")),
            linkd="refused",
            after=("uv pip_install::reinstall_no_index",),
        ),
        Behaviour(
            claim="`-U` of what nobody has any more",
            wheels=(wheel("a"),),
            steps=(install("a"), Lost("a-1.0-py3-none-any.whl"), install("-U", "a")),
            linkd="a 1.0",
        ),
        Behaviour(
            claim="a local version that is there answers a name",
            wheels=(wheel("a", "1.0+mine"), wheel("a", "2.0")),
            steps=(install("a==1.0+mine"), install("a")),
            linkd="a 1.0+mine",
            after=("uv pip_install::already_installed_local_version_of_remote_package",),
        ),
    ),
)
