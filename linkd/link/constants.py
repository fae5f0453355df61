"""Files that are the same in many environments: written once, then linked like those of wheels.

On ext4 a new inode costs twenty times as much as another name for one that is there. Some tools
write into the RECORD that they find: a constant has one time of its own, and is made anew when it
has another.
"""

import contextlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from linkd.core.receipt import LinkMode
from linkd.link.beneath import open_folder
from linkd.link.modes import Placer

SEALED_NS: Final = 946_684_800 * 10**9
"""The mtime of constants: the year 2000."""


_ATTEMPTS: Final = 3
"""Somebody else may remove one at the same time, taking it for an edited one."""


@dataclass(frozen=True, slots=True)
class Constants:
    """A folder of the cache, on the mount of the wheels."""

    folder: str

    def place(
        self, name: str, content: Callable[[], bytes], stage_fd: int, staged: str, mode: LinkMode
    ) -> None:
        """Put the constant `name` at `staged`. Its content is asked for only if it is not there.

        It is linked where files are links to one inode. Raises an OSError as it is.
        """
        if mode is not LinkMode.HARDLINK:
            write_file(stage_fd, staged, content())
            return
        folder, _, staged_name = staged.rpartition("/")
        with open_folder(self.folder) as constants_fd, open_folder(folder, stage_fd) as target_fd:
            placer = Placer(mode, constants_fd, target_fd)
            for _ in range(_ATTEMPTS):
                with contextlib.suppress(FileNotFoundError):
                    _remove_edited(constants_fd, name)
                    placer.place(name, staged_name)
                    return
                _make(constants_fd, name, content())
            placer.place(name, staged_name)


def _remove_edited(folder_fd: int, name: str) -> None:
    """What was written into through an environment reaches no other. Raises FileNotFoundError."""
    if os.stat(name, dir_fd=folder_fd, follow_symlinks=False).st_mtime_ns != SEALED_NS:
        os.unlink(name, dir_fd=folder_fd)


def _make(folder_fd: int, name: str, content: bytes) -> None:
    """A whole file or none; somebody else may make it at the same time.

    It never takes another's place: who is just linking that one would find it gone.
    """
    fresh = f".linkd-{secrets.token_hex(8)}"
    write_file(folder_fd, fresh, content)
    try:
        os.utime(fresh, ns=(SEALED_NS, SEALED_NS), dir_fd=folder_fd, follow_symlinks=False)
        with contextlib.suppress(FileExistsError):
            os.link(fresh, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
    finally:
        os.unlink(fresh, dir_fd=folder_fd)


def write_file(folder_fd: int, path: str, content: bytes, mode: int = 0o644) -> None:
    """Write a new file with exactly this mode."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, mode, dir_fd=folder_fd), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
