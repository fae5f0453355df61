"""Many clients at once, each with an environment of its own: throughput and the slowest of them."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.benchmarks.ground import Ground
from tests.benchmarks.processes import run_together
from tests.benchmarks.samples import median, percentile
from tests.benchmarks.sets import FORTY, WheelSet
from tests.benchmarks.tools import Asked, Tool

LEVELS: Final = (1, 2, 4, 8, 16, 32)
ROUNDS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """So many clients at once."""

    clients: int
    per_second: float
    """Installs, the median of the rounds."""
    p99_ms: float
    """Of single clients, of all rounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """How throughput and latency go with the number of clients, by tool."""

    files: str
    levels: dict[str, list[Level]]


def gather(
    ground: Ground,
    *,
    wheels: WheelSet = FORTY,
    levels: Sequence[int] = LEVELS,
    rounds: int = ROUNDS,
) -> Crowd:
    """Measure linkd and uv in turn. Raises CommandFailed."""
    tools: list[Tool] = [ground.linkd(), ground.uv()]
    for tool in tools:
        ground.fill(tool, wheels)
    found: dict[str, list[Level]] = {tool.name: [] for tool in tools}
    for clients in levels:
        totals: dict[str, list[float]] = {tool.name: [] for tool in tools}
        walls: dict[str, list[float]] = {tool.name: [] for tool in tools}
        for number in range(rounds):
            for tool in tools if number % 2 == 0 else tools[::-1]:
                total, each = _start_together(tool, ground, wheels, clients)
                totals[tool.name].append(clients / total)
                walls[tool.name].extend(each)
                print(".", end="", file=sys.stderr, flush=True)
        for tool in tools:
            level = Level(
                clients=clients,
                per_second=median(totals[tool.name]),
                p99_ms=percentile(walls[tool.name], 0.99),
            )
            found[tool.name].append(level)
        ground.clear()
    return Crowd(files=ground.files, levels=found)


def _start_together(
    tool: Tool, ground: Ground, wheels: WheelSet, clients: int
) -> tuple[float, list[float]]:
    """Seconds in all, and milliseconds of each."""
    asked = [
        Asked(environment=ground.environment(), file=ground.pins(wheels)) for _ in range(clients)
    ]
    tool.warm(asked[0])
    tool.settle()
    begin = time.perf_counter()
    timed = run_together([tool.install(one) for one in asked], tool.around)
    total = time.perf_counter() - begin
    tool.settle()
    return total, [one.wall_ms for one in timed]
