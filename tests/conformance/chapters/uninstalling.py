"""Uninstalling, from environments in every state."""

from typing import Final

from tests.conformance.behaviour import Behaviour, Chapter, install, same, uninstall
from tests.conformance.edits import Append, Delete, Import, Link, Write
from tests.conformance.state import Has, Lists, Says
from tests.differential.oddities import wheel
from tests.support.sources import Project

_A: Final = (wheel("a", files={"a/__init__.py": "", "a/sub/x.py": ""}),)
_B: Final = (wheel("b"),)
_EGG: Final = "site/old-1.0-py3.egg-info"
_PKG_INFO: Final = "Metadata-Version: 1.0\nName: old\nVersion: 1.0\n"
_TOOL: Final = wheel(
    "tool",
    files={"tool.py": "def main(): pass\n"},
    entry_points="[console_scripts]\nrun = tool:main\n[gui_scripts]\nshow = tool:main\n",
    data={"scripts/old": "#!python\n", "data/share/tool/x.txt": "", "headers/tool.h": ""},
)

UNINSTALLING: Final = Chapter(
    title="Uninstalling",
    words="What was recorded goes, and nothing else.",
    behaviours=(
        Behaviour(
            claim="all that was recorded goes, folders that are empty then, too",
            wheels=_A,
            steps=(install("a"), uninstall("a")),
            looks=(Has("site/a"), Has("site/a-1.0.dist-info")),
            linkd="nothing; no `site/a`; no `site/a-1.0.dist-info`",
            after=("uv pip_uninstall::uninstall", "pip test_uninstall.py::test_basic_uninstall"),
        ),
        Behaviour(
            claim="launchers, scripts and data go",
            wheels=(_TOOL,),
            steps=(install("tool"), uninstall("tool")),
            looks=(Has("bin/run"), Has("bin/show"), Has("bin/old"), Has("share/tool")),
            linkd="nothing; no `bin/run`; no `bin/show`; no `bin/old`; no `share/tool`",
            why="As with pip, folders that are empty then go; uv leaves them outside of site-packages.",
            after=(
                "pip test_uninstall.py::test_uninstall_console_scripts",
                "pip test_uninstall.py::test_uninstall_gui_scripts",
            ),
        ),
        Behaviour(
            claim="a launcher with capitals goes",
            wheels=(
                wheel(
                    "tool",
                    files={"tool.py": "def main(): pass\n"},
                    entry_points="[console_scripts]\nTest = tool:main\n",
                ),
            ),
            steps=(install("tool"), uninstall("tool")),
            looks=(Has("bin/Test"),),
            linkd="nothing; no `bin/Test`",
            after=("pip test_uninstall.py::test_uninstall_console_scripts_uppercase_name",),
        ),
        Behaviour(
            claim="bytecode that an import left goes",
            wheels=_A,
            steps=(install("a"), Import("a.sub.x"), uninstall("a")),
            looks=(Has("site/a"),),
            linkd="nothing; no `site/a`",
            after=("pip test_uninstall.py::test_basic_uninstall",),
        ),
        Behaviour(
            claim="bytecode of a module in site-packages' own root goes",
            wheels=(wheel("a", files={"a.py": ""}),),
            steps=(install("a"), Import("a"), uninstall("a")),
            looks=(Lists("site/__pycache__"),),
            linkd="nothing; no `site/__pycache__`",
            why="As with pip; uv looks for bytecode in packages only.",
        ),
        Behaviour(
            claim="a user's own file in the package stays",
            wheels=_A,
            steps=(install("a"), Write("site/a/mine.txt"), uninstall("a")),
            looks=(Lists("site/a"),),
            linkd="nothing; in `site/a`: `mine.txt`",
        ),
        Behaviour(
            claim="a namespace's other distributions stay",
            wheels=(wheel("ns-a", files={"ns/a.py": ""}), wheel("ns-b", files={"ns/b.py": ""})),
            steps=(install("ns-a", "ns-b"), uninstall("ns-a")),
            looks=(Lists("site/ns"),),
            linkd="ns-b 1.0; in `site/ns`: `b.py`",
            after=("pip test_uninstall.py::test_basic_uninstall_namespace_package",),
        ),
        Behaviour(
            claim="several at once",
            wheels=_A + _B,
            steps=(install("a", "b"), uninstall("a", "b")),
            linkd="nothing",
        ),
        Behaviour(
            claim="one that is named twice",
            wheels=_A,
            steps=(install("a"), uninstall("a", "A")),
            linkd="nothing",
            after=("uv pip_uninstall::uninstall_duplicate_by_path",),
        ),
        Behaviour(
            claim="dependencies stay",
            wheels=(wheel("a", requires=["b"]), *_B),
            steps=(install("a"), uninstall("a")),
            linkd="b 1.0",
        ),
        Behaviour(
            claim="what others need goes, too",
            wheels=(wheel("a", requires=["b"]), *_B),
            steps=(install("a"), uninstall("b")),
            linkd="a 1.0",
        ),
        Behaviour(
            claim="a name in another spelling",
            wheels=(wheel("Some.Name"),),
            steps=(install("some-name"), uninstall("SOME_name")),
            linkd="nothing",
        ),
        Behaviour(
            claim="what is not installed",
            steps=(uninstall("ghost"),),
            looks=(Says("ghost"),),
            linkd="refused; says “ghost”",
            why="A command that did nothing of what it was asked fails; where one of several is there, it goes on.",
            after=("pip test_uninstall.py::test_uninstall_ignores_missing_packages",),
        ),
        Behaviour(
            claim="what is not installed beside what is",
            wheels=_A,
            steps=(install("a"), uninstall("ghost", "a")),
            looks=(Says("ghost"),),
            linkd="nothing; says “ghost”",
        ),
        Behaviour(
            claim="no name at all",
            steps=(uninstall(),),
            linkd="refused",
            after=("uv pip_uninstall::no_arguments",),
        ),
        Behaviour(
            claim="what is no name",
            wheels=_A,
            steps=(install("a"), uninstall("a==1.0.x")),
            linkd="refused",
            after=("uv pip_uninstall::invalid_requirement",),
        ),
        Behaviour(
            claim="a name with its version",
            wheels=_A,
            steps=(install("a"), uninstall("a==1.0")),
            linkd="nothing",
            after=("pip test_uninstall.py::test_uninstall_invalid_parameter",),
        ),
        Behaviour(
            claim="a name with another version",
            wheels=_A,
            steps=(install("a"), uninstall("a==2.0")),
            looks=(Says("2.0"),),
            linkd="nothing; says “2.0”",
            why="All three remove what is there; linkd says that it is another version.",
        ),
        Behaviour(
            claim="a name with extras and a marker that does not hold",
            wheels=_A,
            steps=(install("a"), uninstall("a[x]; python_version < '3'")),
            linkd="nothing",
        ),
        Behaviour(
            claim="the path of a wheel",
            wheels=_A,
            steps=(install("a"), uninstall("{wheels}/a-1.0-py3-none-any.whl")),
            linkd="nothing",
            why="As with pip, it names its project; uv means what was installed from that path.",
        ),
        Behaviour(
            claim="the folder of an editable project",
            projects={"app": Project(name="app")},
            steps=(install("-e", "./app"), uninstall("./app")),
            linkd="nothing",
            why="As with uv; pip cannot tell its name.",
        ),
        Behaviour(
            claim="`-r` for uninstalling",
            wheels=_A + _B,
            files={"requirements.txt": "a\n"},
            steps=(install("a", "b"), uninstall("-r", "requirements.txt")),
            linkd="b 1.0",
            after=("pip test_uninstall.py::test_uninstall_from_reqs_file",),
        ),
        Behaviour(
            claim="`-r` for uninstalling, with all that a requirement file may have",
            wheels=_A + _B,
            files={
                "requirements.txt": "--index-url https://example.org/\n-r more.txt\n-c limits.txt\n",
                "more.txt": "a==1.0 --hash=sha256:" + "0" * 64 + "\n",
                "limits.txt": "b==1.0\n",
            },
            steps=(install("a", "b"), uninstall("-r", "requirements.txt")),
            linkd="b 1.0",
            why="A constraint asks for nothing, so it removes nothing; pip takes it for a requirement.",
        ),
        Behaviour(
            claim="`-r` for uninstalling and a name",
            wheels=_A + _B,
            files={"requirements.txt": "a\n"},
            steps=(install("a", "b"), uninstall("-r", "requirements.txt", "b")),
            linkd="nothing",
        ),
        Behaviour(
            claim="`-r` for uninstalling, of a file that names nothing",
            wheels=_A,
            files={"requirements.txt": "\n"},
            steps=(install("a"), uninstall("-r", "requirements.txt")),
            linkd="refused",
            why="As with pip; to uv it is done.",
        ),
        Behaviour(
            claim="`--dry-run` of uninstalling changes nothing",
            wheels=_A,
            steps=(install("a"), uninstall(same("--dry-run"), "a")),
            linkd="a 1.0",
            after=("uv pip_uninstall::dry_run_uninstall_egg_info",),
        ),
        Behaviour(
            claim="without RECORD nobody knows what to remove",
            wheels=_A,
            steps=(install("a"), Delete("site/a-1.0.dist-info/RECORD"), uninstall("a")),
            looks=(Says("RECORD"), Has("site/a")),
            linkd="refused; says “RECORD”; `site/a` is there",
            after=(
                "uv pip_uninstall::missing_record",
                "pip test_uninstall.py::test_uninstall_without_record_fails",
            ),
        ),
        Behaviour(
            claim="a recorded file that is gone already",
            wheels=_A,
            steps=(install("a"), Delete("site/a/sub/x.py"), uninstall("a")),
            looks=(Has("site/a"),),
            linkd="nothing; no `site/a`",
            why="As with pip, folders that are empty then go; uv leaves those of files that it misses.",
        ),
        Behaviour(
            claim="a RECORD that names a file outside of the environment",
            wheels=_A,
            steps=(
                install("a"),
                Write("../here/precious.txt", "mine"),
                Append("site/a-1.0.dist-info/RECORD", "{here}/precious.txt,,\n"),
                uninstall("a"),
            ),
            looks=(Has("../here/precious.txt"),),
            linkd="nothing; `../here/precious.txt` is there",
        ),
        Behaviour(
            claim="a RECORD that leads out of the environment by `..`",
            wheels=_A,
            steps=(
                install("a"),
                Write("../here/precious.txt", "mine"),
                Append("site/a-1.0.dist-info/RECORD", "../../../../here/precious.txt,,\n"),
                uninstall("a"),
            ),
            looks=(Has("../here/precious.txt"),),
            linkd="nothing; `../here/precious.txt` is there",
        ),
        Behaviour(
            claim="a RECORD that names somebody else's file",
            wheels=_A + _B,
            steps=(
                install("a", "b"),
                Append("site/a-1.0.dist-info/RECORD", "b/__init__.py,,\n"),
                uninstall("a"),
            ),
            looks=(Has("site/b/__init__.py"),),
            linkd="b 1.0; `site/b/__init__.py` is there",
            why="A file stays until its last owner goes; pip and uv delete it with the first.",
        ),
        Behaviour(
            claim="a RECORD that is no table",
            wheels=_A,
            steps=(
                install("a"),
                Write("site/a-1.0.dist-info/RECORD", '"a/__init__.py,,\n"unclosed'),
                uninstall("a"),
            ),
            looks=(Has("site/a/__init__.py"),),
            linkd="refused; `site/a/__init__.py` is there",
            why="As with uv; pip removes nothing and says that it was done.",
        ),
        Behaviour(
            claim="a distribution that is there twice",
            wheels=(wheel("a", files={"a/old.py": ""}), wheel("a", "2.0", files={"a/new.py": ""})),
            steps=(
                install("a==2.0"),
                Write(
                    "site/a-1.0.dist-info/METADATA",
                    "Metadata-Version: 2.1\nName: a\nVersion: 1.0\n",
                ),
                Write(
                    "site/a-1.0.dist-info/RECORD",
                    "a/old.py,,\na-1.0.dist-info/METADATA,,\na-1.0.dist-info/RECORD,,\n",
                ),
                Write("site/a/old.py"),
                uninstall("a"),
            ),
            looks=(Has("site/a"),),
            linkd="nothing; no `site/a`",
            why="As with uv; pip removes one at a time.",
            after=("uv pip_uninstall::uninstall_duplicate",),
        ),
        Behaviour(
            claim="an egg-info that says what its modules are",
            steps=(
                Write(f"{_EGG}/PKG-INFO", _PKG_INFO),
                Write(f"{_EGG}/top_level.txt", "old\n"),
                Write("site/old/__init__.py"),
                uninstall("old"),
            ),
            looks=(Has("site/old"), Has(_EGG)),
            linkd="nothing; no `site/old`; no `site/old-1.0-py3.egg-info`",
            after=("uv pip_uninstall::uninstall_egg_info",),
        ),
        Behaviour(
            claim="an egg-info that is only a file (distutils)",
            steps=(Write(_EGG, _PKG_INFO), Write("site/old.py"), uninstall("old")),
            looks=(Has("site/old.py"), Has(_EGG)),
            linkd="refused; `site/old.py` is there; `site/old-1.0-py3.egg-info` is there",
            after=("pip test_uninstall.py::test_basic_uninstall_distutils",),
        ),
        Behaviour(
            claim="an egg-info with the list of its files",
            steps=(
                Write(f"{_EGG}/PKG-INFO", _PKG_INFO),
                Write(
                    f"{_EGG}/installed-files.txt",
                    "../old/__init__.py\nPKG-INFO\ninstalled-files.txt\n",
                ),
                Write("site/old/__init__.py"),
                uninstall("old"),
            ),
            looks=(Has("site/old"), Has(_EGG)),
            linkd="nothing; no `site/old`; no `site/old-1.0-py3.egg-info`",
            why="As with pip; uv goes by top_level.txt only.",
        ),
        Behaviour(
            claim="what `setup.py develop` left",
            files={"src/old.egg-info/PKG-INFO": _PKG_INFO, "src/old.py": ""},
            steps=(
                Write("site/old.egg-link", "{here}/src\n."),
                Write("site/easy-install.pth", "something\n{here}/src\nanother thing\n"),
                uninstall("old"),
            ),
            looks=(Has("site/old.egg-link"), Has("../here/src/old.py")),
            linkd="nothing; no `site/old.egg-link`; `../here/src/old.py` is there",
            after=("uv pip_uninstall::uninstall_legacy_editable",),
        ),
        Behaviour(
            claim="site-packages stays when its last distribution goes",
            wheels=(wheel("a", files={"a.py": ""}),),
            steps=(install("a"), uninstall("a")),
            looks=(Has("site"),),
            linkd="nothing; `site` is there",
            why="pip prunes what is empty up to the environment itself, and takes the folder with it.",
        ),
        Behaviour(
            claim="a link in RECORD",
            wheels=_A,
            files={"mine/notes.txt": ""},
            steps=(
                install("a"),
                Link("site/link", "../../../../here/mine"),
                Append("site/a-1.0.dist-info/RECORD", "link,,\n"),
                uninstall("a"),
            ),
            looks=(Has("site/link"), Has("../here/mine/notes.txt")),
            linkd="nothing; no `site/link`; `../here/mine/notes.txt` is there",
            after=("pip test_uninstall.py::test_uninstall_with_symlink",),
        ),
    ),
)
