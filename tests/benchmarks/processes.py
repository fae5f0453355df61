"""Runs commands and measures them: time that passed, and processor time of whole trees of processes."""

import contextlib
import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_SHOWN: Final = 2000
"""Characters of a failed command's output."""


class CommandFailed(Exception):
    """A command that has to succeed did not; the text has its output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A process that ended well."""

    wall_ms: float
    cpu_ms: float
    """User's and system's, with all its threads and the children that it waited for."""
    out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where commands run, and all the variables that they have."""

    folder: Path
    env: Mapping[str, str]


def run(command: Sequence[str], around: Surroundings) -> Timed:
    """Run to the end. Raises CommandFailed."""
    (timed,) = run_together([command], around)
    return timed


def run_together(commands: Sequence[Sequence[str]], around: Surroundings) -> list[Timed]:
    """Start all, one right after the other, and wait for all; each is timed from its own start."""
    outputs = [tempfile.TemporaryFile() for _ in commands]  # noqa: SIM115 - closed below
    try:
        started: dict[int, tuple[int, subprocess.Popen[bytes], float]] = {}
        for number, (command, output) in enumerate(zip(commands, outputs, strict=True)):
            begin = time.perf_counter()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=around.folder,
                env=around.env,
                close_fds=False,
            )
            started[process.pid] = number, process, begin
        ended: dict[int, Timed] = {}
        for number, wall_ms, cpu_ms, code in _ends(started):
            outputs[number].seek(0)
            out = outputs[number].read().decode(errors="replace")
            if code:
                raise CommandFailed(f"{' '.join(commands[number])[:_SHOWN]}\n{out[-_SHOWN:]}")
            ended[number] = Timed(wall_ms=wall_ms, cpu_ms=cpu_ms, out=out)
        return [ended[number] for number in range(len(commands))]
    finally:
        for output in outputs:
            output.close()


def _ends(
    started: dict[int, tuple[int, "subprocess.Popen[bytes]", float]],
) -> Iterator[tuple[int, float, float, int]]:
    """Number, milliseconds, processor's milliseconds and exit code, in the order of the ends.

    What is read of one's output must not delay the look at the next one's end.
    """
    ends: list[tuple[int, float, float, int]] = []
    with selectors.DefaultSelector() as running, contextlib.ExitStack() as opened:
        for pid in started:
            descriptor = os.pidfd_open(pid)
            opened.callback(os.close, descriptor)
            running.register(descriptor, selectors.EVENT_READ, pid)
        while len(ends) < len(started):
            ready = running.select()
            end = time.perf_counter()
            for key, _ in ready:
                running.unregister(key.fd)
                _, status, usage = os.wait4(key.data, 0)
                number, process, begin = started[key.data]
                process.returncode = os.waitstatus_to_exitcode(status)
                cpu = (usage.ru_utime + usage.ru_stime) * 1e3
                ends.append((number, (end - begin) * 1e3, cpu, process.returncode))
    yield from ends


def processor_ms(pid: int) -> float:
    """What a process, its children, and those that it waited for have used until now."""
    return sum(_own_ms(one) + _waited_ms(one) for one in _tree(pid))


def resident_bytes(pid: int) -> int:
    """Of a process and its children; pages that they share count for each."""
    return sum(_resident(one) for one in _tree(pid))


def _own_ms(pid: int) -> float:
    # clock_getcpuclockid(3) of another process; to the nanosecond, where /proc has ticks of 10 ms.
    try:
        return time.clock_gettime_ns((~pid << 3) | 2) / 1e6
    except OSError:
        return 0.0


def _waited_ms(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[13]) + int(fields[14])) * 1e3 / _TICKS if fields else 0.0


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _tree(pid: int) -> list[int]:
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _stat(int(name))):
            parents[int(name)] = int(fields[1])
    tree = [pid]
    for one in tree:
        tree.extend(child for child, parent in parents.items() if parent == one)
    return tree


def _stat(pid: int) -> list[str]:
    """The members of proc_pid_stat(5) from the third, the state, on."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
