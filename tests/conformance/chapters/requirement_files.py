"""Requirement files: what may stand in them, and how it is read."""

from typing import Final

from tests.conformance.behaviour import Behaviour, Chapter, install, same
from tests.conformance.state import Says
from tests.differential.oddities import wheel

_A: Final = (wheel("a"), wheel("a", "2.0"), wheel("b"))
_READ: Final = install("-r", "requirements.txt")
_PROJECT: Final = """\
[project]
name = "project"
version = "1.0"
dependencies = ["a<2"]

[project.optional-dependencies]
x = ["b"]

[dependency-groups]
dev = ["b"]
"""
_NO_PROJECTS: Final = "To pip `-r` is a file of requirements only; linkd and uv read projects."

REQUIREMENT_FILES: Final = Chapter(
    title="Requirement files",
    words="A file is read by the client and means what it means to pip.",
    behaviours=(
        Behaviour(
            claim="comments, blank lines and lines that go on behind a backslash",
            wheels=_A,
            files={"requirements.txt": "# both\n\na \\\n  ==1.0  # not the newest\n   b\n"},
            steps=(_READ,),
            linkd="a 1.0, b 1.0",
            why="uv goes on behind a backslash only before an option.",
        ),
        Behaviour(
            claim="a `#` that no blank precedes is no comment",
            wheels=(wheel("a"), wheel("a", "2.0")),
            files={"requirements.txt": "a==1.0#==2.0\n"},
            steps=(_READ,),
            linkd="refused",
        ),
        Behaviour(
            claim="a backslash at the end of the last line",
            wheels=_A,
            files={"requirements.txt": "a==1.0 \\"},
            steps=(_READ,),
            linkd="a 1.0",
            why="uv wants a further line.",
        ),
        Behaviour(
            claim="CRLF line ends",
            wheels=_A,
            files={"requirements.txt": "a==1.0\r\nb\r\n"},
            steps=(_READ,),
            linkd="a 1.0, b 1.0",
        ),
        Behaviour(
            claim="a byte order mark before the first line",
            wheels=_A,
            files={"requirements.txt": "\ufeffa==1.0\n"},
            steps=(_READ,),
            linkd="a 1.0",
        ),
        Behaviour(
            claim="an empty file is nothing to do",
            wheels=_A,
            files={"requirements.txt": "\n# none\n"},
            steps=(_READ,),
            linkd="nothing",
            after=("uv pip_install::empty_requirements_txt",),
        ),
        Behaviour(
            claim="a file that is missing",
            steps=(_READ,),
            linkd="refused",
            after=("uv pip_install::missing_requirements_txt",),
        ),
        Behaviour(
            claim="a line that is no requirement is told with its file",
            wheels=_A,
            files={"requirements.txt": "b\na==1.0.x\n"},
            steps=(_READ,),
            looks=(Says("requirements.txt"), Says("a==1.0.x")),
            linkd="refused; says “requirements.txt”; says “a==1.0.x”",
            after=("uv pip_install::invalid_requirements_txt_requirement",),
        ),
        Behaviour(
            claim="the line of what is no requirement",
            wheels=_A,
            files={"requirements.txt": "b\n\na==1.0.x\n"},
            steps=(_READ,),
            looks=(Says("requirements.txt:3"),),
            linkd="refused; says “requirements.txt:3”",
            why="linkd names the file and the line; the others the file at most.",
        ),
        Behaviour(
            claim="an option that is not known",
            wheels=_A,
            files={"requirements.txt": "a\n--frobnicate\n"},
            steps=(_READ,),
            linkd="refused",
        ),
        Behaviour(
            claim="an option behind a requirement that it does not belong to",
            wheels=_A,
            files={"requirements.txt": "a --pre\n"},
            steps=(_READ,),
            linkd="refused",
            why="An option is never ignored; pip ignores this one.",
        ),
        Behaviour(
            claim="a nested file is looked for beside the one that names it",
            wheels=_A,
            files={
                "requirements.txt": "-r sub/one.txt\n",
                "sub/one.txt": "-r two.txt\n",
                "sub/two.txt": "b\n",
            },
            steps=(_READ,),
            linkd="b 1.0",
            after=("pip test_install_reqs.py::test_multiple_requirements_files",),
        ),
        Behaviour(
            claim="a nested file that is missing",
            wheels=_A,
            files={"requirements.txt": "a\n-r none.txt\n"},
            steps=(_READ,),
            looks=(Says("none.txt"),),
            linkd="refused; says “none.txt”",
        ),
        Behaviour(
            claim="two files that name each other",
            wheels=_A,
            files={
                "requirements.txt": "-r other.txt\na\n",
                "other.txt": "-r requirements.txt\nb\n",
            },
            steps=(_READ,),
            linkd="refused",
            why="As with pip, a ring is a mistake; uv reads each file once.",
        ),
        Behaviour(
            claim="a relative path, from the working folder",
            wheels=(wheel("a"),),
            files={"sub/requirements.txt": "./wheels/a-1.0-py3-none-any.whl\n"},
            steps=(install("-r", "sub/requirements.txt"),),
            linkd="a 1.0",
            after=("pip test_install_reqs.py::test_relative_requirements_file",),
        ),
        Behaviour(
            claim="a relative path, from the file's folder",
            wheels=(wheel("a"),),
            files={"sub/requirements.txt": "../wheels/a-1.0-py3-none-any.whl\n"},
            steps=(install("-r", "sub/requirements.txt"),),
            linkd="a 1.0",
            why="linkd looks beside the file where the working folder has nothing; the others do not.",
            after=("pip test_install_reqs.py::test_relative_requirements_file",),
        ),
        Behaviour(
            claim="`--find-links` and `--no-index` in the file",
            wheels=_A,
            files={"requirements.txt": "--no-index\n--find-links {wheels}\na\n"},
            steps=(install("-r", "requirements.txt", found=False),),
            linkd="a 2.0",
            after=("uv pip_install::no_index_requirements_txt",),
        ),
        Behaviour(
            claim="a relative `--find-links` is taken from the file's folder",
            wheels=_A,
            files={"sub/requirements.txt": "--no-index\n--find-links ../wheels\na\n"},
            steps=(install("-r", "sub/requirements.txt", found=False),),
            linkd="a 2.0",
        ),
        Behaviour(
            claim="`--index-url` in the file",
            wheels=_A,
            index={},
            files={"requirements.txt": "--index-url {url}\na\n"},
            steps=(install("-r", "requirements.txt", found=False),),
            linkd="a 2.0",
        ),
        Behaviour(
            claim="`--pre` in the file",
            wheels=(wheel("a"), wheel("a", "2.0b1")),
            files={"requirements.txt": "--pre\na\n"},
            steps=(_READ,),
            linkd="a 2.0b1",
            why="As with pip; uv does not know it there.",
        ),
        Behaviour(
            claim="`-c` in the file",
            wheels=_A,
            files={"requirements.txt": "-c limits.txt\na\n", "limits.txt": "a<2\n"},
            steps=(_READ,),
            linkd="a 1.0",
        ),
        Behaviour(
            claim="`${VARIABLE}` is replaced by the client's variable",
            wheels=_A,
            files={"requirements.txt": "a @ file://${WHERE}/a-1.0-py3-none-any.whl\n"},
            steps=(install("-r", "requirements.txt", env={"WHERE": "{wheels}"}),),
            linkd="a 1.0",
        ),
        Behaviour(
            claim="`$VARIABLE` without braces stays as it is",
            wheels=_A,
            files={"requirements.txt": "a @ file://$WHERE/a-1.0-py3-none-any.whl\n"},
            steps=(install("-r", "requirements.txt", env={"WHERE": "{wheels}"}),),
            linkd="refused",
        ),
        Behaviour(
            claim="`-r -` reads standard input",
            wheels=_A,
            steps=(install("-r", "-", stdin="a==1.0\n"),),
            linkd="a 1.0",
            why="pip takes it for the name of a file.",
        ),
        Behaviour(
            claim="several files count together",
            wheels=_A,
            files={"one.txt": "a\n", "two.txt": "a<2\nb\n"},
            steps=(install("-r", "one.txt", "-r", "two.txt"),),
            linkd="a 1.0, b 1.0",
        ),
        Behaviour(
            claim="a requirement that is repeated with versions that agree",
            wheels=_A,
            files={"requirements.txt": "a\na==1.0\n"},
            steps=(_READ,),
            linkd="a 1.0",
            after=("uv pip_sync::repeat_requirement_compatible",),
        ),
        Behaviour(
            claim="a requirement that is repeated with versions that clash",
            wheels=_A,
            files={"requirements.txt": "a==1.0\na==2.0\n"},
            steps=(_READ,),
            linkd="refused",
            after=("uv pip_sync::repeat_requirement_incompatible",),
        ),
        Behaviour(
            claim="a requirement that is repeated, once for another Python",
            wheels=_A,
            files={"requirements.txt": "a==1.0\na==2.0 ; python_version < '3'\n"},
            steps=(_READ,),
            linkd="a 1.0",
            after=("uv pip_sync::duplicate_package_disjoint",),
        ),
        Behaviour(
            claim="a marker whose semicolon no blank precedes",
            wheels=_A,
            files={"requirements.txt": "a==1.0;python_version>='3'\n"},
            steps=(_READ,),
            linkd="a 1.0",
        ),
        Behaviour(
            claim="an option's argument in quotes",
            wheels=_A,
            files={"requirements.txt": "-c 'the limits.txt'\na\n", "the limits.txt": "a<2\n"},
            steps=(_READ,),
            linkd="a 1.0",
            after=("uv pip_install::single_quoted_arguments",),
        ),
        Behaviour(
            claim="an option's argument in several quotes",
            wheels=_A,
            files={"requirements.txt": '-c "./lim""its.txt"\na\n', "limits.txt": "a<2\n"},
            steps=(_READ,),
            linkd="a 1.0",
            after=("uv pip_install::concatenated_quoted_arguments",),
        ),
        Behaviour(
            claim="an extra behind the version",
            wheels=(wheel("a", extras={"x": ["b"]}), wheel("b")),
            files={"requirements.txt": "a>=1[x]\n"},
            steps=(_READ,),
            linkd="refused",
            after=("pip test_install_extras.py::test_install_fails_if_extra_at_end",),
        ),
        Behaviour(
            claim="a file that is named without `-r`",
            wheels=_A,
            files={"requirements.txt": "a\n"},
            steps=(install("requirements.txt"),),
            linkd="refused",
            after=("pip test_install_extras.py::test_install_requirements_no_r_flag",),
        ),
        Behaviour(
            claim="`-r pyproject.toml`",
            wheels=_A,
            files={"pyproject.toml": _PROJECT},
            steps=(install("-r", "pyproject.toml"),),
            linkd="a 1.0",
            why="To pip `-r` is a file of requirements only; linkd and uv read projects.",
        ),
        Behaviour(
            claim="`--extra` adds an extra of the project",
            wheels=_A,
            files={"pyproject.toml": _PROJECT},
            steps=(install("-r", "pyproject.toml", same("--extra"), same("x")),),
            linkd="a 1.0, b 1.0",
        ),
        Behaviour(
            claim="`--group` installs a dependency group",
            wheels=_A,
            files={"pyproject.toml": _PROJECT},
            steps=(install("--group", "dev"),),
            linkd="b 1.0",
        ),
        Behaviour(
            claim="`--group` with the path of its project",
            wheels=_A,
            files={"sub/pyproject.toml": _PROJECT},
            steps=(install("--group", "sub/pyproject.toml:dev"),),
            linkd="b 1.0",
        ),
        Behaviour(
            claim="`--group` with the path of another file",
            wheels=_A,
            files={"sub/project.toml": _PROJECT},
            steps=(install("--group", "sub/project.toml:dev"),),
            linkd="refused",
        ),
        Behaviour(
            claim="`--group` beside a requirement and a requirement file",
            wheels=(*_A, wheel("c")),
            files={"pyproject.toml": _PROJECT, "requirements.txt": "a==1.0\n"},
            steps=(install("c", "-r", "requirements.txt", "--group", "dev"),),
            linkd="a 1.0, b 1.0, c 1.0",
        ),
        Behaviour(
            claim="`--group` of a project without a [project] table",
            wheels=_A,
            files={"pyproject.toml": '[dependency-groups]\ndev = ["b"]\n'},
            steps=(install("--group", "dev"),),
            linkd="b 1.0",
        ),
        Behaviour(
            claim="`--group` of a group that there is not",
            wheels=_A,
            files={"pyproject.toml": _PROJECT},
            steps=(install("--group", "none"),),
            linkd="refused",
        ),
        Behaviour(
            claim="`--group` where there is no pyproject.toml",
            wheels=_A,
            steps=(install("--group", "dev"),),
            linkd="refused",
        ),
        Behaviour(
            claim="`--group` and `-r pyproject.toml`",
            wheels=_A,
            files={"pyproject.toml": _PROJECT},
            steps=(install("-r", "pyproject.toml", "--group", "dev"),),
            linkd="a 1.0, b 1.0",
            why=_NO_PROJECTS,
        ),
        Behaviour(
            claim="a pyproject.toml that cannot be read",
            files={"pyproject.toml": "123 - 456"},
            steps=(install("-r", "pyproject.toml"),),
            linkd="refused",
            after=("uv pip_install::invalid_pyproject_toml_syntax",),
        ),
    ),
)
