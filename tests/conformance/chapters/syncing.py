"""Sync: an environment that holds just what files name."""

from typing import Final

from tests.conformance.behaviour import Behaviour, Chapter, install, sync
from tests.conformance.edits import Delete, Write
from tests.conformance.state import Has, Origin
from tests.differential.oddities import wheel
from tests.support.sources import Project

_WHEELS: Final = (
    wheel("a"),
    wheel("a", "2.0"),
    wheel("b"),
    wheel("needs", requires=["a"]),
    wheel("pip", "99.0"),
    wheel("setuptools", "99.0"),
)
_FILE: Final = "requirements.txt"
_LOCK: Final = """\
lock-version = "1.0"
created-by = "hand"

[[packages]]
name = "a"
version = "1.0"

[[packages.wheels]]
name = "a-1.0-py3-none-any.whl"
path = "wheels/a-1.0-py3-none-any.whl"
hashes = {{sha256 = "{digest}"}}

[[packages]]
name = "b"
version = "1.0"
marker = "python_version < '3'"

[[packages.wheels]]
name = "b-1.0-py3-none-any.whl"
path = "wheels/b-1.0-py3-none-any.whl"
hashes = {{sha256 = "{digest}"}}
"""
_RIGHT: Final = _LOCK.format(digest="{sha256:a-1.0-py3-none-any.whl}")
_WRONG: Final = _LOCK.format(digest="0" * 64)

SYNCING: Final = Chapter(
    title="Sync",
    words="pip has no such command; it is measured for lock files, which its `install -r` reads.",
    behaviours=(
        Behaviour(
            claim="what is missing comes",
            wheels=_WHEELS,
            files={_FILE: "a==1.0\nb\n"},
            steps=(sync(_FILE),),
            linkd="a 1.0, b 1.0",
            after=("uv pip_sync::install",),
        ),
        Behaviour(
            claim="what is not named goes",
            wheels=_WHEELS,
            files={_FILE: "b\n"},
            steps=(install("a", "b"), sync(_FILE)),
            linkd="b 1.0",
            after=("uv pip_sync::add_remove",),
        ),
        Behaviour(
            claim="what is another version is replaced",
            wheels=_WHEELS,
            files={_FILE: "a==1.0\n"},
            steps=(install("a==2.0"), sync(_FILE)),
            linkd="a 1.0",
            after=("uv pip_sync::upgrade",),
        ),
        Behaviour(
            claim="what is there already stays as it is",
            wheels=_WHEELS,
            files={_FILE: "a==1.0\n"},
            steps=(install("a==1.0"), Delete("site/a/__init__.py"), sync(_FILE)),
            looks=(Has("site/a/__init__.py"),),
            linkd="a 1.0; no `site/a/__init__.py`",
            after=("uv pip_sync::noop",),
        ),
        Behaviour(
            claim="a dependency that the files do not name",
            wheels=_WHEELS,
            files={_FILE: "needs\n"},
            steps=(sync(_FILE),),
            linkd="a 2.0, needs 1.0",
            why="linkd resolves, so that a file need not be compiled first; `--no-deps` does as uv.",
        ),
        Behaviour(
            claim="a version that is not pinned and satisfied by what is there",
            wheels=_WHEELS,
            files={_FILE: "a\n"},
            steps=(install("a==1.0"), sync(_FILE)),
            linkd="a 1.0",
        ),
        Behaviour(
            claim="pip and setuptools stay",
            wheels=_WHEELS,
            files={_FILE: "b\n"},
            steps=(install("pip", "setuptools", "a"), sync(_FILE)),
            linkd="b 1.0, pip 99.0, setuptools 99.0",
        ),
        Behaviour(
            claim="pip that is named in another version is replaced",
            wheels=(*_WHEELS, wheel("pip", "98.0")),
            files={_FILE: "pip==98.0\n"},
            steps=(install("pip==99.0"), sync(_FILE)),
            linkd="pip 98.0",
        ),
        Behaviour(
            claim="a file that names nothing",
            wheels=_WHEELS,
            files={_FILE: "# none\n"},
            steps=(install("a"), sync(_FILE)),
            linkd="refused",
            why="As with uv nothing goes; but a command that did not do what it was asked fails.",
            after=("uv pip_sync::pip_sync_empty",),
        ),
        Behaviour(
            claim="a file that names nothing, and `--allow-empty-requirements`",
            wheels=_WHEELS,
            files={_FILE: "# none\n"},
            steps=(install("a"), sync("--allow-empty-requirements", _FILE)),
            linkd="nothing",
            after=("uv pip_sync::pip_sync_empty",),
        ),
        Behaviour(
            claim="a file that names nothing for this Python",
            wheels=_WHEELS,
            files={_FILE: "b; python_version < '3'\n"},
            steps=(install("a"), sync(_FILE)),
            linkd="nothing",
        ),
        Behaviour(
            claim="sync with a dependency group",
            wheels=_WHEELS,
            files={"pyproject.toml": '[dependency-groups]\ndev = ["b"]\n'},
            steps=(install("a"), sync("--group", "dev")),
            linkd="b 1.0",
            why="uv's sync wants a file besides.",
        ),
        Behaviour(
            claim="a file to sync with that is missing",
            wheels=_WHEELS,
            steps=(install("a"), sync(_FILE)),
            linkd="refused",
            after=("uv pip_sync::missing_requirements_txt",),
        ),
        Behaviour(
            claim="files that clash leave all as it was",
            wheels=_WHEELS,
            files={_FILE: "b\na==1.0\na==2.0\n"},
            steps=(install("a==1.0"), sync(_FILE)),
            linkd="refused",
            after=("uv pip_sync::duplicate_package_overlap",),
        ),
        Behaviour(
            claim="`--dry-run` of sync changes nothing",
            wheels=_WHEELS,
            files={_FILE: "b\n"},
            steps=(install("a"), sync("--dry-run", _FILE)),
            linkd="a 2.0",
        ),
        Behaviour(
            claim="an editable project that is named stays, one that is not goes",
            wheels=_WHEELS,
            projects={"app": Project(name="app"), "other": Project(name="other")},
            files={_FILE: "-e ./app\n"},
            steps=(install("-e", "./app", "-e", "./other"), sync(_FILE)),
            looks=(Origin("app-1.0"),),
            linkd="app 1.0; origin `file://{here}/app` editable",
            after=("uv pip_sync::sync_editable",),
        ),
        Behaviour(
            claim="an egg-info that is not named",
            wheels=_WHEELS,
            files={_FILE: "b\n"},
            steps=(
                Write(
                    "site/old-1.0-py3.egg-info/PKG-INFO",
                    "Metadata-Version: 1.0\nName: old\nVersion: 1.0\n",
                ),
                Write("site/old-1.0-py3.egg-info/top_level.txt", "old\n"),
                Write("site/old/__init__.py"),
                sync(_FILE),
            ),
            looks=(Has("site/old"),),
            linkd="b 1.0; no `site/old`",
        ),
        Behaviour(
            claim="a lock file brings what it names for this Python",
            wheels=_WHEELS,
            files={"pylock.toml": _RIGHT},
            steps=(sync("pylock.toml"),),
            linkd="a 1.0",
            after=("uv pip_sync::pep_751",),
        ),
        Behaviour(
            claim="`install -r` of a lock file",
            wheels=_WHEELS,
            files={"pylock.toml": _RIGHT},
            steps=(install("-r", "pylock.toml", found=False),),
            linkd="a 1.0",
            after=(
                "uv pip_install::pep_751_install_registry_wheel",
                "pip test_install_pylock_reqs.py",
            ),
        ),
        Behaviour(
            claim="a lock file with a wrong hash",
            wheels=_WHEELS,
            files={"pylock.toml": _WRONG},
            steps=(install("-r", "pylock.toml", found=False),),
            linkd="refused",
        ),
        Behaviour(
            claim="a lock file of a version that is not known",
            wheels=_WHEELS,
            files={"pylock.toml": _RIGHT.replace('"1.0"', '"2.0"', 1)},
            steps=(install("-r", "pylock.toml", found=False),),
            linkd="refused",
        ),
        Behaviour(
            claim="a lock file for another Python",
            wheels=_WHEELS,
            files={"pylock.toml": 'requires-python = ">=4"\n' + _RIGHT},
            steps=(install("-r", "pylock.toml", found=False),),
            linkd="refused",
            after=("uv pip_install::pep_751_requires_python",),
        ),
    ),
)
