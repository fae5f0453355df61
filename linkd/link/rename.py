"""renameat2(2), which `os` lacks, and what stands in for it where the file system lacks it.

Two promises are needed: *no-replace* (publish, or say that something is there) and *exchange*
(replace, and have what was replaced). Both hold for files everywhere; for folders only where
the kernel and the file system know renameat2.
"""

import contextlib
import ctypes
import errno
import os
import stat
from typing import Final, Protocol

_NOREPLACE: Final = 1
_EXCHANGE: Final = 2


class Rename(Protocol):
    """The two renames, on names relative to folder descriptors."""

    moves_folders: bool
    """Whether folders can be published and exchanged whole."""

    def noreplace(self, source: str, source_fd: int, target: str, target_fd: int) -> None:
        """Publish; FileExistsError if the target's name is taken."""
        ...

    def exchange(self, source: str, source_fd: int, target: str, target_fd: int) -> None:
        """Swap the two names; both must be there."""
        ...


class KernelRename:
    """renameat2 itself: one system call, atomic for files and folders alike."""

    moves_folders = True

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._renameat2 = libc.renameat2
        self._renameat2.argtypes = (
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_uint,
        )

    def noreplace(self, source: str, source_fd: int, target: str, target_fd: int) -> None:
        self._call(source, source_fd, target, target_fd, _NOREPLACE)

    def exchange(self, source: str, source_fd: int, target: str, target_fd: int) -> None:
        self._call(source, source_fd, target, target_fd, _EXCHANGE)

    def _call(self, source: str, source_fd: int, target: str, target_fd: int, flags: int) -> None:
        arguments = (source_fd, os.fsencode(source), target_fd, os.fsencode(target), flags)
        if self._renameat2(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), source, None, target)


class PortableRename:
    """The same promises for files by link(2) and rename(2); folders are made and descended into.

    The target's name always leads to a whole file, old or new.
    """

    moves_folders = False

    def noreplace(self, source: str, source_fd: int, target: str, target_fd: int) -> None:
        if stat.S_ISDIR(os.lstat(source, dir_fd=source_fd).st_mode):
            raise FileExistsError(errno.EEXIST, "folders are not moved whole here", target)
        os.link(source, target, src_dir_fd=source_fd, dst_dir_fd=target_fd, follow_symlinks=False)
        os.unlink(source, dir_fd=source_fd)

    def exchange(self, source: str, source_fd: int, target: str, target_fd: int) -> None:
        if stat.S_ISDIR(os.lstat(target, dir_fd=target_fd).st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), target)
        aside = exchanged_name(os.lstat(source, dir_fd=source_fd).st_ino)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside, dir_fd=source_fd)
        os.link(target, aside, src_dir_fd=target_fd, dst_dir_fd=source_fd, follow_symlinks=False)
        try:
            os.rename(source, target, src_dir_fd=source_fd, dst_dir_fd=target_fd)
            os.rename(aside, source, src_dir_fd=source_fd, dst_dir_fd=source_fd)
        finally:
            # Between two names of one inode rename(2) does nothing and leaves the first one.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(aside, dir_fd=source_fd)


def exchanged_name(inode: int) -> str:
    """Where, beside the source, what was at the target lies in the middle of an exchange.

    `inode` is that of the source, so that it can be found again after a crash.
    """
    return f".linkd-exchanged-{inode}"


def probe_rename(folder_fd: int) -> Rename:
    """The best rename that the file system of this folder knows, found out by trying it."""
    names = (f".linkd-probe-{os.getpid()}-{id(folder_fd)}-{side}" for side in "ab")
    first, second = names
    made: list[str] = []
    try:
        for name in (first, second):
            os.mkdir(name, 0o700, dir_fd=folder_fd)
            made.append(name)
        rename = KernelRename()
        rename.exchange(first, folder_fd, second, folder_fd)
    except (AttributeError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in {
            errno.ENOSYS,
            errno.EINVAL,
            errno.EOPNOTSUPP,
        }:
            raise
        return PortableRename()
    finally:
        for name in made:
            os.rmdir(name, dir_fd=folder_fd)
    return rename
