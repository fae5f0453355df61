"""What was measured as rows that a person reads, on a terminal and in a document alike."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.benchmarks.contest import BARE, Outcome
from tests.benchmarks.crowd import Crowd
from tests.benchmarks.footing import Start
from tests.benchmarks.results import Results
from tests.benchmarks.samples import Sample, Spread, cpus, median, walls
from tests.benchmarks.verdicts import (
    MIB,
    Verdict,
    judge,
    judge_crowd,
    judge_memory,
    judge_start,
)
from tests.benchmarks.works import WORKS, Work

SIDES: Final = ("linkd", "uv", "pip", BARE)
HEAD: Final = ("work", "on", "linkd", "uv", "pip", BARE, "uv/linkd", "cpu uv/linkd", "reach", "")
CROWD_HEAD: Final = ("clients", "linkd/s", "uv/s", "linkd p99", "uv p99")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table."""

    cells: tuple[str, ...]


def work_rows(results: Results, *, titles: bool) -> Iterator[Row]:
    """With their titles, or with the short names by which works are chosen."""
    for work in WORKS:
        for outcome in results.outcomes:
            if outcome.work == work.name:
                yield _row(work.title if titles else work.name, work, outcome)


def _row(title: str, work: Work, outcome: Outcome) -> Row:
    sides = [_spread(outcome.samples.get(side, [])) for side in SIDES]
    verdicts = judge(work, outcome)
    reach = outcome.missing or "; ".join(f"{one.reach}: {one.figure}" for one in verdicts)
    ratio = _ratio(outcome, walls), _ratio(outcome, cpus)
    return Row((title, outcome.files, *sides, *ratio, reach, _marks(verdicts)))


def _spread(samples: Sequence[Sample]) -> str:
    if not samples:
        return ""
    spread = Spread.of(walls(samples))
    if len(samples) == 1:
        return f"{time_of(spread.middle)} (once)"
    return f"{time_of(spread.middle)} ({time_of(spread.least)} - {time_of(spread.most)})"


def _ratio(outcome: Outcome, figure: Callable[[Sequence[Sample]], list[float]]) -> str:
    if not {"linkd", "uv"} <= set(outcome.samples):
        return ""
    ours, theirs = (median(figure(outcome.samples[side])) for side in ("linkd", "uv"))
    return f"{theirs / ours:.2f}"


def _marks(verdicts: Iterable[Verdict]) -> str:
    return ", ".join("met" if one.met else "missed" for one in verdicts)


def crowd_rows(crowd: Crowd) -> Iterator[Row]:
    for our, their in zip(crowd.levels["linkd"], crowd.levels["uv"], strict=True):
        yield Row(
            (
                str(our.clients),
                f"{our.per_second:.1f}",
                f"{their.per_second:.1f}",
                time_of(our.p99_ms),
                time_of(their.p99_ms),
            )
        )


def crowd_lines(crowd: Crowd) -> list[str]:
    return [_line(verdict) for verdict in judge_crowd(crowd)]


def start_lines(start: Start) -> list[str]:
    client, bare = Spread.of(start.client_ms), Spread.of(start.interpreter_ms)
    figures = f"client {time_of(client.middle)}, bare interpreter {time_of(bare.middle)}"
    return [f"{figures}: {_line(judge_start(start))}"]


def memory_lines(results: Results) -> list[str]:
    lines = [
        f"the daemon that did all the works on {files}: {size / MIB:.0f} MiB at their end"
        for files, size in results.resident.items()
    ]
    if memory := results.memory:
        sizes = f"{memory.idle / MIB:.0f} MiB idle, {memory.after_first / MIB:.0f} MiB after the"
        sizes += f" first installs, {memory.after_all / MIB:.0f} MiB after all"
        lines += [sizes, *(_line(verdict) for verdict in judge_memory(memory))]
    return lines


def _line(verdict: Verdict) -> str:
    return f"{verdict.reach}: {verdict.figure}, {'met' if verdict.met else 'missed'}"


def time_of(ms: float) -> str:
    if ms >= 10_000:
        return f"{ms / 1e3:.0f} s"
    if ms >= 1000:
        return f"{ms / 1e3:.2f} s"
    return f"{ms:.0f} ms" if ms >= 20 else f"{ms:.1f} ms"


def as_text(head: Sequence[str], rows: Iterable[Row]) -> str:
    """Columns side by side; what is in none of the rows is left out."""
    lines = [tuple(head), *(row.cells for row in rows)]
    kept = [place for place in range(len(head)) if any(line[place] for line in lines[1:])]
    widths = {place: max(len(line[place]) for line in lines) for place in kept}
    return "\n".join(
        "  ".join(line[place].ljust(widths[place]) for place in kept).rstrip() for line in lines
    )


def as_markdown(head: Sequence[str], rows: Iterable[Row]) -> str:
    lines = [tuple(head), tuple("---" for _ in head), *(row.cells for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
