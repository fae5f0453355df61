"""Claims about what a person reads in a terminal."""

import pytest

from linkd.api import lines
from linkd.api.lines import Terminal
from linkd.api.schema import (
    Bytes,
    Distribution,
    Links,
    Problem,
    Result,
    TimingsAnswer,
)
from linkd.core.progress import Phase, Progress

PLAIN = Terminal()
COLORED = Terminal(color=True)


def a_result(**members: object) -> Result:
    values: dict[str, object] = {
        "environment": "/e",
        "installed": [],
        "removed": [],
        "unchanged": [],
        "collisions": [],
        "replaced_files": [],
        "links": Links(),
        "bytes": Bytes(linked=0, copied=0, downloaded=0),
        "timings_ms": TimingsAnswer(resolve=0, fetch=0, stage=0, graft=0, total=12),
        "warnings": [],
        "dry_run": False,
    }
    return Result.model_validate({**values, **members})


def came(name: str, version: str = "1.0") -> dict[str, object]:
    return {
        "name": name,
        "version": version,
        "files": 1,
        "bytes": 1,
        "link_mode": "hardlink",
        "prestaged": False,
    }


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1_500_000, "1.4 MiB"),
        (5 << 30, "5.00 GiB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    """Sizes are told in powers of 1,024."""
    assert lines.size(count) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (3.14, "3.1 ms"),
        (9.96, "10 ms"),
        (21.4, "21 ms"),
        (1420, "1.42 s"),
        (125_000, "2 min 5 s"),
        (999.7, "1.00 s"),
        (59_999, "1 min 0 s"),
        (119_900, "2 min 0 s"),
    ],
)
def test_durations(ms: float, text: str) -> None:
    """Durations are told in the unit that suits them."""
    assert lines.duration(ms) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(59, "59 s"), (59.9, "1 min"), (90, "1 min"), (3725, "1 h 2 min")]
)
def test_ages(seconds: float, text: str) -> None:
    """A daemon's age is told roughly."""
    assert lines.age(seconds) == text


def test_a_problem_has_its_hint() -> None:
    """A problem is one line and its hint another, on stderr."""
    problem = Problem(title="t", status=409, detail="it broke", code="c", hint="mend it")
    assert list(lines.render_problem(problem, PLAIN)) == ["eerror: it broke", "ehint: mend it"]


def test_a_problem_of_several_lines() -> None:
    """Further lines of a problem's detail are indented; an empty detail gives way to the title."""
    several = Problem(title="t", status=409, detail="one\ntwo", code="c")
    assert list(lines.render_problem(several, PLAIN)) == ["eerror: one", "e  two"]
    empty = Problem(title="t", status=409, detail="", code="c")
    assert list(lines.render_problem(empty, PLAIN)) == ["eerror: t"]


def test_colors_only_where_wanted() -> None:
    """Without color there is no escape sequence in any line; with it the words are the same."""
    result = a_result(installed=[came("a")], removed=[Distribution(name="b", version="2")])
    plain = "\n".join(lines.render_result(result, PLAIN))
    colored = "\n".join(lines.render_result(result, COLORED))
    assert "\x1b" not in plain
    assert "\x1b[32m+\x1b[0m" in colored
    assert plain.splitlines() == [
        "oInstalled 1 distribution in 12 ms",
        "o + a==1.0",
        "o - b==2",
    ]


def test_control_characters_are_replaced() -> None:
    """What comes from elsewhere cannot act upon the terminal or begin a line of its own."""
    problem = Problem(title="t", status=409, detail="a\x1b[2Jb\x00c", code="c", hint="x\ny")
    for line in lines.render_problem(problem, COLORED):
        assert "\x1b[2J" not in line
        assert "\n" not in line
    [warning, *_] = lines.render_result(a_result(warnings=["a\r\nx0"]), PLAIN)
    assert warning == "ewarning: a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}x0"


@pytest.mark.parametrize(
    ("members", "line"),
    [
        ({}, "Nothing to do: 0 distributions already there in 12 ms"),
        ({"removed": [{"name": "a", "version": "1"}]}, "Uninstalled 1 distribution in 12 ms"),
        ({"installed": [came("a"), came("b")]}, "Installed 2 distributions in 12 ms"),
        (
            {"installed": [came("a")], "dry_run": True},
            "Would have installed 1 distribution in 12 ms",
        ),
    ],
)
def test_headlines(members: dict[str, object], line: str) -> None:
    """The first line tells what was done."""
    assert next(lines.render_result(a_result(**members), PLAIN)) == f"o{line}"


def test_quiet_and_verbose() -> None:
    """-q leaves the warnings alone; -v adds files, bytes and times."""
    result = a_result(installed=[came("a")], warnings=["careful"], links=Links(hardlink=3))
    assert list(lines.render_result(result, Terminal(verbosity=-1))) == ["ewarning: careful"]
    *_, files, sizes, times = lines.render_result(result, Terminal(verbosity=1))
    assert files == "ofiles: 3 hardlinked"
    assert sizes.startswith("obytes: 0 B linked")
    assert times.startswith("otimes: resolve 0.0 ms")


def test_the_header_of_the_terminal() -> None:
    """What is not known in the header is passed over; widths are kept within reason."""
    parsed = Terminal.parse("columns=132, color=1,progress=1,verbosity=-2,depth=8,columns=x")
    assert parsed == Terminal(columns=132, color=True, progress=True, verbosity=-2)
    assert Terminal.parse("") == Terminal()
    assert Terminal.parse("columns=1").columns == 20


def test_progress_fits_on_one_line() -> None:
    """The live line is never wider than the terminal, and tells of the latest phase."""
    news = [
        Progress(Phase.RESOLVE, ""),
        *(Progress(Phase.FETCH, f"wheel-{number}.whl", 512, 1024) for number in range(9)),
    ]
    line = lines.render_progress(news, Terminal(columns=50))
    assert len(line) - 1 < 50
    assert line.startswith("pDownloading 4.5 KiB of 9.0 KiB: wheel-0.whl")
    assert lines.render_progress([], PLAIN) == "p"
