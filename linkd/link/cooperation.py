"""Cooperates with uv, which locks an environment while it changes it (`flock` on `.lock`).

linkd takes that lock shared, where the file is there: its own requests do not exclude each other
by it, but uv waits for them, and they wait for uv.
"""

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import AsyncIterator
from typing import Final

from linkd.errors import EnvironmentBusy

_LOCK: Final = ".lock"
_POLL_S: Final = 0.02
PATIENCE_S: Final = 60.0
"""How long another installer is waited for."""


@contextlib.asynccontextmanager
async def shared_lock(prefix: str, patience_s: float = PATIENCE_S) -> AsyncIterator[None]:
    """Hold uv's lock of an environment, shared; raises EnvironmentBusy when patience ends.

    Waiting is the event loop's: it takes no thread, and can be cancelled.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        lock_fd = os.open(os.path.join(prefix, _LOCK), flags)
    except OSError:
        # Not there, or not a file that anybody could lock.
        yield
        return
    try:
        end = time.monotonic() + patience_s
        while not _locked(lock_fd):
            if time.monotonic() > end:
                raise EnvironmentBusy(
                    environment=prefix, holder=_holder(lock_fd), waited_s=patience_s
                )
            await asyncio.sleep(_POLL_S)
        yield
    finally:
        os.close(lock_fd)


def _locked(lock_fd: int) -> bool:
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(lock_fd: int) -> str:
    """Who has the lock, by /proc/locks (proc_locks(5)): a command and its pid."""
    facts = os.fstat(lock_fd)
    device = f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}"
    with contextlib.suppress(OSError), open("/proc/locks", encoding="ascii") as locks:
        for line in locks:
            fields = line.split()
            if len(fields) > 5 and fields[5] == f"{device}:{facts.st_ino}":
                return _process(fields[4])
    return "another installer"


def _process(pid: str) -> str:
    path = f"/proc/{pid}/comm"
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as name:
        return f"{name.read().strip()} (pid {pid})"
    return f"pid {pid}"
