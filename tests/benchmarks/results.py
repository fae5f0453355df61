"""All that one run of the benchmarks found, and the machine that it found it on."""

import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.contest import Outcome
from tests.benchmarks.crowd import Crowd
from tests.benchmarks.footing import Memory, Start


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the figures depend on."""

    processor: str
    cores: int
    memory_gib: float
    kernel: str
    load: float
    """Average of the minute before."""

    @classmethod
    def here(cls) -> "Machine":
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return cls(
            processor=_processor(),
            cores=len(os.sched_getaffinity(0)),
            memory_gib=round(pages / (1 << 30), 1),
            kernel=f"{platform.system()} {platform.release().partition('-')[0]}",
            load=round(os.getloadavg()[0], 2),
        )

    def __str__(self) -> str:
        return (
            f"{self.processor}, {self.cores} cores, {self.memory_gib:.0f} GiB, {self.kernel}, "
            f"load {self.load} at the start"
        )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


@dataclass(slots=True, kw_only=True)
class Results:
    """Filled as it is measured."""

    day: str
    machine: Machine
    versions: Mapping[str, str]
    command: str
    """What measures the same again."""
    outcomes: list[Outcome] = field(default_factory=list)
    crowds: list[Crowd] = field(default_factory=list)
    start: Start | None = None
    memory: Memory | None = None
    resident: dict[str, int] = field(default_factory=dict)
    """Bytes of the daemon that did all the works, at their end, by file system."""

    def outcome(self, work: str, files: str) -> Outcome | None:
        wanted = (work, files)
        return next((one for one in self.outcomes if (one.work, one.files) == wanted), None)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
