"""One daemon for one cache: only who knows all that is under way may change environments from it."""

import contextlib
import fcntl
import os
from collections.abc import Iterator

from linkd.errors import CacheOccupied, CacheUnusable, reason_of
from linkd.store.layout import Layout


@contextlib.contextmanager
def tenancy(layout: Layout, socket: str) -> Iterator[None]:
    """Hold the cache for the daemon of this socket. Raises CacheOccupied, CacheUnusable."""
    path = os.path.join(layout.version, "tenant")
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        lock_fd = os.open(path, flags, 0o600)
    except OSError as error:
        raise CacheUnusable(path=path, reason=reason_of(error)) from error
    try:
        _lock(layout, lock_fd)
        # Only for the message to whoever comes next; a full disk does not matter.
        with contextlib.suppress(OSError):
            os.ftruncate(lock_fd, 0)
            os.pwrite(lock_fd, os.fsencode(socket), 0)
        yield
    finally:
        os.close(lock_fd)


def _lock(layout: Layout, lock_fd: int) -> None:
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.fsdecode(os.pread(lock_fd, 4096, 0))
        raise CacheOccupied(path=str(layout.root), socket=holder) from error
