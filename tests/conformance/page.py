"""Writes ``docs/conformance.md`` from the chapters and from what the peers did."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.conformance.behaviour import Behaviour, Chapter, Tool
from tests.conformance.peers import PEERS, Peers, Row, row
from tests.conformance.trials import ABSENT

PAGE: Final = Path(__file__).parents[2] / "docs" / "conformance.md"
_SAME: Final = "="

_HEAD: Final = """\
# Conformance

What linkd does in {count} situations that pip's and uv's own tests, or their users, have met, and what
pip {pip} and uv {uv} do there. Nothing here is written by hand: `make test` runs linkd on each row,
`make conformance` ran pip and uv on the same wheels and commands and wrote this page. The rows are data
in `tests/conformance/chapters/`; a difference without a reason fails a test.

**{same}** means as linkd, **{absent}** that the tool has no such command or option. A cell tells what is
installed afterwards; *refused* means that nothing is changed and the exit code is not 0. Paths are below
the environment, `site/` is its site-packages; no row needs a network.

"""


def differs(one: Row, tool: Tool) -> bool:
    """Whether a peer could do it, and does something else."""
    return one.outcomes[tool] not in {one.outcomes[Tool.LINKD], ABSENT}


def write_page(chapters: Sequence[Chapter], peers: Peers) -> str:
    """The page's text."""
    rows = {chapter.title: [row(one, peers) for one in chapter.behaviours] for chapter in chapters}
    count = sum(map(len, rows.values()))
    parts = [_HEAD.format(count=count, same=_SAME, absent=ABSENT, **peers.versions)]
    parts += _summary(rows)
    for chapter in chapters:
        parts += _chapter(chapter, rows[chapter.title])
    parts += _provenance(one for chapter in chapters for one in chapter.behaviours)
    return "".join(parts)


def _summary(rows: dict[str, list[Row]]) -> Iterator[str]:
    yield "| | rows | pip does otherwise | uv does otherwise | both do |\n|---|--:|--:|--:|--:|\n"
    for title, some in rows.items():
        yield _counts(f"[{title}](#{_anchor(title)})", some)
    yield _counts("**all**", [one for some in rows.values() for one in some])


def _counts(name: str, rows: Sequence[Row]) -> str:
    pip, uv = (sum(differs(one, tool) for one in rows) for tool in PEERS)
    both = sum(all(differs(one, tool) for tool in PEERS) for one in rows)
    return f"| {name} | {len(rows)} | {pip} | {uv} | {both} |\n"


def _chapter(chapter: Chapter, rows: Sequence[Row]) -> Iterator[str]:
    yield f"\n## {chapter.title}\n\n{chapter.words}\n\n"
    yield "| | linkd | pip | uv |\n|---|---|---|---|\n"
    for one in rows:
        told = [one.outcomes[Tool.LINKD], *(_told(one, tool) for tool in PEERS)]
        yield f"| {' | '.join(map(_cell, [one.behaviour.claim, *told]))} |\n"
    reasons: dict[str, list[str]] = defaultdict(list)
    for one in rows:
        if one.behaviour.why:
            reasons[one.behaviour.why].append(one.behaviour.claim)
    if reasons:
        yield "\nWhy they differ:\n\n"
    for reason, claims in reasons.items():
        yield f"- *{'; '.join(claims)}*: {reason}\n"


def _provenance(behaviours: Iterator[Behaviour]) -> Iterator[str]:
    """The peers' tests that rows were made after, by their file."""
    tests: dict[str, set[str]] = defaultdict(set)
    for behaviour in behaviours:
        for name in behaviour.after:
            file, _, test = name.partition("::")
            tests[file].add(test)
    yield "\n## The peers' own tests\n\n"
    yield "Rows were made after these. What compiles, locks, publishes or needs a network has none.\n\n"
    for file in sorted(tests):
        names = ", ".join(f"`{test}`" for test in sorted(tests[file]) if test)
        yield f"- {file}{': ' if names else ''}{names}\n"


def _told(one: Row, tool: Tool) -> str:
    outcome = one.outcomes[tool]
    if outcome == ABSENT:
        return ABSENT
    return outcome if differs(one, tool) else _SAME


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def _anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
