"""Real locks, held by real processes."""

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


@contextmanager
def opened(prefix: Path) -> Iterator[int]:
    descriptor = os.open(prefix, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def test_no_lock(tmp_path: Path) -> None:
    """An environment without the file is not given one."""
    with opened(tmp_path) as prefix_fd, shared_lock(str(tmp_path), prefix_fd):
        assert os.listdir(tmp_path) == []


def test_shared(tmp_path: Path) -> None:
    """Two of linkd's requests have it at once, and keep others from having it alone."""
    lock = tmp_path / ".lock"
    lock.touch()
    with (
        opened(tmp_path) as prefix_fd,
        shared_lock(str(tmp_path), prefix_fd),
        shared_lock(str(tmp_path), prefix_fd),
        lock.open() as uv,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(uv, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_busy(tmp_path: Path) -> None:
    """Who has it alone is named when patience ends."""
    with held(tmp_path / ".lock", "LOCK_EX") as pid, opened(tmp_path) as prefix_fd:
        with (
            pytest.raises(EnvironmentBusy) as caught,
            shared_lock(str(tmp_path), prefix_fd, patience_s=0.1),
        ):
            pass

        assert f"(pid {pid})" in caught.value.holder


def test_let_go(tmp_path: Path) -> None:
    """Once the other lets go, it is had; and it is let go of at the end."""
    lock = tmp_path / ".lock"
    with (
        held(lock, "LOCK_SH"),
        opened(tmp_path) as prefix_fd,
        shared_lock(str(tmp_path), prefix_fd, patience_s=0),
    ):
        pass
    with lock.open() as uv:
        fcntl.flock(uv, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A planted link is no lock."""
    (tmp_path / ".lock").symlink_to("/dev/zero")
    with opened(tmp_path) as prefix_fd, shared_lock(str(tmp_path), prefix_fd, patience_s=0):
        pass
