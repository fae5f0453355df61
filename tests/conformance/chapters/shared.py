"""Files that several distributions bring."""

from typing import Final

from tests.conformance.behaviour import REINSTALL, Behaviour, Chapter, install, uninstall
from tests.conformance.state import Has, Holds, Lists, Says
from tests.differential.oddities import wheel

_SAME: Final = (
    wheel("ns-a", files={"ns/__init__.py": "# one\n", "ns/a.py": ""}),
    wheel("ns-b", files={"ns/__init__.py": "# one\n", "ns/b.py": ""}),
)
_OTHER: Final = (
    wheel("ns-a", files={"ns/x.py": "a"}),
    wheel("ns-b", files={"ns/x.py": "b"}),
)
_BIN: Final = (
    wheel("ns-a", data={"scripts/run": "#!/bin/sh\necho a\n"}),
    wheel("ns-b", data={"scripts/run": "#!/bin/sh\necho b\n"}),
)
_KEPT: Final = "A file stays until its last owner goes; pip and uv delete it with the first."
_ORDER: Final = (
    "The distribution whose name sorts last wins, whatever the order; with pip and uv it is chance "
    "or order."
)

SHARED: Final = Chapter(
    title="Files that several distributions bring",
    words="The race that linkd began with: a file belongs to all who record it.",
    behaviours=(
        Behaviour(
            claim="the same file of two distributions",
            wheels=_SAME,
            steps=(install("ns-a", "ns-b"),),
            looks=(Lists("site/ns"),),
            linkd="ns-a 1.0, ns-b 1.0; in `site/ns`: `__init__.py`, `a.py`, `b.py`",
        ),
        Behaviour(
            claim="uninstalling one leaves the file to the other",
            wheels=_SAME,
            steps=(install("ns-a", "ns-b"), uninstall("ns-a")),
            looks=(Lists("site/ns"),),
            linkd="ns-b 1.0; in `site/ns`: `__init__.py`, `b.py`",
            why="A file stays until its last owner goes; pip and uv delete it with the first.",
            after=("pip test_uninstall.py::test_uninstall_overlapping_package",),
        ),
        Behaviour(
            claim="uninstalling both leaves nothing",
            wheels=_SAME,
            steps=(install("ns-a", "ns-b"), uninstall("ns-b", "ns-a")),
            looks=(Has("site/ns"),),
            linkd="nothing; no `site/ns`",
        ),
        Behaviour(
            claim="reinstalling one keeps what both have",
            wheels=_SAME,
            steps=(install("ns-a", "ns-b"), install(REINSTALL, "ns-a")),
            looks=(Lists("site/ns"),),
            linkd="ns-a 1.0, ns-b 1.0; in `site/ns`: `__init__.py`, `a.py`, `b.py`",
        ),
        Behaviour(
            claim="upgrading one that has the file no longer",
            wheels=(*_SAME, wheel("ns-a", "2.0", files={"ns/a.py": ""})),
            steps=(install("ns-a==1.0", "ns-b"), install("ns-a==2.0")),
            looks=(Lists("site/ns"),),
            linkd="ns-a 2.0, ns-b 1.0; in `site/ns`: `__init__.py`, `a.py`, `b.py`",
            why="A file stays until its last owner goes; pip and uv delete it with the first.",
        ),
        Behaviour(
            claim="different files of one name: the last name's, installed last",
            wheels=_OTHER,
            steps=(install("ns-a"), install("ns-b")),
            looks=(Holds("site/ns/x.py"),),
            linkd="ns-a 1.0, ns-b 1.0; `site/ns/x.py` has `b`",
        ),
        Behaviour(
            claim="different files of one name: the last name's, installed first",
            wheels=_OTHER,
            steps=(install("ns-b"), install("ns-a")),
            looks=(Holds("site/ns/x.py"),),
            linkd="ns-a 1.0, ns-b 1.0; `site/ns/x.py` has `b`",
            why="The distribution whose name sorts last wins, whatever the order; with pip and uv who comes last.",
        ),
        Behaviour(
            claim="different files of one name: a word of it",
            wheels=_OTHER,
            steps=(install("ns-a", "ns-b"),),
            looks=(Says("x.py"),),
            linkd="ns-a 1.0, ns-b 1.0; says “x.py”",
            why="linkd names the file and its owners; pip says nothing, uv only of modules.",
        ),
        Behaviour(
            claim="uninstalling the one that won brings the other's file back",
            wheels=_OTHER,
            steps=(install("ns-a", "ns-b"), uninstall("ns-b")),
            looks=(Holds("site/ns/x.py"),),
            linkd="ns-a 1.0; `site/ns/x.py` has `a`",
            why="A file stays until its last owner goes; pip and uv delete it with the first.",
        ),
        Behaviour(
            claim="uninstalling the one that lost leaves the other's file",
            wheels=_OTHER,
            steps=(install("ns-a", "ns-b"), uninstall("ns-a")),
            looks=(Holds("site/ns/x.py"),),
            linkd="ns-b 1.0; `site/ns/x.py` has `b`",
            why="A file stays until its last owner goes; pip and uv delete it with the first.",
        ),
        Behaviour(
            claim="scripts of one name",
            wheels=_BIN,
            steps=(install("ns-b"), install("ns-a"), uninstall("ns-a")),
            looks=(Has("bin/run"),),
            linkd="ns-b 1.0; `bin/run` is there",
            why="A file stays until its last owner goes; pip and uv delete it with the first.",
        ),
    ),
)
