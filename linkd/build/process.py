"""Runs the programs of a build: no input, clean variables, output kept, ended with their groups.

All of it blocks and is for threads.
"""

import asyncio
import contextlib
import os
import re
import selectors
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, TypeVar

R = TypeVar("R")

_LOG_BYTES: Final = 32 << 20
"""Of output that is kept; what comes after is read and dropped."""
_TAIL_LINES: Final = 20
_TAIL_BYTES: Final = 1 << 16
_LOOK_S: Final = 0.05
"""How long a stop or the end of the time may stay unnoticed."""

_KEPT: Final = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_.*|TZ|TMPDIR"
    r"|XDG_(?:CONFIG|CACHE|DATA)_HOME|SSH_AUTH_SOCK|SSL_CERT_.*|(?i:(?:https?|all|no)_proxy)"
    r"|SOURCE_DATE_EPOCH"
)
_TOOLS: Final = re.compile(
    r"AR|AS|CC|CPP|CXX|FC|F77|F90|LD|NM|RANLIB|STRIP|LDSHARED|LDCXXSHARED|ARCHFLAGS|MAKEFLAGS"
    r"|[A-Z0-9]*FLAGS|C_INCLUDE_PATH|CPLUS_INCLUDE_PATH|CPATH|LIBRARY_PATH|LD_LIBRARY_PATH"
    r"|PKG_CONFIG.*|CMAKE_.*|CARGO_.*|RUST.*|CUDA_.*|NVCC.*|SETUPTOOLS_SCM_.*|MACOSX_.*"
)
"""Variables that say how to compile; what is built with others may be something else."""


class Stopped(Exception):
    """The program was ended because nobody wants its work any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is run, and where."""

    command: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    timeout: float
    """Seconds."""


@dataclass(slots=True)
class Log:
    """A file with what programs write, up to a limit, and its last lines."""

    path: str
    _descriptor: int = -1
    _size: int = 0
    _tail: deque[bytes] = field(default_factory=deque)
    _tail_size: int = 0

    def __enter__(self) -> Self:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self.path, flags, 0o600)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def write(self, data: bytes) -> None:
        kept = data[: max(_LOG_BYTES - self._size, 0)]
        if kept:
            os.write(self._descriptor, kept)
            self._size += len(kept)
        self._tail.append(data)
        self._tail_size += len(data)
        while len(self._tail) > 1 and self._tail_size - len(self._tail[0]) >= _TAIL_BYTES:
            self._tail_size -= len(self._tail.popleft())

    @property
    def size(self) -> int:
        """Bytes that the file has."""
        return self._size

    def lines_from(self, position: int) -> tuple[str, ...]:
        """What was written since the file had that size."""
        with open(self.path, "rb") as file:
            file.seek(position)
            return tuple(file.read().decode("utf-8", "replace").splitlines())

    def last_lines(self) -> tuple[str, ...]:
        text = b"".join(self._tail)[-_TAIL_BYTES:].decode("utf-8", "replace")
        return tuple(line for line in text.splitlines() if line.strip())[-_TAIL_LINES:]


def clean_environment(**given: str) -> dict[str, str]:
    """The daemon's own variables without those that say nothing to a build, and the given ones."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if _KEPT.fullmatch(name) or _TOOLS.fullmatch(name)
    }
    return {"PATH": os.defpath, **kept, **given}


def tools_signature() -> str:
    """The same for environments in which compilers do the same."""
    chosen = {name: value for name, value in os.environ.items() if _TOOLS.fullmatch(name)}
    return "\0".join(f"{name}={chosen[name]}" for name in sorted(chosen))


def run_program(program: Program, log: Log, stop: threading.Event) -> int:
    """Its exit status, when it has ended and all of its group with it.

    Raises Stopped, TimeoutError, and OSError if it cannot be run.
    """
    if stop.is_set():
        raise Stopped
    deadline = time.monotonic() + program.timeout
    with subprocess.Popen(
        list(program.command),
        cwd=program.cwd,
        env=dict(program.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            _listen(process, log, stop, deadline)
        finally:
            _end_group(process)
        _drain(process, log)
        return process.wait()


def _listen(
    process: subprocess.Popen[bytes], log: Log, stop: threading.Event, deadline: float
) -> None:
    """Take what it writes until it ends."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    os.set_blocking(descriptor, False)  # noqa: FBT003 - positional only
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while not _has_ended(process):
            if stop.is_set():
                raise Stopped
            if time.monotonic() > deadline:
                raise TimeoutError
            if not selector.get_map():
                stop.wait(_LOOK_S)
            elif selector.select(_LOOK_S) and not _take(descriptor, log):
                selector.unregister(descriptor)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Without waiting for it: as long as nobody has, its number is no other's."""
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, options) is not None


def _take(descriptor: int, log: Log) -> bool:
    """Whether there may be more."""
    try:
        data = os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return True
    if data:
        log.write(data)
    return bool(data)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _drain(process: subprocess.Popen[bytes], log: Log) -> None:
    """What was written before the end; a process that left the group may hold the pipe open."""
    assert process.stdout is not None
    with contextlib.suppress(BlockingIOError):
        while data := os.read(process.stdout.fileno(), 1 << 16):
            log.write(data)


async def in_thread(executor: Executor, work: Callable[[threading.Event], R]) -> R:
    """Do it in a thread; if cancelled, set the event and wait for the end of the work."""
    stop = threading.Event()
    future = asyncio.get_running_loop().run_in_executor(executor, work, stop)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([future])
        if not future.cancelled():
            future.exception()
        raise
