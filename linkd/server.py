"""One daemon on one socket: who it is, how it begins, tells that it is ready, and ends.

A lock file beside the socket decides who is the daemon; a socket is only replaced by whoever
holds that lock, so that a live daemon's is never stolen. systemd may hand the socket over instead
(sd_listen_fds(3)).
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from linkd.api.peer import PeerProtocol
from linkd.errors import AlreadyRunning, SocketUnusable, reason_of
from linkd.memory import give_back
from linkd.service.activity import Activity

_QUIET_S: Final = 2.0
"""Without work for so long the daemon gives freed memory back."""

_BACKLOG: Final = 1024
_FIRST_PASSED_FD: Final = 3
_PATH_LIMIT: Final = 107
"""Bytes of a unix socket's path, of the 108 in sockaddr_un."""
_RETRY_S: Final = 0.02

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Post:
    """The daemon's place: a listening socket, and the lock that makes it the only one."""

    listener: socket.socket
    path: str
    lock_fd: int | None
    """None where systemd owns the socket and decides who is the daemon."""

    def leave(self) -> None:
        """Take the socket's name away, so that nobody knocks in vain, and let go of the lock."""
        self.listener.close()
        if self.lock_fd is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
            os.close(self.lock_fd)


def take_post(path: str) -> Post:
    """Become the daemon of the socket at this path. Raises AlreadyRunning, SocketUnusable."""
    passed = _passed_socket()
    if passed is not None:
        return Post(passed, str(passed.getsockname()), None)
    try:
        _make_folder(path)
        # First of all: nothing is to be left beside what is not ours.
        _check_name(path)
        lock_fd = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SocketUnusable(socket=path, reason=reason_of(error)) from error
    try:
        _lock(path, lock_fd)
        return Post(_bind(path), path, lock_fd)
    except BaseException:
        os.close(lock_fd)
        raise


def _passed_socket() -> socket.socket | None:
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return None
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    os.set_inheritable(_FIRST_PASSED_FD, False)  # noqa: FBT003 - positional only
    listener = socket.socket(fileno=_FIRST_PASSED_FD)
    if listener.family != socket.AF_UNIX:
        raise SocketUnusable(
            socket=str(listener.getsockname()),
            reason="systemd passed something else than a unix socket",
        )
    return listener


def _make_folder(path: str) -> None:
    """The socket's folder: made if it is missing, and nobody's to write in but ours."""
    folder = os.path.dirname(path)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    facts = os.lstat(folder)
    if not stat.S_ISDIR(facts.st_mode):
        raise SocketUnusable(socket=path, reason=f"{folder} is not a folder")
    if facts.st_uid != os.getuid():
        raise SocketUnusable(socket=path, reason=f"{folder} belongs to user {facts.st_uid}")
    if facts.st_mode & 0o022:
        raise SocketUnusable(socket=path, reason=f"others may write in {folder}")


def _lock(path: str, lock_fd: int) -> None:
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = os.pread(lock_fd, 32, 0).decode(errors="replace").strip()
        raise AlreadyRunning(socket=path, pid=int(pid) if pid.isdecimal() else None) from error
    os.ftruncate(lock_fd, 0)
    # Only for the message to whoever comes next; a full disk does not matter.
    with contextlib.suppress(OSError):
        os.pwrite(lock_fd, f"{os.getpid()}\n".encode(), 0)


def _bind(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # We hold the lock, so whoever bound a socket that is left there is dead.
        if _check_name(path):
            os.unlink(path)
        before = os.umask(0o177)
        try:
            listener.bind(path)
        finally:
            os.umask(before)
        listener.listen(_BACKLOG)
        listener.settimeout(0)
    except OSError as error:
        listener.close()
        raise SocketUnusable(socket=path, reason=reason_of(error)) from error
    except BaseException:
        listener.close()
        raise
    return listener


def _check_name(path: str) -> bool:
    """Whether a socket is there already. Raises SocketUnusable if anything else is."""
    if len(os.fsencode(path)) > _PATH_LIMIT:
        raise SocketUnusable(socket=path, reason=f"its path is over {_PATH_LIMIT} bytes long")
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISSOCK(mode):
        raise SocketUnusable(socket=path, reason="something else is there already")
    return True


def take_post_or_wait(path: str, timeout_s: float) -> Post | None:
    """Become the daemon, or see another one answer: None then.

    One that is just ending holds the lock until its last answer; its place is taken afterwards.
    Raises AlreadyRunning if that does not come within the time, and SocketUnusable.
    """
    end = time.monotonic() + timeout_s
    while True:
        try:
            return take_post(path)
        except AlreadyRunning as error:
            if _answers(path):
                return None
            if time.monotonic() > end:
                raise AlreadyRunning(socket=path, pid=error.pid, ending=True) from error
        time.sleep(_RETRY_S)


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        try:
            knock.connect(path)
        except OSError:
            return False
    return True


class DaemonServer(uvicorn.Server):
    """uvicorn, told to say when it is ready and to end when nobody has asked for anything."""

    def __init__(
        self, app: ASGIApp, activity: Activity, *, idle_timeout: float, ready: Callable[[], None]
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=PeerProtocol,
                ws="none",
                loop="uvloop",
                lifespan="on",
                backlog=_BACKLOG,
                log_config=None,
                access_log=False,
                date_header=False,
                server_header=False,
            )
        )
        self._activity = activity
        self._idle_timeout = idle_timeout
        self._ready = ready
        self._tidy = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def on_tick(self, counter: int) -> bool:
        if self._activity.stopping:
            return True
        self._tidy_up()
        if self._idle_timeout and self._activity.idle_s >= self._idle_timeout:
            _log.info("idle", seconds=self._idle_timeout)
            return True
        return await super().on_tick(counter)

    def _tidy_up(self) -> None:
        """Once after each burst of work."""
        if self._activity.idle_s < _QUIET_S:
            self._tidy = False
        elif not self._tidy:
            self._tidy = True
            give_back()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End in good order, and without dying by the signal afterwards as uvicorn would."""
        loop = asyncio.get_running_loop()
        handled = (signal.SIGTERM, signal.SIGINT)
        for number in handled:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in handled:
                loop.remove_signal_handler(number)
