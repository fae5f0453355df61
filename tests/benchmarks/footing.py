"""What linkd costs before it does anything: the client's start, and the daemon's memory."""

import contextlib
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from linkd_client.wire import LINES
from tests.benchmarks.ground import Ground
from tests.benchmarks.processes import Surroundings, resident_bytes, run
from tests.benchmarks.tools import CLIENT, Linkd
from tests.support.wheels import make_wheel

WHEELS: Final = 500
INSTALLS: Final = 1000
_FIRST: Final = 100
"""Installs after which all that is remembered once is remembered."""
_AT_ONCE: Final = 5
"""Wheels of one install."""
_ANSWER: Final = (
    f"HTTP/1.1 200 OK\r\nContent-Type: {LINES}\r\nConnection: close\r\n\r\nx0\n".encode()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Milliseconds from start to exit."""

    interpreter_ms: list[float]
    """``python -c pass``, with the client's interpreter and its options."""
    client_ms: list[float]
    """``linkd-client install`` with a daemon that answers at once and does nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident bytes of the daemon and its workers."""

    idle: int
    """With all wheels in the cache."""
    after_first: int
    after_all: int


def measure_start(ground: Ground, *, rounds: int = 30) -> Start:
    """Measure both in turn. Raises CommandFailed."""
    interpreter: list[float] = []
    client: list[float] = []
    with _answering() as path:
        around = Surroundings(
            folder=ground.around.folder, env={**ground.around.env, "LINKD_SOCKET": str(path)}
        )
        environment = str(ground.environment())
        for _ in range(rounds):
            interpreter.append(run([sys.executable, "-c", "pass"], around).wall_ms)
            asked = [CLIENT, "install", "requests", "-p", environment]
            client.append(run(asked, around).wall_ms)
    return Start(interpreter_ms=interpreter, client_ms=client)


@contextlib.contextmanager
def _answering() -> Iterator[Path]:
    """A socket where whoever asks has the shortest answer that there is."""
    with (
        tempfile.TemporaryDirectory(prefix="linkd-bench-") as folder,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        path = Path(folder, "answers.sock")
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=_answer, args=(listener,))
        thread.start()
        try:
            yield path
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _answer(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.recv(1 << 16)
            connection.sendall(_ANSWER)


def measure_memory(ground: Ground, *, wheels: int = WHEELS, installs: int = INSTALLS) -> Memory:
    """Install small wheels again and again, through a daemon and a cache of their own."""
    folder = ground.place()
    folder.mkdir()
    source = folder / "wheels"
    names = [
        make_wheel(source, f"small-{number:03}").name.split("-")[0] for number in range(wheels)
    ]
    sizes: list[int] = []
    with Linkd.serving(folder, python=ground.programs.python, index="") as linkd:
        _install(linkd, ground, source, names)
        sizes.append(resident_bytes(linkd.daemon.pid))
        for number in range(installs):
            start = number * _AT_ONCE % wheels
            _install(linkd, ground, source, names[start : start + _AT_ONCE])
            if number + 1 in {min(_FIRST, installs), installs}:
                sizes.append(resident_bytes(linkd.daemon.pid))
    idle, first, last = sizes[0], sizes[1], sizes[-1]
    ground.clear()
    return Memory(idle=idle, after_first=first, after_all=last)


def _install(linkd: Linkd, ground: Ground, source: Path, names: list[str]) -> None:
    environment = ground.environment()
    reply = linkd.place.install(environment, *names, find_links=[str(source)], no_index=True)
    assert reply.status == 200, reply.body
    linkd.settle()
