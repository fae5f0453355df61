"""Real locks, held by real processes."""

import asyncio
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from linkd.errors import EnvironmentBusy
from linkd.link.cooperation import shared_lock

HOLD = """
import fcntl, sys
lock = open(sys.argv[1])
fcntl.flock(lock, getattr(fcntl, sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(lock: Path, how: str) -> Iterator[int]:
    """Another process that has the lock; its pid."""
    lock.touch()
    command = [sys.executable, "-c", HOLD, str(lock), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process.pid
        process.communicate()


async def test_no_lock(tmp_path: Path) -> None:
    """An environment without the file is not given one."""
    async with shared_lock(str(tmp_path)):
        assert os.listdir(tmp_path) == []


async def test_shared(tmp_path: Path) -> None:
    """Two of linkd's requests have it at once, and keep others from having it alone."""
    lock = tmp_path / ".lock"
    lock.touch()
    async with shared_lock(str(tmp_path)), shared_lock(str(tmp_path)):
        with lock.open() as uv, pytest.raises(BlockingIOError):
            fcntl.flock(uv, fcntl.LOCK_EX | fcntl.LOCK_NB)


async def test_busy(tmp_path: Path) -> None:
    """Who has it alone is named when patience ends."""
    with held(tmp_path / ".lock", "LOCK_EX") as pid:
        with pytest.raises(EnvironmentBusy) as caught:
            async with shared_lock(str(tmp_path), patience_s=0.1):
                pass

        assert f"(pid {pid})" in caught.value.holder


async def test_let_go(tmp_path: Path) -> None:
    """It is had beside another who shares it, and let go of at the end."""
    lock = tmp_path / ".lock"
    with held(lock, "LOCK_SH"):
        async with shared_lock(str(tmp_path), patience_s=0):
            pass
    with lock.open() as uv:
        fcntl.flock(uv, fcntl.LOCK_EX | fcntl.LOCK_NB)


async def test_waiting_can_be_cancelled(tmp_path: Path) -> None:
    """Who waits for it can give up at once, and the others go on meanwhile."""

    async def wait() -> None:
        async with shared_lock(str(tmp_path)):
            pass

    with held(tmp_path / ".lock", "LOCK_EX"):
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A planted link is no lock."""
    (tmp_path / ".lock").symlink_to("/dev/zero")
    async with shared_lock(str(tmp_path), patience_s=0):
        pass
