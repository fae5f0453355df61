"""Compares what was measured with what shall be reached. Nothing fails for it."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.benchmarks.contest import BARE, Outcome
from tests.benchmarks.crowd import Crowd, Level
from tests.benchmarks.footing import Memory, Start
from tests.benchmarks.samples import Sample, cpus, median, walls
from tests.benchmarks.works import Reach, Work

MIB = 1 << 20
_START_MS = 8
_IDLE_MIB = 120
_GROWTH_MIB = 4
"""What an allocator may keep without anything being remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One reach, and whether it is met."""

    reach: str
    figure: str
    met: bool


def judge(work: Work, outcome: Outcome) -> list[Verdict]:
    if outcome.missing:
        return [Verdict(reach=_times(work.reach, outcome.files), figure="not measured", met=False)]
    return [*_judge(work.reach, outcome.files, outcome.samples)]


def _times(reach: Reach, files: str) -> str:
    return f"at least {reach.times_uv.get(files, 1):.2g} x uv"


def _judge(reach: Reach, files: str, samples: dict[str, list[Sample]]) -> Iterator[Verdict]:
    ours = samples["linkd"]
    if files in reach.times_uv and "uv" in samples:
        times = median(walls(samples["uv"])) / median(walls(ours))
        met = times >= reach.times_uv[files]
        yield Verdict(reach=_times(reach, files), figure=f"{times:.2f}", met=met)
    if reach.times_bare is not None and BARE in samples:
        times = median(walls(ours)) / median(walls(samples[BARE]))
        bound = f"at most {reach.times_bare} x {BARE}"
        yield Verdict(reach=bound, figure=f"{times:.2f}", met=times <= reach.times_bare)
    if reach.times_cpu is not None and "uv" in samples:
        times = median(cpus(ours)) / median(cpus(samples["uv"]))
        bound = f"processor at most {reach.times_cpu} x uv"
        yield Verdict(reach=bound, figure=f"{times:.2f}", met=times <= reach.times_cpu)
    if reach.resolve_ms is not None:
        value = median([sample.resolve_ms for sample in ours])
        bound = f"resolve at most {reach.resolve_ms:.0f} ms"
        yield Verdict(reach=bound, figure=f"{value:.1f} ms", met=value <= reach.resolve_ms)


def judge_start(start: Start) -> Verdict:
    more = median(start.client_ms) - median(start.interpreter_ms)
    return Verdict(
        reach=f"at most {_START_MS} ms over the bare interpreter",
        figure=f"{more:.1f} ms",
        met=more <= _START_MS,
    )


def judge_memory(memory: Memory) -> list[Verdict]:
    growth = memory.after_all - memory.after_first
    return [
        Verdict(
            reach=f"at most {_IDLE_MIB} MiB idle with the wheels in the cache",
            figure=f"{memory.idle / MIB:.0f} MiB",
            met=memory.idle <= _IDLE_MIB * MIB,
        ),
        Verdict(
            reach=f"no growth (under {_GROWTH_MIB} MiB) over the installs",
            figure=f"{growth / MIB:+.1f} MiB",
            met=growth < _GROWTH_MIB * MIB,
        ),
    ]


def judge_crowd(crowd: Crowd) -> list[Verdict]:
    ours, theirs = crowd.levels["linkd"], crowd.levels["uv"]
    slower = [
        str(our.clients) for our, their in zip(ours, theirs, strict=True) if _slower(our, their)
    ]
    growth = max(level.p99_ms / ours[0].p99_ms / level.clients for level in ours)
    return [
        Verdict(
            reach="throughput at or above uv's at every level",
            figure=f"below it with {', '.join(slower)} clients" if slower else "at every level",
            met=not slower,
        ),
        Verdict(
            reach="p99 grows no faster than the number of clients",
            figure=f"at most {growth:.2f} times as fast",
            met=growth <= 1,
        ),
    ]


def _slower(our: Level, their: Level) -> bool:
    return our.per_second < their.per_second
