"""What was measured: samples of one side of a work, and the figures that are read off them."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run."""

    wall_ms: float
    """From the start of the first process to the end of the last."""
    cpu_ms: float
    """Processor time of all processes, and of the daemon until it was idle again."""
    phases_ms: dict[str, float] = field(default_factory=dict)
    """What the daemon told of its own time, where it was asked."""

    @property
    def resolve_ms(self) -> float:
        return self.phases_ms["resolve"]


def median(values: Sequence[float]) -> float:
    """Raises ValueError where there are none."""
    if not values:
        raise ValueError("nothing was measured")
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed."""
    ordered = sorted(values)
    place = max(0, -(-len(ordered) * share // 1) - 1)
    return ordered[int(place)]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of a figure, and between what it lay."""

    middle: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(median(values), min(values), max(values))


def walls(samples: Sequence[Sample]) -> list[float]:
    return [sample.wall_ms for sample in samples]


def cpus(samples: Sequence[Sample]) -> list[float]:
    return [sample.cpu_ms for sample in samples]
