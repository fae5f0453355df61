"""Graft: publish staged trees by rename, move out what goes, and undo both.

A graft renames the largest subtree that is absent from the target; where a folder is there
already it descends, down to single files. A file that is there is exchanged with the staged one,
so what was replaced lies in the staged tree afterwards and every step can be undone.
Nothing is ever deleted here.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from linkd.errors import LinkdError, PathOccupied, reason_of
from linkd.link.beneath import FOLDER, Beneath, Move, Step, Vanished, open_folder
from linkd.link.journal import Brings, Intention, Makes

_ATTEMPTS: Final = 10_000
"""How often a folder that others keep removing is published again."""
_ALWAYS_REMOVED: Final = "the folder is removed again and again by somebody else"
_REMOVED: Final = "the folder was removed by somebody else with what had just come into it"


class _Listed(NamedTuple):
    """One name of a staged folder."""

    name: str
    is_folder: bool
    inode: int


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


@dataclass(slots=True)
class Graft(Beneath):
    """The renames of one transaction in one environment, in their order."""

    swaps: Callable[[str], bool] = field(default=lambda _path: False)
    """Whether the folder that is there may be exchanged whole: it holds nothing but what goes."""
    likely: Callable[[str], bool] = field(default=lambda _path: False)
    """Whether that will probably be so, told without a look at the disk."""
    _listings: dict[str, tuple[_Listed, ...]] = field(default_factory=dict)
    """What lies in the staged folders of which the journal knows."""

    # Told

    def announcing(self, parts: Iterable[tuple[str, str]]) -> list[Intention]:
        """What publishing staged folders into folders intends, for the journal.

        Undone from the last to the first, a folder comes before what lies in it: if it has been
        exchanged whole, nothing below it has been touched.
        """
        there: dict[str, set[str]] = {}
        return [
            intention
            for staged, path in parts
            for intention in self._announcing(staged, path, there)
        ]

    def _announcing(
        self, staged: str, path: str, there: dict[str, set[str]]
    ) -> Iterator[Intention]:
        listing = self._listings[staged] = _list(staged)
        present = there.get(path)
        if present is None:
            present = there[path] = self._present(path)
        for one in listing:
            inner = f"{path}/{one.name}" if path else one.name
            if one.is_folder and self._descends(inner, there=one.name in present):
                if one.name not in present:
                    self.told.add(inner)
                    yield Makes(inner)
                yield from self._announcing(f"{staged}/{one.name}", inner, there)
        if listing:
            whole = self.rename.moves_folders
            names = (
                (one.name, one.inode, None if whole else one.name in present) for one in listing
            )
            yield Brings(path, staged, tuple(names))
            # What comes later finds this there.
            present.update(one.name for one in listing)

    def _descends(self, path: str, *, there: bool) -> bool:
        """Whether a folder will probably be published name by name. If not, that is told then."""
        return (there and not self.likely(path)) or not self.rename.moves_folders

    def _present(self, path: str) -> set[str]:
        with contextlib.ExitStack() as opened:
            try:
                descriptor = opened.enter_context(self.opened(path))
            except OSError:  # publishing will say what it is
                descriptor = None
            return set() if descriptor is None else set(os.listdir(descriptor))

    def _listing(self, staged: str, path: str) -> tuple[_Listed, ...]:
        if staged not in self._listings:
            self.tell(self.announcing([(staged, path)]))
        return self._listings[staged]

    # Coming

    def publish(self, staged: str, path: str, *, distribution: str) -> None:
        """Graft the content of the folder `staged` (absolute) into the folder `path`.

        Raises PathOccupied where something other than a folder or a file is in the way, and
        GraftFailed for what the file system refuses.
        """
        self.publish_all([(staged, distribution)], path)

    def publish_all(self, staged: Iterable[tuple[str, str]], path: str) -> None:
        """The same for many folders, each with its distribution, that go into one."""
        with _Kept(self, path) as kept:
            for folder, distribution in staged:
                if self._listing(folder, path):
                    with open_folder(folder) as staged_fd:
                        self._publish_into(kept, folder, staged_fd, distribution)

    def _publish_into(self, kept: "_Kept", staged: str, staged_fd: int, distribution: str) -> None:
        for _ in range(_ATTEMPTS):
            try:
                self._publish(staged, staged_fd, kept.path, kept.open(), distribution)
                return
            except Vanished as error:
                self._require_untouched(staged, kept.path, error)
                kept.close()
        raise self.failed(kept.path, _ALWAYS_REMOVED)

    def _publish(
        self, staged: str, staged_fd: int, path: str, target_fd: int, distribution: str
    ) -> None:
        for listed in self._listing(staged, path):
            entry = _Entry(
                name=listed.name,
                staged_fd=staged_fd,
                target_fd=target_fd,
                aside=f"{staged}/{listed.name}",
                path=f"{path}/{listed.name}" if path else listed.name,
                inode=listed.inode,
                distribution=distribution,
            )
            try:
                self._noreplace(entry)
            except FileExistsError:
                if listed.is_folder:
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
            raise self.refused(entry.path, error) from error
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
            raise self.refused(entry.path, error) from error
        self.moves.append(Move(Step.SWAPPED, entry.path, entry.aside, entry.inode))
        return True

    def _require_untouched(self, staged: str, path: str, error: Vanished) -> None:
        """A folder that holds something of ours does not vanish unless it is taken away with it.

        To begin anew with the rest would leave a hole, or bring back what was replaced.
        """
        if any(move.aside.startswith(f"{staged}/") for move in self.moves):
            raise self.failed(path, _REMOVED) from error

    def _descend(self, entry: "_Entry") -> None:
        """A folder of that name is there, or folders cannot be moved whole."""
        if self.rename.moves_folders and self.swaps(entry.path) and self._swap(entry):
            return
        staged_fd = os.open(entry.name, FOLDER, dir_fd=entry.staged_fd)
        try:
            for _ in range(_ATTEMPTS):
                with contextlib.suppress(FileExistsError):
                    if not self.rename.moves_folders:
                        self.make_folder(entry.name, entry.target_fd, entry.path)
                    elif not _is_there(entry.name, entry.target_fd):
                        # Removed by somebody since: now the whole of it can be published.
                        self._noreplace(entry)
                        return
                try:
                    self._publish_below(entry, staged_fd)
                    return
                except Vanished as error:
                    self._require_untouched(entry.aside, entry.path, error)
            raise self.failed(entry.path, _ALWAYS_REMOVED)
        finally:
            os.close(staged_fd)

    def _publish_below(self, entry: "_Entry", staged_fd: int) -> None:
        try:
            target_fd = os.open(entry.name, FOLDER, dir_fd=entry.target_fd)
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
                if not stat.S_ISREG(present.st_mode) and not stat.S_ISLNK(present.st_mode):
                    raise PathOccupied(
                        path=entry.path,
                        distribution=entry.distribution,
                        reason="is neither a file nor a link",
                    )
                self._exchange(entry)
                return
            except FileNotFoundError:
                # Removed by somebody since: publish it then, or see it appear once more.
                with contextlib.suppress(FileExistsError):
                    self._noreplace(entry)
                    return
            except OSError as error:
                raise self.refused(entry.path, error) from error
        raise self.failed(entry.path, _ALWAYS_REMOVED)

    # Back

    def undo(self, keep: Callable[[str], bool]) -> tuple[str, ...]:
        """Take back every step, the last first; the paths for which that was not possible.

        `keep(path)` tells that what lies at the path has to stay: somebody else has come to need
        it, or has put it there. What somebody else has put in the place of ours stays as well.
        """
        left: list[str] = []
        while self.moves:
            move = self.moves.pop()
            try:
                self.take_back(move, keep)
            except (OSError, LinkdError):
                left.append(move.path)
        return tuple(left)

    def take_back(self, move: Move, keep: Callable[[str], bool]) -> None:
        """Take back one step. Done again it does nothing: a crash may have cut it off.

        Raises OSError, and LinkError.
        """
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
        with open_folder(os.path.dirname(move.aside)) as aside_fd:
            for _ in range(_ATTEMPTS):
                with contextlib.suppress(Vanished):
                    target_fd = self.open(folder, make=True)
                    try:
                        self._restore(os.path.basename(move.aside), aside_fd, name, target_fd)
                    finally:
                        os.close(target_fd)
                    return
        raise self.failed(move.path, _ALWAYS_REMOVED)

    def _restore(self, aside: str, aside_fd: int, name: str, target_fd: int) -> None:
        """Put back a file or folder, into a folder that has come there since too."""
        if not stat.S_ISDIR(os.lstat(aside, dir_fd=aside_fd).st_mode):
            # What somebody else has put there since is theirs.
            with contextlib.suppress(FileExistsError):
                self.rename.noreplace(aside, aside_fd, name, target_fd)
        elif not _is_there(name, target_fd):
            os.rename(aside, name, src_dir_fd=aside_fd, dst_dir_fd=target_fd)
        else:
            with open_folder(aside, aside_fd) as source, open_folder(name, target_fd) as there:
                for inner in sorted(os.listdir(source)):
                    self._restore(inner, source, inner, there)

    def _exchange_back(self, folder: str, name: str, move: Move) -> None:
        with self.opened(folder) as target_fd:
            if target_fd is None or not _is_still(name, target_fd, move.inode):
                return
            with open_folder(os.path.dirname(move.aside)) as aside_fd:
                self.rename.exchange(os.path.basename(move.aside), aside_fd, name, target_fd)

    def _withdraw(self, folder: str, name: str, move: Move, keep: Callable[[str], bool]) -> None:
        """Take back what was published, but for what is not ours below it.

        A folder goes file by file: whole it could take along what somebody puts into it at this
        very moment. Only a dist-info folder is nobody's but ours, and is unlisted at once.
        """
        with self.opened(folder) as target_fd:
            if target_fd is None or not _is_still(name, target_fd, move.inode):
                return
            folders, files = _content(move.path, name, target_fd)
            if not folders or name.endswith(".dist-info"):
                if not any(map(keep, files)):
                    os.rename(name, move.aside, src_dir_fd=target_fd)
                return
        # Under another name than it had: what lies at that one tells a recovery what was done.
        withdrawn = os.path.join(os.path.dirname(move.aside), f".linkd-withdrawn-{move.inode}")
        for path in files:
            if not keep(path):
                aside = withdrawn + path[len(move.path) :]
                os.makedirs(os.path.dirname(aside), exist_ok=True)
                with self.opened(path.rpartition("/")[0]) as inner_fd:
                    if inner_fd is not None:
                        os.rename(path.rpartition("/")[2], aside, src_dir_fd=inner_fd)
        for below in sorted(folders, reverse=True):
            self.prune(below)


def _list(staged: str) -> tuple[_Listed, ...]:
    with os.scandir(staged) as scan:
        return tuple(
            sorted(
                _Listed(
                    entry.name,
                    entry.is_dir(follow_symlinks=False),
                    # What a folder's list has as inodes are other numbers on some overlays.
                    entry.stat(follow_symlinks=False).st_ino,
                )
                for entry in scan
            )
        )


class _Kept:
    """One folder of the environment, open as long as things go into it and it is there."""

    def __init__(self, graft: Graft, path: str) -> None:
        self.path = path
        self._graft = graft
        self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> int:
        """Made where it is missing."""
        if self._descriptor < 0:
            self._descriptor = self._graft.open(self.path, make=True)
        return self._descriptor

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


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
