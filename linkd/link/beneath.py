"""The folders of an environment, and what is moved out of them.

Folders are opened one below the other without following links, from a descriptor of the prefix,
so that no path can lead out of the environment, even while somebody changes it.
"""

import contextlib
import enum
import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from linkd.core.record import encode_digest
from linkd.errors import GraftFailed, LinkdError, NoSpace, is_no_space, reason_of
from linkd.link.journal import Intention, Journal, Makes, Takes
from linkd.link.rename import Rename

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
NOT_REGULAR: Final = frozenset({errno.ENXIO, errno.ELOOP})
"""What `open_regular` fails with for a pipe, a socket, a device or a folder, and for a link."""


class Step(enum.Enum):
    PUBLISHED = enum.auto()
    """Was absent; moved from the staged tree into the environment."""
    EXCHANGED = enum.auto()
    """Was there; what was there is now in the staged tree."""
    SWAPPED = enum.auto()
    """The same with a whole folder."""
    MOVED_OUT = enum.auto()
    """Moved from the environment into the folder of what goes."""
    MADE = enum.auto()
    """A scheme's folder that was absent and was made."""


@dataclass(frozen=True, slots=True)
class Move:
    """One step that was taken, with what undoing it needs."""

    step: Step
    path: str
    """In the environment, relative to the prefix."""
    aside: str
    """The other name, absolute: in the staged tree or in the folder of what goes."""
    inode: int = 0
    """Of what was put into the environment; undone only while it is still there."""


class Vanished(Exception):
    """A folder of the environment was removed while it was descended into."""


@dataclass(slots=True)
class Beneath:
    """What lies below one environment's prefix, and the steps that were taken there."""

    prefix: str
    prefix_fd: int
    rename: Rename
    moves: list[Move] = field(default_factory=list)
    journal: Journal | None = None
    """Told of every step before it is taken; None where nothing has to be undone after a crash."""
    told: set[str] = field(default_factory=set)
    """Folders of which the journal knows that they are made."""

    def tell(self, intentions: Iterable[Intention]) -> None:
        """Put on record what is about to be done. Raises OSError; nothing may be done then."""
        if self.journal is not None and (told := [*intentions]):
            self.journal.tell(told)

    def open(self, path: str, *, make: bool = False) -> int:
        """A descriptor of a folder below the prefix; no link on the way is followed."""
        descriptor = os.dup(self.prefix_fd)
        done = ""
        for name in filter(None, path.split("/")):
            done = f"{done}/{name}" if done else name
            try:
                if name == os.pardir:
                    raise self.failed(path, "leads out of the environment")
                inner = self._open_inner(name, descriptor, done, make=make)
            finally:
                os.close(descriptor)
            descriptor = inner
        return descriptor

    def _open_inner(self, name: str, folder_fd: int, path: str, *, make: bool) -> int:
        try:
            return os.open(name, FOLDER, dir_fd=folder_fd)
        except FileNotFoundError:
            if not make:
                raise
        except OSError as error:
            if make and error.errno in {errno.ENOTDIR, errno.ELOOP}:
                raise self.failed(path, "is not a folder, or a link to one") from error
            raise
        self.make_folder(name, folder_fd, path)
        try:
            return os.open(name, FOLDER, dir_fd=folder_fd)
        except FileNotFoundError as error:
            raise Vanished from error

    @contextlib.contextmanager
    def opened(self, path: str) -> Iterator[int | None]:
        """The folder while it is needed; None if it is not there."""
        try:
            descriptor = self.open(path)
        except (FileNotFoundError, NotADirectoryError):
            yield None
            return
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def make_folder(self, name: str, folder_fd: int, path: str) -> None:
        if path not in self.told:
            self.tell([Makes(path)])
        try:
            os.mkdir(name, 0o755, dir_fd=folder_fd)
        except FileExistsError:
            return
        except FileNotFoundError as error:
            raise Vanished from error
        except OSError as error:
            raise self.refused(path, error) from error
        self.moves.append(Move(Step.MADE, path, ""))

    def move_out(self, path: str, aside: str, *, folders: bool = True) -> bool:
        """Rename what is at `path` to the new name `aside` (absolute); false if nothing is there.

        The folders above `aside` must be there, and the journal must have been told. Without
        `folders` a folder does not count.
        """
        folder, _, name = path.rpartition("/")
        with self.opened(folder) as folder_fd, open_folder(os.path.dirname(aside)) as out_fd:
            if folder_fd is None:
                return False
            try:
                facts = os.lstat(name, dir_fd=folder_fd)
                if not folders and stat.S_ISDIR(facts.st_mode):
                    return False
                self._out(name, folder_fd, os.path.basename(aside), out_fd, facts)
            except FileNotFoundError:
                return False
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise self.refused(path, error) from error
                return self._move_out_below(path, aside, error)
        self.moves.append(Move(Step.MOVED_OUT, path, aside, facts.st_ino))
        return True

    def hash_of(self, path: str) -> str | None:
        """The SHA-256 of a file as RECORD has it; None if there is no such file."""
        folder, _, name = path.rpartition("/")
        with self.opened(folder) as folder_fd:
            if folder_fd is None:
                return None
            try:
                descriptor = open_regular(name, os.O_RDONLY, follow=False, dir_fd=folder_fd)
            except OSError:
                return None
        with open(descriptor, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        return encode_digest(digest)

    def _move_out_below(self, path: str, aside: str, error: OSError) -> bool:
        """Move out a folder's content: overlayfs does not rename folders of a lower layer."""
        with self.opened(path) as folder_fd:
            if folder_fd is None:
                raise self.refused(path, error) from error
            os.mkdir(aside, 0o700)
            names = sorted(os.listdir(folder_fd))
            self.tell(Takes(f"{path}/{name}", f"{aside}/{name}") for name in names)
            for name in names:
                self.move_out(f"{path}/{name}", f"{aside}/{name}")
        self.prune(path)
        return True

    def _out(
        self, name: str, folder_fd: int, aside: str, out_fd: int, facts: os.stat_result
    ) -> None:
        # The name outside is fresh, so plain rename(2) cannot replace anything; a folder must
        # move whole here even where folders cannot be published whole.
        if stat.S_ISDIR(facts.st_mode):
            os.rename(name, aside, src_dir_fd=folder_fd, dst_dir_fd=out_fd)
        else:
            self.rename.noreplace(name, folder_fd, aside, out_fd)

    def prune(self, path: str) -> bool:
        """Remove the folder if it is empty. Not undone: whoever needs it makes it again."""
        folder, _, name = path.rpartition("/")
        with self.opened(folder) as folder_fd:
            if folder_fd is None:
                return False
            try:
                os.rmdir(name, dir_fd=folder_fd)
            except OSError:
                return False
            return True

    def refused(self, path: str, error: OSError) -> LinkdError:
        if is_no_space(error):
            return NoSpace(path=f"{self.prefix}/{path}", doing="changing the environment")
        return self.failed(path, reason_of(error))

    def failed(self, path: str, reason: str) -> GraftFailed:
        return GraftFailed(environment=self.prefix, path=path, reason=reason)


def open_regular(path: str, flags: int, *, follow: bool = True, dir_fd: int | None = None) -> int:
    """A descriptor of a file, as an `opener` for `open`: one that never waits for a pipe's other end."""
    more = os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(path, flags | more, dir_fd=dir_fd)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.ENXIO, "is not a file", path)


@contextlib.contextmanager
def open_folder(path: str, folder_fd: int | None = None) -> Iterator[int]:
    descriptor = os.open(path, FOLDER, dir_fd=folder_fd)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
