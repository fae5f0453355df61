"""Folders below ``incoming/``: made for one piece of work, and never left behind.

A workspace is locked (flock) as long as its maker lives, so that another process can tell what a
killed one left from what somebody is working on.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import Final

PREFIX: Final = "unpack-"


@contextlib.contextmanager
def workspace(folder: str) -> Iterator[str]:
    """A new folder in `folder`; whatever is still at its name is removed at the end."""
    path = tempfile.mkdtemp(prefix=PREFIX, dir=folder)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield path
    finally:
        discard(folder, os.path.basename(path))
        os.close(descriptor)


def discard(folder: str, name: str) -> None:
    """Remove `name` from `folder`, whatever it is; follow no link, leave the folder never.

    What cannot be removed stays: nobody but the clearing at the next start looks at it.
    """
    if not name or "/" in name or name in {".", ".."}:
        raise ValueError(f"not the name of an entry: {name!r}")
    try:
        parent = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        _remove(parent, name)
    finally:
        os.close(parent)


def clear_leftovers(folder: str, *, before: float, keep: str | None = None) -> None:
    """Remove what dead processes left: what is older than `before` (seconds since 1970).

    Names ending in `keep` stay, and workspaces that are locked.
    """
    with os.scandir(folder) as entries:
        leftovers = [
            entry.name
            for entry in entries
            if (keep is None or not entry.name.endswith(keep))
            and _mtime(entry) < before
            and not _is_locked(entry.path)
        ]
    for name in leftovers:
        discard(folder, name)


def clear(folder: str) -> None:
    """Remove everything in a folder, not the folder."""
    for name in os.listdir(folder):
        discard(folder, name)


def _remove(parent: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return
    except OSError:  # EISDIR, or EPERM where POSIX is followed to the letter
        shutil.rmtree(name, ignore_errors=True, dir_fd=parent)


def _mtime(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return float("inf")


def _is_locked(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
