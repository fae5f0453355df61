"""Files that are the same in many environments: written once, then linked like those of wheels.

On ext4 a new inode costs twenty times as much as another name for one that is there.
"""

import contextlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from linkd.core.receipt import LinkMode
from linkd.link.beneath import open_folder
from linkd.link.modes import Placer


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
            try:
                placer.place(name, staged_name)
            except FileNotFoundError:
                _make(constants_fd, name, content())
                placer.place(name, staged_name)


def _make(folder_fd: int, name: str, content: bytes) -> None:
    """A whole file or none; somebody else may make it at the same time.

    It never takes another's place: who is just linking that one would find it gone.
    """
    fresh = f".linkd-{secrets.token_hex(8)}"
    write_file(folder_fd, fresh, content)
    try:
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
