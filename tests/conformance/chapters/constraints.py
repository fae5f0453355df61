"""Constraints: they bound versions and bring nothing themselves."""

from typing import Final

from tests.conformance.behaviour import Behaviour, Chapter, install
from tests.conformance.state import Says
from tests.differential.oddities import wheel

_WHEELS: Final = (
    wheel("a"),
    wheel("a", "2.0"),
    wheel("needs-a", requires=["a"]),
    wheel("b"),
)
_FILE: Final = "limits.txt"

CONSTRAINTS: Final = Chapter(
    title="Constraints",
    words="`-c FILE` bounds the versions of what is installed anyhow.",
    behaviours=(
        Behaviour(
            claim="a constraint bounds what is asked for",
            wheels=_WHEELS,
            files={_FILE: "a==1.0\n"},
            steps=(install("-c", _FILE, "a"),),
            linkd="a 1.0",
            after=("uv pip_sync::compatible_constraint",),
        ),
        Behaviour(
            claim="a constraint bounds a dependency",
            wheels=_WHEELS,
            files={_FILE: "a<2\n"},
            steps=(install("-c", _FILE, "needs-a"),),
            linkd="a 1.0, needs-a 1.0",
            after=("pip test_install_reqs.py::test_package_in_constraints_and_dependencies",),
        ),
        Behaviour(
            claim="a constraint brings nothing",
            wheels=_WHEELS,
            files={_FILE: "a\n"},
            steps=(install("-c", _FILE, "b"),),
            linkd="b 1.0",
            after=(
                "pip test_install_reqs.py::test_constraints_not_installed_by_default",
                "uv pip_sync::irrelevant_constraint",
            ),
        ),
        Behaviour(
            claim="constraints alone are nothing to install",
            wheels=_WHEELS,
            files={_FILE: "a\n"},
            steps=(install("-c", _FILE),),
            linkd="refused",
            after=("pip test_install_reqs.py::test_constraints_only_causes_error",),
        ),
        Behaviour(
            claim="a constraint that no version meets",
            wheels=_WHEELS,
            files={_FILE: "a==3.0\n"},
            steps=(install("-c", _FILE, "a"),),
            linkd="refused",
            after=("uv pip_sync::incompatible_constraint",),
        ),
        Behaviour(
            claim="the file of a constraint that clashes",
            wheels=_WHEELS,
            files={_FILE: "a==3.0\n"},
            steps=(install("-c", _FILE, "a"),),
            looks=(Says(_FILE),),
            linkd="refused; says “limits.txt”",
            why="linkd names the file and the line; the others the requirement only.",
        ),
        Behaviour(
            claim="constraints that name further ones",
            wheels=_WHEELS,
            files={_FILE: "-c inner.txt\n", "inner.txt": "a==1.0\n"},
            steps=(install("-c", _FILE, "a"),),
            linkd="a 1.0",
            after=("pip test_install_reqs.py::test_multiple_constraints_files",),
        ),
        Behaviour(
            claim="requirements that a constraint file names with `-r`",
            wheels=_WHEELS,
            files={_FILE: "-r inner.txt\n", "inner.txt": "a==1.0\n"},
            steps=(install("-c", _FILE, "b"),),
            linkd="a 1.0, b 1.0",
            why="As with pip, where `-r` is always requirements; uv takes them for constraints.",
        ),
        Behaviour(
            claim="a constraint for another Python",
            wheels=_WHEELS,
            files={_FILE: "a==1.0 ; python_version < '3'\n"},
            steps=(install("-c", _FILE, "a"),),
            linkd="a 2.0",
        ),
        Behaviour(
            claim="a constraint with extras",
            wheels=(wheel("a", extras={"x": ["b"]}), wheel("b")),
            files={_FILE: "a[x]==1.0\n"},
            steps=(install("-c", _FILE, "a"),),
            linkd="refused",
            why="As with pip: a constraint cannot ask for anything. uv leaves the extra out.",
            after=("pip test_install_reqs.py::test_install_with_extras_from_constraints",),
        ),
        Behaviour(
            claim="extras of what a plain constraint bounds",
            wheels=(wheel("a", extras={"x": ["b"]}), wheel("a", "2.0"), wheel("b")),
            files={_FILE: "a<2\n"},
            steps=(install("-c", _FILE, "a[x]"),),
            linkd="a 1.0, b 1.0",
            after=("pip test_install_reqs.py::test_install_with_extras_from_install",),
        ),
        Behaviour(
            claim="an editable constraint",
            wheels=_WHEELS,
            files={_FILE: "-e ./wheels\n"},
            steps=(install("-c", _FILE, "b"),),
            linkd="refused",
            after=("pip test_install_reqs.py::test_constraints_constrain_to_local_editable",),
        ),
        Behaviour(
            claim="a constraint that names a wheel's place says where to take it from",
            wheels=_WHEELS,
            files={_FILE: "a @ file://{wheels}/a-1.0-py3-none-any.whl\n"},
            steps=(install("-c", _FILE, "a"),),
            linkd="a 1.0",
            after=("pip test_install_reqs.py::test_constraints_constrain_to_local",),
        ),
        Behaviour(
            claim="a constraint holds for what is installed already",
            wheels=_WHEELS,
            files={_FILE: "a<2\n"},
            steps=(install("a==2.0"), install("-c", _FILE, "a")),
            linkd="a 1.0",
        ),
        Behaviour(
            claim="a constraint does not touch what is installed and not asked for",
            wheels=_WHEELS,
            files={_FILE: "a<2\n"},
            steps=(install("a==2.0"), install("-c", _FILE, "b")),
            linkd="a 2.0, b 1.0",
        ),
        Behaviour(
            claim="a pre-release in a constraint allows it",
            wheels=(wheel("a"), wheel("a", "2.0b1")),
            files={_FILE: "a>=2.0b1\n"},
            steps=(install("-c", _FILE, "a"),),
            linkd="a 2.0b1",
        ),
    ),
)
