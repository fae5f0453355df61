"""Extras and markers."""

from typing import Final

from tests.conformance.behaviour import Behaviour, Chapter, install
from tests.conformance.state import Says
from tests.differential.oddities import wheel

_WHEELS: Final = (
    wheel("a", extras={"x": ["b"], "y": ["c"]}),
    wheel("b"),
    wheel("c"),
)

EXTRAS: Final = Chapter(
    title="Extras and markers",
    words="PEP 508, PEP 685 and the dependency specifiers.",
    behaviours=(
        Behaviour(
            claim="an extra brings its dependencies",
            wheels=_WHEELS,
            steps=(install("a[x]"),),
            linkd="a 1.0, b 1.0",
            after=("pip test_install_wheel.py::test_install_from_wheel_with_extras",),
        ),
        Behaviour(
            claim="several extras",
            wheels=_WHEELS,
            steps=(install("a[x, y]"),),
            linkd="a 1.0, b 1.0, c 1.0",
            after=("pip test_install_extras.py::test_install_special_extra",),
        ),
        Behaviour(
            claim="extras of repeated requirements come together",
            wheels=_WHEELS,
            steps=(install("a[x]", "a[y]"),),
            linkd="a 1.0, b 1.0, c 1.0",
            after=("pip test_install_reqs.py::test_install_distribution_full_union",),
        ),
        Behaviour(
            claim="an extra that the project has not",
            wheels=_WHEELS,
            steps=(install("a[z]"),),
            looks=(Says("extra"),),
            linkd="a 1.0; says “extra”",
            after=(
                "pip test_install_extras.py::test_nonexistent_extra_warns_user_with_wheel",
                "uv pip_install_scenarios::missing_extra",
            ),
        ),
        Behaviour(
            claim="an extra is named in another spelling",
            wheels=(wheel("a", extras={"Some.Extra": ["b"]}), wheel("b")),
            steps=(install("a[some_extra]"),),
            linkd="a 1.0, b 1.0",
            after=("pip test_install_extras.py::test_install_special_extra",),
        ),
        Behaviour(
            claim="an extra that asks for another extra of the same project",
            wheels=(wheel("a", extras={"x": ["b"], "all": ["a[x]"]}), wheel("b")),
            steps=(install("a[all]"),),
            linkd="a 1.0, b 1.0",
        ),
        Behaviour(
            claim="extras that ask for each other in a ring",
            wheels=(wheel("a", extras={"x": ["a[y]"], "y": ["a[x]", "b"]}), wheel("b")),
            steps=(install("a[x]"),),
            linkd="a 1.0, b 1.0",
        ),
        Behaviour(
            claim="an extra of what is installed already brings what it wants",
            wheels=_WHEELS,
            steps=(install("a"), install("a[x]")),
            linkd="a 1.0, b 1.0",
            after=("pip test_install_extras.py::test_extras_after_wheel",),
        ),
        Behaviour(
            claim="an extra of a wheel's path",
            wheels=_WHEELS,
            steps=(install("{wheels}/a-1.0-py3-none-any.whl[x]"),),
            linkd="a 1.0, b 1.0",
        ),
        Behaviour(
            claim="`--no-deps` leaves an extra's dependencies out",
            wheels=_WHEELS,
            steps=(install("--no-deps", "a[x]"),),
            linkd="a 1.0",
        ),
        Behaviour(
            claim="a version without the extra is not passed over for an older one that has it",
            wheels=(wheel("a", extras={"x": ["b"]}), wheel("a", "2.0"), wheel("b")),
            steps=(install("a[x]"),),
            linkd="a 2.0",
            after=("uv pip_install_scenarios::extra_does_not_exist_backtrack",),
        ),
        Behaviour(
            claim="a requirement whose marker does not hold is left out",
            wheels=_WHEELS,
            steps=(install("a ; sys_platform == 'win32'", "b"),),
            linkd="b 1.0",
            after=("uv pip_sync::preserve_markers",),
        ),
        Behaviour(
            claim="a dependency whose marker does not hold is left out",
            wheels=(wheel("a", requires=["b ; python_version < '3'", "c"]), wheel("b"), wheel("c")),
            steps=(install("a"),),
            linkd="a 1.0, c 1.0",
        ),
        Behaviour(
            claim="a marker that joins an extra with a condition",
            wheels=(
                wheel("a", extras={"x": ["b; python_version >= '3'", "c; python_version < '3'"]}),
                wheel("b"),
                wheel("c"),
            ),
            steps=(install("a[x]"),),
            linkd="a 1.0, b 1.0",
        ),
        Behaviour(
            claim="a marker that asks for an extra is false for what is asked for itself",
            wheels=_WHEELS,
            steps=(install("a ; extra == 'x'", "b"),),
            linkd="b 1.0",
        ),
        Behaviour(
            claim="a marker with a variable that does not exist",
            wheels=_WHEELS,
            steps=(install("a ; weather == 'fine'"),),
            linkd="refused",
        ),
    ),
)
