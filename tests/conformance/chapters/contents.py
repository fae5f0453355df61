"""What of a wheel goes where: entry points, scripts, data, modes."""

from typing import Final

from tests.conformance.behaviour import Behaviour, Chapter, install
from tests.conformance.edits import Write
from tests.conformance.state import Has, Holds, Lists, Mode, Runs, Says
from tests.differential.oddities import dist_info, wheel
from tests.support.wheels import Tamper

_MAIN: Final = {
    "tool.py": "def main():\n    print('ran')\n\n\nclass Inner:\n    main = staticmethod(main)\n"
}


def _entry(line: str, group: str = "console_scripts") -> str:
    return f"[{group}]\n{line}\n"


CONTENTS: Final = Chapter(
    title="Entry points, scripts and data",
    words="The binary distribution format's clauses; trees are compared file by file by "
    "`make differential`.",
    behaviours=(
        Behaviour(
            claim="a console script",
            wheels=(wheel("a", files=_MAIN, entry_points=_entry("run = tool:main")),),
            steps=(install("a"),),
            looks=(Runs("run"),),
            linkd="a 1.0; `run` prints `ran`",
            after=("pip test_install_wheel.py::test_install_from_wheel_gen_entrypoint",),
        ),
        Behaviour(
            claim="a gui script",
            wheels=(
                wheel("a", files=_MAIN, entry_points=_entry("run = tool:main", "gui_scripts")),
            ),
            steps=(install("a"),),
            looks=(Runs("run"),),
            linkd="a 1.0; `run` prints `ran`",
            after=("pip test_install_wheel.py::test_install_from_wheel_gui_entrypoint",),
        ),
        Behaviour(
            claim="a console script with capitals",
            wheels=(wheel("a", files=_MAIN, entry_points=_entry("cmdName = tool:main")),),
            steps=(install("a"),),
            looks=(Runs("cmdName"),),
            linkd="a 1.0; `cmdName` prints `ran`",
            after=("pip test_install_wheel.py::test_install_from_wheel_gen_uppercase_entrypoint",),
        ),
        Behaviour(
            claim="a console script beyond ASCII",
            wheels=(wheel("a", files=_MAIN, entry_points=_entry("進入點 = tool:main")),),
            steps=(install("a"),),
            looks=(Runs("進入點"),),
            linkd="a 1.0; `進入點` prints `ran`",
            after=("pip test_install_wheel.py::test_install_from_wheel_gen_unicode_entrypoint",),
        ),
        Behaviour(
            claim="a console script of a nested attribute",
            wheels=(wheel("a", files=_MAIN, entry_points=_entry("run = tool:Inner.main")),),
            steps=(install("a"),),
            looks=(Runs("run"),),
            linkd="a 1.0; `run` prints `ran`",
        ),
        Behaviour(
            claim="a console script with extras",
            wheels=(
                wheel(
                    "a", files=_MAIN, extras={"x": []}, entry_points=_entry("run = tool:main [x]")
                ),
            ),
            steps=(install("a"),),
            looks=(Runs("run"),),
            linkd="a 1.0; `run` prints `ran`",
        ),
        Behaviour(
            claim="a console script that names no function",
            wheels=(wheel("a", files=_MAIN, entry_points=_entry("run = tool")),),
            steps=(install("a"),),
            linkd="refused",
            why="linkd refuses before it touches anything; the others have removed or installed when they notice.",
        ),
        Behaviour(
            claim="entry points that cannot be read",
            wheels=(wheel("a", files=_MAIN, entry_points="[console_scripts\nrun = tool:main\n"),),
            steps=(install("a"),),
            linkd="refused",
            why="linkd refuses before it touches anything; the others have removed or installed when they notice.",
        ),
        Behaviour(
            claim="a console script named python",
            wheels=(wheel("a", files=_MAIN, entry_points=_entry("python = tool:main")),),
            steps=(install("a"),),
            looks=(Runs("python"),),
            linkd="refused; `python` runs",
            why="linkd refuses before it touches anything; the others have removed or installed when they notice.",
        ),
        Behaviour(
            claim="a script named python by a path",
            wheels=(wheel("a", data={"scripts/nested/../python": "#!/bin/sh\necho evil\n"}),),
            steps=(install("a"),),
            linkd="refused",
            why="Reserved names are refused, by whatever path; pip replaces the interpreter.",
        ),
        Behaviour(
            claim="a console script in a folder",
            wheels=(wheel("a", files=_MAIN, entry_points=_entry("sub/run = tool:main")),),
            steps=(install("a"),),
            linkd="refused",
            why="linkd refuses before it touches anything; the others have removed or installed when they notice.",
        ),
        Behaviour(
            claim="a script of somebody else's in bin is in the way",
            wheels=(wheel("a", files=_MAIN, entry_points=_entry("mine = tool:main")),),
            steps=(Write("bin/mine", "#!/bin/sh\necho mine\n"), install("a")),
            looks=(Runs("mine"), Says("bin/mine")),
            linkd="a 1.0; `mine` prints `ran`; says “bin/mine”",
            why="A file that nobody recorded is somebody's own: linkd keeps it and says where.",
        ),
        Behaviour(
            claim="a `#!python` script that is not executable in the archive",
            wheels=(wheel("a", data={"scripts/run": "#!python\nprint('ran')\n"}),),
            steps=(install("a"),),
            looks=(Runs("run"),),
            linkd="a 1.0; `run` prints `ran`",
            why="A script must be executable (binary distribution format); pip leaves it as it is.",
        ),
        Behaviour(
            claim="a script that is executable in the archive",
            wheels=(
                wheel(
                    "a",
                    data={"scripts/run": "#!python\nprint('ran')\n"},
                    executables={"a-1.0.data/scripts/run"},
                ),
            ),
            steps=(install("a"),),
            looks=(Runs("run"), Mode("bin/run")),
            linkd="a 1.0; `run` prints `ran`; `bin/run` is executable",
        ),
        Behaviour(
            claim="a module that is executable in the archive stays so",
            wheels=(
                wheel(
                    "a", files={"a/run.sh": "#!/bin/sh\n", "a/x.sh": ""}, executables={"a/run.sh"}
                ),
            ),
            steps=(install("a"),),
            looks=(Mode("site/a/run.sh"), Mode("site/a/x.sh")),
            linkd="a 1.0; `site/a/run.sh` is executable; `site/a/x.sh` is not executable",
        ),
        Behaviour(
            claim="a member without any permission can be read",
            wheels=(wheel("a", files={"a.txt": "text"}, tamper=Tamper(modes={"a.txt": 0o100000})),),
            steps=(install("a"),),
            looks=(Holds("site/a.txt"),),
            linkd="a 1.0; `site/a.txt` has `text`",
            after=("uv pip_sync::set_read_permissions",),
        ),
        Behaviour(
            claim="data goes to the prefix",
            wheels=(wheel("a", data={"data/share/a/x.txt": "text"}),),
            steps=(install("a"),),
            looks=(Holds("share/a/x.txt"),),
            linkd="a 1.0; `share/a/x.txt` has `text`",
        ),
        Behaviour(
            claim="data in purelib and platlib goes to site-packages",
            wheels=(wheel("a", data={"purelib/info.txt": "c", "platlib/more.txt": "d"}),),
            steps=(install("a"),),
            looks=(Holds("site/info.txt"), Holds("site/more.txt")),
            linkd="a 1.0; `site/info.txt` has `c`; `site/more.txt` has `d`",
            after=("pip test_install_wheel.py::test_wheel_record_lines_have_hash_for_data_files",),
        ),
        Behaviour(
            claim="a file in the data folder itself",
            wheels=(wheel("a", data={"purelib": "text"}),),
            steps=(install("a"),),
            linkd="refused",
            why="linkd refuses before it touches anything; the others have removed or installed when they notice.",
            after=(
                "pip test_install_wheel.py::test_wheel_with_file_in_data_dir_has_reasonable_error",
            ),
        ),
        Behaviour(
            claim="a data folder of a scheme that does not exist",
            wheels=(wheel("a", data={"unknown/hello.txt": "text"}),),
            steps=(install("a"),),
            linkd="refused",
            why="linkd refuses before it touches anything; the others have removed or installed when they notice.",
            after=(
                "pip test_install_wheel.py::test_wheel_with_unknown_subdir_in_data_dir_has_reasonable_error",
            ),
        ),
        Behaviour(
            claim="a platform's root goes to site-packages as well",
            wheels=(wheel("a", purelib=False, files={"a.txt": "text"}),),
            steps=(install("a"),),
            looks=(Holds("site/a.txt"),),
            linkd="a 1.0; `site/a.txt` has `text`",
        ),
        Behaviour(
            claim="a dist-info below a folder is only a folder",
            wheels=(
                wheel(
                    "a", files={"sub/other-2.0.dist-info/METADATA": "Name: other\nVersion: 2.0\n"}
                ),
            ),
            steps=(install("a"),),
            linkd="a 1.0",
            after=("pip test_install_wheel.py::test_wheel_installs_ok_with_nested_dist_info",),
        ),
        Behaviour(
            claim="a file in dist-info that is no text",
            wheels=(dist_info("a", {"AUTHORS.txt": b"\xff"}),),
            steps=(install("a"),),
            linkd="a 1.0",
            after=(
                "pip test_install_wheel.py::test_wheel_installs_ok_with_badly_encoded_irrelevant_dist_info_file",
            ),
        ),
        Behaviour(
            claim="the installer is named",
            wheels=(wheel("a"),),
            steps=(install("a"),),
            looks=(Holds("site/a-1.0.dist-info/INSTALLER"),),
            linkd="a 1.0; `site/a-1.0.dist-info/INSTALLER` has `linkd`",
            why="It names the installer.",
        ),
        Behaviour(
            claim="a module whose source does not compile",
            wheels=(wheel("a", files={"a.py": "print 'two'\n"}),),
            steps=(install("a"),),
            looks=(Says("SyntaxError"),),
            linkd="a 1.0; does not say “SyntaxError”",
            after=("pip test_install_wheel.py::test_wheel_compile_syntax_error",),
        ),
        Behaviour(
            claim="bytecode without being asked for it",
            wheels=(wheel("a", files={"a/__init__.py": ""}),),
            steps=(install("a"),),
            looks=(Has("site/a/__pycache__"),),
            linkd="a 1.0; no `site/a/__pycache__`",
            why="What was never installed before is not waited for: as with uv. pip compiles unless it is "
            "told not to.",
            after=("pip test_install_wheel.py::test_wheel_compiles_pyc", "uv pip_sync::compile"),
        ),
        Behaviour(
            claim="a namespace that two distributions share",
            wheels=(wheel("ns-a", files={"ns/a.py": ""}), wheel("ns-b", files={"ns/b.py": ""})),
            steps=(install("ns-a", "ns-b"),),
            looks=(Lists("site/ns"),),
            linkd="ns-a 1.0, ns-b 1.0; in `site/ns`: `a.py`, `b.py`",
        ),
    ),
)
