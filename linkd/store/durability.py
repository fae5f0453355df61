"""Which wheels may not be whole on the disk yet: what a loss of power could have damaged.

A wheel is marked before it is published, and the mark is taken away when the file system has been
synced some seconds later, in the background. A mark is a symbolic link that names the boot of the
machine it was made in: file systems with a journal have it on the disk no later than the rename
that publishes the wheel, so a wheel without a mark is whole, and one with the mark of another boot
is compared with its manifest before it is used.
"""

import base64
import contextlib
import ctypes
import hashlib
import os
from collections.abc import Iterable
from functools import cache
from typing import Final

from linkd.core.wheel import StoredWheel
from linkd.store.layout import Layout, is_sha256

SHAPE: Final = "SHAPE-"
"""How the names of shapes begin, among the constants."""

_BOOT: Final = "BOOT"
_UNKNOWN: Final = "unknown"
_libc: Final = ctypes.CDLL(None, use_errno=True)


@cache
def boot_id() -> str:
    """Another one after each start of the machine (random(4))."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip() or _UNKNOWN
    except OSError:
        return _UNKNOWN


def mark_unsynced(layout: Layout, sha256: str) -> None:
    """To be called before the wheel is published. Raises OSError."""
    mark = layout.unsynced_mark(sha256)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(mark)
    with contextlib.suppress(FileExistsError):
        os.symlink(boot_id(), mark)


def unmark(layout: Layout, sha256s: Iterable[str]) -> None:
    for sha256 in sha256s:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(layout.unsynced_mark(sha256))


def read_marks(layout: Layout) -> tuple[frozenset[str], frozenset[str]]:
    """The wheels marked in this boot, and those marked in another one. Raises OSError."""
    fresh: set[str] = set()
    doubtful: set[str] = set()
    for name in os.listdir(layout.unsynced):
        with contextlib.suppress(OSError):
            if is_sha256(name):
                boot = os.readlink(layout.unsynced_mark(name))
                (fresh if boot == boot_id() != _UNKNOWN else doubtful).add(name)
    return frozenset(fresh), frozenset(doubtful)


def sync(layout: Layout) -> None:
    """Have all wheels of this boot on the disk, and take their marks away. Raises OSError."""
    fresh, _ = read_marks(layout)
    if not fresh:
        return
    descriptor = os.open(layout.wheels, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _libc.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), layout.wheels)
    finally:
        os.close(descriptor)
    unmark(layout, fresh)


def forget_unsure_constants(layout: Layout) -> None:
    """Remove the constant files that were written in another boot: they are made again at once.

    What knows whether it is whole, as the shapes of trees do, stays. Raises OSError.
    """
    mark = os.path.join(layout.constants, _BOOT)
    with contextlib.suppress(OSError):
        if os.readlink(mark) == boot_id() != _UNKNOWN:
            return
    for name in os.listdir(layout.constants):
        if not name.startswith(SHAPE):
            os.unlink(os.path.join(layout.constants, name))
    os.symlink(boot_id(), mark)


def is_whole(wheel: StoredWheel) -> bool:
    """Whether every file of a stored wheel is what its manifest says."""
    for file in wheel.manifest.files:
        try:
            with open(os.path.join(wheel.tree, file.source), "rb") as content:
                digest = hashlib.file_digest(content, "sha256").digest()
        except OSError:
            return False
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.sha256:
            return False
    return True
