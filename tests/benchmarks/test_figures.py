"""Figures, verdicts and the tables and plots made of them."""

from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks.contest import Outcome
from tests.benchmarks.crowd import Crowd, Level
from tests.benchmarks.drawing import draw_bars, draw_lines, draw_timeline
from tests.benchmarks.samples import Sample, Spread, percentile
from tests.benchmarks.sets import SETS
from tests.benchmarks.table import Row, as_markdown, as_text
from tests.benchmarks.verdicts import judge, judge_crowd
from tests.benchmarks.works import WORKS

SVG = "{http://www.w3.org/2000/svg}"


def samples(*walls: float, resolve: float = 0) -> list[Sample]:
    return [Sample(wall_ms=ms, cpu_ms=ms / 2, phases_ms={"resolve": resolve}) for ms in walls]


def level(clients: int, per_second: float, p99_ms: float) -> Level:
    return Level(clients=clients, per_second=per_second, p99_ms=p99_ms)


def test_spread() -> None:
    """A spread is the median and the two ends, whatever the order."""
    assert Spread(3, 1, 40) == Spread.of([3, 40, 1])


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (99, 99), (100, 99), (200, 198)])
def test_percentile(count: int, expected: int) -> None:
    """99 of 100 values do not exceed their 99th percentile, which is one of them."""
    assert expected == percentile([*range(count, 0, -1)], 0.99)


def test_reach_of_a_work() -> None:
    """Speed is compared with the reach of the file system, processor time with one for all."""
    work = next(work for work in WORKS if work.name == "many")
    outcome = Outcome("many", "tmpfs", {"linkd": samples(10), "uv": samples(105)})
    assert [(v.figure, v.met) for v in judge(work, outcome)] == [("10.50", True), ("0.10", True)]
    outcome.files = "ext4"
    assert [verdict.met for verdict in judge(work, outcome)] == [False, True]


def test_what_was_not_measured_is_not_reached() -> None:
    """A work that linkd cannot do yet is missed, not left out."""
    work = next(work for work in WORKS if work.needs)
    (verdict,) = judge(work, Outcome(work.name, "ext4", missing="not yet"))
    assert (verdict.figure, verdict.met) == ("not measured", False)


def test_reach_of_a_crowd() -> None:
    """Levels with less throughput than uv's are named; p99 is compared with the number of clients."""
    ours = [level(1, 10, 100), level(2, 10, 210), level(4, 10, 390)]
    theirs = [level(1, 9, 100), level(2, 11, 200), level(4, 12, 400)]
    throughput, latency = judge_crowd(Crowd(files="ext4", levels={"linkd": ours, "uv": theirs}))
    assert (throughput.figure, throughput.met) == ("below it with 2, 4 clients", False)
    assert (latency.figure, latency.met) == ("at most 1.05 times as fast", False)


def test_tables() -> None:
    """A terminal's table leaves out columns in which nothing stands; a document's has all."""
    rows = [Row(("a", "", "1")), Row(("bcd", "", "2"))]
    assert as_text(("x", "y", "z"), rows) == "x    z\na    1\nbcd  2"
    assert (
        as_markdown(("x", "y", "z"), rows[:1]) == "| x | y | z |\n| --- | --- | --- |\n| a |  | 1 |"
    )


def test_bars() -> None:
    """Each figure has a bar, longer the more it is, and its text beside it."""
    drawn = ET.fromstring(draw_bars("T & T", {"work": {"linkd": 20.0, "uv": 1500.0}}))
    widths = [float(rect.attrib["width"]) for rect in drawn.iter(f"{SVG}rect")][-2:]
    texts = [text.text for text in drawn.iter(f"{SVG}text")]
    assert widths[0] < widths[1]
    assert {"T & T", "work", "20 ms", "1.5 s"} <= {*texts}


def test_lines_and_timeline() -> None:
    """A line has a point for each level; a timeline's spans follow each other without a gap."""
    lines = ET.fromstring(draw_lines("t", {"uv": [(1, 5.0), (2, 6.0), (4, 9.0)]}))
    line = [one.attrib["points"] for one in lines.iter(f"{SVG}polyline")][-1]
    assert len(line.split()) == 3
    rows = {"linkd": [("client", 3.0), ("graft", 7.0)]}
    timeline = ET.fromstring(draw_timeline("t", rows))
    first, second = [rect.attrib for rect in timeline.iter(f"{SVG}rect")][-2:]
    assert float(second["x"]) == pytest.approx(float(first["x"]) + float(first["width"]), abs=0.1)


def test_every_set_is_pinned() -> None:
    """Each requirement of each set is one exact version, so that two days measure the same."""
    loose = [pin for one in SETS.values() for pin in one.pins if pin.count("==") != 1]
    assert loose == []
    assert [len(one.pins) for one in SETS.values()] == [164, 19, 40, 1, 1, 1, 10]
