"""The floor: the same folders and links by bare mkdir(2) and link(2) on folders' descriptors."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.samples import Sample

_FOLDER = os.O_RDONLY | os.O_DIRECTORY


@dataclass(frozen=True, slots=True)
class _Planned:
    """One folder, the ones above it first."""

    source: str
    path: str
    names: tuple[str, ...]


def measure_bare(environment: Path, copy: Path) -> Sample:
    """Make `copy` of what was installed, of links to the same inodes; reading it is not measured."""
    plan = _plan(environment / "lib", copy)
    begin, used = time.perf_counter(), time.thread_time()
    _make(plan)
    cpu_ms = (time.thread_time() - used) * 1e3
    return Sample(wall_ms=(time.perf_counter() - begin) * 1e3, cpu_ms=cpu_ms)


def _plan(top: Path, copy: Path) -> Sequence[_Planned]:
    return [
        _Planned(folder, str(copy) + folder.removeprefix(str(top)), tuple(names))
        for folder, _, names in os.walk(top)
    ]


def _make(plan: Sequence[_Planned]) -> None:
    for folder in plan:
        os.mkdir(folder.path, 0o755)
        source, target = os.open(folder.source, _FOLDER), os.open(folder.path, _FOLDER)
        for name in folder.names:
            os.link(name, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
        os.close(source)
        os.close(target)
