"""Graft: publish staged trees by rename, move out what goes, and undo both.

A graft renames the largest subtree that is absent from the target; where a folder is there
already it descends, down to single files. A file that is there is exchanged with the staged one,
so what was replaced lies in the staged tree afterwards and every step can be undone.
Nothing is ever deleted here.

Folders are opened one below the other without following links, from a descriptor of the prefix,
so that no path can lead out of the environment, even while somebody changes it.
"""

import base64
import contextlib
import enum
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from linkd.errors import GraftFailed, LinkdError, NoSpace, PathOccupied, is_no_space, reason_of
from linkd.link.rename import Rename

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ATTEMPTS: Final = 100
"""How often a folder that others keep removing is published again."""
_ALWAYS_REMOVED: Final = "the folder is removed again and again by somebody else"
_REMOVED: Final = "the folder was removed by somebody else with what had just come into it"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One staged name on its way into the environment."""

    name: str
    staged_fd: int
    target_fd: int
    path: str
    aside: str
    inode: int
    distribution: str


class Vanished(Exception):
    """A folder of the environment was removed while it was descended into."""


@dataclass(slots=True)
class Graft:
    """The renames of one transaction in one environment, in their order."""

    prefix: str
    prefix_fd: int
    rename: Rename
    swaps: Callable[[str], bool] = field(default=lambda _path: False)
    """Whether the folder that is there may be exchanged whole: it holds nothing but what goes."""
    moves: list[Move] = field(default_factory=list)

    # Coming

    def publish(self, staged: str, path: str, *, distribution: str) -> None:
        """Graft the content of the folder `staged` (absolute) into the folder `path`.

        Raises PathOccupied where something other than a folder or a file is in the way, and
        GraftFailed for what the file system refuses.
        """
        staged_fd = os.open(staged, _FOLDER)
        try:
            if not os.listdir(staged_fd):
                return
            for _ in range(_ATTEMPTS):
                try:
                    target_fd = self.open(path, make=True)
                    try:
                        self._publish(staged, staged_fd, path, target_fd, distribution)
                    finally:
                        os.close(target_fd)
                    return
                except Vanished as error:
                    self._require_untouched(staged, path, error)
            raise self._failed(path, _ALWAYS_REMOVED)
        finally:
            os.close(staged_fd)

    def _publish(
        self, staged: str, staged_fd: int, path: str, target_fd: int, distribution: str
    ) -> None:
        with os.scandir(staged_fd) as scan:
            names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in scan)
        for name, is_folder in names:
            entry = _Entry(
                name=name,
                staged_fd=staged_fd,
                target_fd=target_fd,
                aside=f"{staged}/{name}",
                path=f"{path}/{name}" if path else name,
                inode=os.lstat(name, dir_fd=staged_fd).st_ino,
                distribution=distribution,
            )
            try:
                self._noreplace(entry)
            except FileExistsError:
                if is_folder:
                    self._descend(entry)
                else:
                    self._replace(entry)

    def _noreplace(self, entry: "_Entry") -> None:
        """Publish what is absent. Raises FileExistsError, Vanished, GraftFailed."""
        try:
            self.rename.noreplace(entry.name, entry.staged_fd, entry.name, entry.target_fd)
        except FileExistsError:
            raise
        except FileNotFoundError as error:
            raise Vanished from error
        except OSError as error:
            raise self._refused(entry.path, error) from error
        self.moves.append(Move(Step.PUBLISHED, entry.path, entry.aside, entry.inode))

    def _exchange(self, entry: "_Entry") -> None:
        self.rename.exchange(entry.name, entry.staged_fd, entry.name, entry.target_fd)
        self.moves.append(Move(Step.EXCHANGED, entry.path, entry.aside, entry.inode))

    def _swap(self, entry: "_Entry") -> bool:
        """Exchange a whole folder; false where that cannot be done, or is not needed any more."""
        try:
            self.rename.exchange(entry.name, entry.staged_fd, entry.name, entry.target_fd)
        except FileNotFoundError:
            return False
        except OSError as error:
            # overlayfs does not rename folders of a lower layer.
            if error.errno == errno.EXDEV:
                return False
            raise self._refused(entry.path, error) from error
        self.moves.append(Move(Step.SWAPPED, entry.path, entry.aside, entry.inode))
        return True

    def _require_untouched(self, staged: str, path: str, error: Vanished) -> None:
        """A folder that holds something of ours does not vanish unless it is taken away with it.

        To begin anew with the rest would leave a hole, or bring back what was replaced.
        """
        if any(move.aside.startswith(f"{staged}/") for move in self.moves):
            raise self._failed(path, _REMOVED) from error

    def _descend(self, entry: "_Entry") -> None:
        """A folder of that name is there, or folders cannot be moved whole."""
        if self.rename.moves_folders and self.swaps(entry.path) and self._swap(entry):
            return
        staged_fd = os.open(entry.name, _FOLDER, dir_fd=entry.staged_fd)
        try:
            for _ in range(_ATTEMPTS):
                with contextlib.suppress(FileExistsError):
                    if not self.rename.moves_folders:
                        self._make(entry.name, entry.target_fd, entry.path)
                    elif not _is_there(entry.name, entry.target_fd):
                        # Removed by somebody since: now the whole of it can be published.
                        self._noreplace(entry)
                        return
                try:
                    self._publish_below(entry, staged_fd)
                    return
                except Vanished as error:
                    self._require_untouched(entry.aside, entry.path, error)
            raise self._failed(entry.path, _ALWAYS_REMOVED)
        finally:
            os.close(staged_fd)

    def _publish_below(self, entry: "_Entry", staged_fd: int) -> None:
        try:
            target_fd = os.open(entry.name, _FOLDER, dir_fd=entry.target_fd)
        except FileNotFoundError as error:
            raise Vanished from error
        except OSError as error:
            raise _occupied(entry, error) from error
        try:
            self._publish(entry.aside, staged_fd, entry.path, target_fd, entry.distribution)
        finally:
            os.close(target_fd)

    def _replace(self, entry: "_Entry") -> None:
        """A file of that name is there."""
        for _ in range(_ATTEMPTS):
            try:
                present = os.lstat(entry.name, dir_fd=entry.target_fd)
                if stat.S_ISDIR(present.st_mode):
                    raise PathOccupied(
                        path=entry.path, distribution=entry.distribution, reason="is a folder"
                    )
                self._exchange(entry)
                return
            except FileNotFoundError:
                # Removed by somebody since: publish it then, or see it appear once more.
                with contextlib.suppress(FileExistsError):
                    self._noreplace(entry)
                    return
            except OSError as error:
                raise self._refused(entry.path, error) from error
        raise self._failed(entry.path, _ALWAYS_REMOVED)

    # Going

    def move_out(self, path: str, aside: str, *, folders: bool = True) -> bool:
        """Rename what is at `path` to the new name `aside` (absolute); false if nothing is there.

        The folders above `aside` must be there. Without `folders` a folder does not count.
        """
        folder, _, name = path.rpartition("/")
        with self.opened(folder) as folder_fd, _open_folder(os.path.dirname(aside)) as out_fd:
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
                    raise self._refused(path, error) from error
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
                descriptor = os.open(name, _FILE, dir_fd=folder_fd)
            except OSError:
                return None
        with open(descriptor, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _move_out_below(self, path: str, aside: str, error: OSError) -> bool:
        """Move out a folder's content: overlayfs does not rename folders of a lower layer."""
        with self.opened(path) as folder_fd:
            if folder_fd is None:
                raise self._refused(path, error) from error
            os.mkdir(aside, 0o700)
            for name in sorted(os.listdir(folder_fd)):
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

    # Back

    def undo(self, keep: Callable[[str], bool]) -> tuple[str, ...]:
        """Take back every step, the last first; the paths for which that was not possible.

        `keep(path)` tells that somebody else has come to need what lies at the path, so that it
        has to stay. What somebody else has put in the place of ours stays as well.
        """
        left: list[str] = []
        while self.moves:
            move = self.moves.pop()
            try:
                self._undo(move, keep)
            except (OSError, LinkdError):
                left.append(move.path)
        return tuple(left)

    def _undo(self, move: Move, keep: Callable[[str], bool]) -> None:
        folder, _, name = move.path.rpartition("/")
        match move.step:
            case Step.MADE:
                self.prune(move.path)
            case Step.MOVED_OUT:
                self._put_back(folder, name, move)
            case Step.EXCHANGED | Step.SWAPPED:
                self._exchange_back(folder, name, move)
            case Step.PUBLISHED:
                self._withdraw(folder, name, move, keep)

    def _put_back(self, folder: str, name: str, move: Move) -> None:
        with _open_folder(os.path.dirname(move.aside)) as aside_fd:
            for _ in range(_ATTEMPTS):
                with contextlib.suppress(Vanished):
                    target_fd = self.open(folder, make=True)
                    try:
                        self._restore(os.path.basename(move.aside), aside_fd, name, target_fd)
                    finally:
                        os.close(target_fd)
                    return
        raise self._failed(move.path, _ALWAYS_REMOVED)

    def _restore(self, aside: str, aside_fd: int, name: str, target_fd: int) -> None:
        """Put back a file or folder, into a folder that has come there since too."""
        if not stat.S_ISDIR(os.lstat(aside, dir_fd=aside_fd).st_mode):
            # What somebody else has put there since is theirs.
            with contextlib.suppress(FileExistsError):
                self.rename.noreplace(aside, aside_fd, name, target_fd)
        elif not _is_there(name, target_fd):
            os.rename(aside, name, src_dir_fd=aside_fd, dst_dir_fd=target_fd)
        else:
            with _open_folder(aside, aside_fd) as source, _open_folder(name, target_fd) as there:
                for inner in sorted(os.listdir(source)):
                    self._restore(inner, source, inner, there)

    def _exchange_back(self, folder: str, name: str, move: Move) -> None:
        with self.opened(folder) as target_fd:
            if target_fd is None or not _is_still(name, target_fd, move.inode):
                return
            with _open_folder(os.path.dirname(move.aside)) as aside_fd:
                self.rename.exchange(os.path.basename(move.aside), aside_fd, name, target_fd)

    def _withdraw(self, folder: str, name: str, move: Move, keep: Callable[[str], bool]) -> None:
        """Take back what was published, but for what others have come to need below it."""
        with self.opened(folder) as target_fd:
            if target_fd is None or not _is_still(name, target_fd, move.inode):
                return
            folders, files = _content(move.path, name, target_fd)
            if not any(map(keep, files)):
                os.rename(name, move.aside, src_dir_fd=target_fd)
                return
        for path in files:
            if not keep(path):
                aside = move.aside + path[len(move.path) :]
                os.makedirs(os.path.dirname(aside), exist_ok=True)
                with self.opened(path.rpartition("/")[0]) as inner_fd:
                    if inner_fd is not None:
                        os.rename(path.rpartition("/")[2], aside, src_dir_fd=inner_fd)
        for below in sorted(folders, reverse=True):
            self.prune(below)

    # Folders

    def open(self, path: str, *, make: bool = False) -> int:
        """A descriptor of a folder below the prefix; no link on the way is followed."""
        descriptor = os.dup(self.prefix_fd)
        done = ""
        for name in filter(None, path.split("/")):
            done = f"{done}/{name}" if done else name
            try:
                if name == os.pardir:
                    raise self._failed(path, "leads out of the environment")
                inner = self._open_inner(name, descriptor, done, make=make)
            finally:
                os.close(descriptor)
            descriptor = inner
        return descriptor

    def _open_inner(self, name: str, folder_fd: int, path: str, *, make: bool) -> int:
        try:
            return os.open(name, _FOLDER, dir_fd=folder_fd)
        except FileNotFoundError:
            if not make:
                raise
        except OSError as error:
            if make and error.errno in {errno.ENOTDIR, errno.ELOOP}:
                raise self._failed(path, "is not a folder, or a link to one") from error
            raise
        self._make(name, folder_fd, path)
        try:
            return os.open(name, _FOLDER, dir_fd=folder_fd)
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

    def _make(self, name: str, folder_fd: int, path: str) -> None:
        try:
            os.mkdir(name, 0o755, dir_fd=folder_fd)
        except FileExistsError:
            return
        except FileNotFoundError as error:
            raise Vanished from error
        except OSError as error:
            raise self._refused(path, error) from error
        self.moves.append(Move(Step.MADE, path, ""))

    def _refused(self, path: str, error: OSError) -> LinkdError:
        if is_no_space(error):
            return NoSpace(path=f"{self.prefix}/{path}", doing="changing the environment")
        return self._failed(path, reason_of(error))

    def _failed(self, path: str, reason: str) -> GraftFailed:
        return GraftFailed(environment=self.prefix, path=path, reason=reason)


def _occupied(entry: _Entry, error: OSError) -> Exception:
    is_other = error.errno in {errno.ENOTDIR, errno.ELOOP}
    reason = "is a file or a link, not a folder" if is_other else reason_of(error)
    return PathOccupied(path=entry.path, distribution=entry.distribution, reason=reason)


def _is_there(name: str, folder_fd: int) -> bool:
    try:
        os.lstat(name, dir_fd=folder_fd)
    except FileNotFoundError:
        return False
    return True


def _is_still(name: str, folder_fd: int, inode: int) -> bool:
    try:
        return os.lstat(name, dir_fd=folder_fd).st_ino == inode
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _open_folder(path: str, folder_fd: int | None = None) -> Iterator[int]:
    descriptor = os.open(path, _FOLDER, dir_fd=folder_fd)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _content(path: str, name: str, folder_fd: int) -> tuple[list[str], list[str]]:
    """The folders, itself among them, and the files of what is at `path`; a file is its own."""
    if not stat.S_ISDIR(os.lstat(name, dir_fd=folder_fd).st_mode):
        return [], [path]
    folders: list[str] = []
    files: list[str] = []
    for root, _, names, _ in os.fwalk(name, dir_fd=folder_fd):
        here = path + root[len(name) :]
        folders.append(here)
        files += [f"{here}/{file}" for file in names]
    return folders, files
