"""`make bench`: measures linkd beside uv and pip, prints a table, and writes docs/benchmarks.md.

Ends with 1 where something cannot be measured, never because something is slow.
"""

import argparse
import contextlib
import datetime as dt
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks import crowd, report
from tests.benchmarks.contest import compete
from tests.benchmarks.fetched import FetchedWheel, fetch
from tests.benchmarks.footing import measure_memory, measure_start
from tests.benchmarks.ground import Ground, Programs
from tests.benchmarks.processes import CommandFailed, Surroundings, resident_bytes
from tests.benchmarks.results import Machine, Results
from tests.benchmarks.serving import serving
from tests.benchmarks.sets import FORTY, MORE, OLD
from tests.benchmarks.tools import base_interpreter, versions
from tests.benchmarks.works import WORKS, Step, Work

CROWD: Final = "clients"
START: Final = "start"
MEMORY: Final = "memory"
OTHERS: Final = {CROWD: True, START: True, MEMORY: False}
"""What is no contest of one work, and whether it belongs to the quick run."""
FILES: Final = ("ext4", "tmpfs")
_DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "benchmarks.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line's."""

    only: frozenset[str]
    files: tuple[str, ...]
    folder: Path
    tmpfs: Path
    peers: Path
    quick: bool
    write: Path | None

    @property
    def works(self) -> list[Work]:
        return [work for work in WORKS if work.name in self.only]


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    os.umask(0o022)
    # So that what was started is stopped, and what was made removed, on this signal too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    options.folder.mkdir(parents=True, exist_ok=True)
    wheels = fetch(options.peers / "pip", options.folder / "wheels", _pins(options))
    results = _empty(options)
    # What was made is removed when all is told: on a disk that may take longer than to measure.
    with contextlib.ExitStack() as made:
        try:
            _measure(options, wheels, results, made)
        except CommandFailed as error:
            _say(f"\n{error}\n")
            return 1
        finally:
            # What was measured until somebody lost patience is worth showing too.
            print(report.as_terminal(results), flush=True)
        if options.write is not None:
            report.write(results, options.write)
            print(f"\nwritten: {options.write}", flush=True)
        _say("\nremoving what was made\n")
    return 0


def _options(arguments: Sequence[str]) -> Options:
    names = [*(work.name for work in WORKS), *OTHERS]
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--only", nargs="+", choices=names, metavar="WORK", help=", ".join(names))
    parser.add_argument("--files", nargs="+", choices=FILES, default=FILES, help="file systems")
    parser.add_argument("--quick", action="store_true", help="the dearest works are left out")
    parser.add_argument(
        "--folder", type=Path, default=Path(".make/bench"), help="on ext4; wheels and caches stay"
    )
    parser.add_argument("--tmpfs", type=Path, default=Path("/dev/shm"), help="a folder on tmpfs")
    parser.add_argument("--peers", type=Path, help="the folder of pip and uv")
    parser.add_argument(
        "--write", type=Path, help=f"where the report goes; else, of a whole run, {_DOCUMENT.name}"
    )
    given = parser.parse_args(arguments)
    folder = given.folder.absolute()
    whole = not (given.only or given.quick) and set(given.files) == set(FILES)
    return Options(
        only=frozenset(given.only or _default(quick=given.quick)),
        files=tuple(given.files),
        folder=folder,
        tmpfs=given.tmpfs.absolute(),
        peers=(given.peers or folder / "tools" / "bin").absolute(),
        quick=given.quick,
        write=given.write or (_DOCUMENT if whole else None),
    )


def _default(*, quick: bool) -> Iterator[str]:
    yield from (work.name for work in WORKS if work.quick or not quick)
    yield from (name for name, is_quick in OTHERS.items() if is_quick or not quick)


def _pins(options: Options) -> Iterator[str]:
    if CROWD in options.only:
        yield from FORTY.pins
    for work in options.works:
        yield from work.wheels.pins
        if Step.INSTALL_OLD in work.before:
            yield from OLD.pins
        if Step.RESOLVE_MORE in work.timed:
            yield from MORE.pins


def _empty(options: Options) -> Results:
    programs = [("linkd", Path(sys.executable).with_name("linkd"))]
    programs += [(name, options.peers / name) for name in ("uv", "pip")]
    programs.append(("Python", base_interpreter()))
    around = Surroundings(folder=options.folder, env={"PATH": os.defpath})
    return Results(
        day=dt.datetime.now(dt.UTC).date().isoformat(),
        machine=Machine.here(),
        versions=versions(programs, around),
        command="make bench-quick" if options.quick else "make bench",
    )


def _measure(
    options: Options,
    wheels: Sequence[FetchedWheel],
    results: Results,
    made: contextlib.ExitStack,
) -> None:
    index = made.enter_context(serving(wheels, options.folder))
    shared = Programs(python=base_interpreter(), peers=options.peers, index=index)
    for files in options.files:
        on_disk = files == FILES[0]
        folder = options.folder / "disk" if on_disk else options.tmpfs
        ground = made.enter_context(Ground.at(folder, shared, keep=on_disk))
        _measure_on(ground, options, results)
    _say("\n")


def _measure_on(ground: Ground, options: Options, results: Results) -> None:
    in_memory = ground.files == "tmpfs"
    for work in options.works:
        if in_memory and work.disk_only:
            continue
        _say(f"\n{ground.files} {work.name} ")
        results.outcomes.append(compete(work, ground, quick=options.quick))
    if options.works:
        results.resident[ground.files] = resident_bytes(ground.linkd().daemon.pid)
    if CROWD in options.only:
        _say(f"\n{ground.files} clients ")
        levels, rounds = ((1, 8), 1) if options.quick else (crowd.LEVELS, crowd.ROUNDS)
        results.crowds.append(crowd.gather(ground, levels=levels, rounds=rounds))
    if START in options.only and results.start is None:
        results.start = measure_start(ground)
    if MEMORY in options.only and results.memory is None:
        _say(f"\n{ground.files} memory ")
        results.memory = measure_memory(ground)


def _say(text: str) -> None:
    print(text, end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
