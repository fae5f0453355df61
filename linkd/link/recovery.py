"""Undoes transactions whose process was killed, by their journals and what lies on the disk.

An intention may have been carried out, or not, or have been undone already: the inodes tell. So
undoing may be cut off itself, and is begun again from the start.
"""

import contextlib
import enum
import fcntl
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name
from packaging.version import Version

from linkd.core.installed import InstalledDistribution
from linkd.core.record import parse_record
from linkd.core.target import SchemeKey
from linkd.errors import CacheUnusable, LinkdError, RecoveryFailed, reason_of
from linkd.link.beneath import Move, Step, open_folder
from linkd.link.birth import birth_ns
from linkd.link.footprint import Roots, StayingFootprint, ancestors
from linkd.link.graft import Graft
from linkd.link.journal import (
    Brings,
    Coming,
    Entries,
    Inherits,
    Makes,
    Takes,
    TakesLine,
    read_journal,
)
from linkd.link.path_lines import PathLines
from linkd.link.pool import SUFFIX
from linkd.link.removal import is_bytecode_of
from linkd.link.rename import exchanged_name, probe_rename
from linkd.link.strays import REPLACED_FILES
from linkd.link.workspace import TRANSACTION

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Whereabouts(enum.Enum):
    """What has become of a journal's environment."""

    THERE = enum.auto()
    ABSENT = enum.auto()
    """Nothing is at its path: it may be on a mount that is not there now."""
    REPLACED = enum.auto()
    """Another one is there."""


def find_crashed(pool: str) -> tuple[list[Entries], list[str]]:
    """What dead processes left in the pool: what has to be undone, and what is of no more use.

    A journal that cannot be read is left alone. Raises CacheUnusable.
    """
    crashed: list[Entries] = []
    leftovers: list[str] = []
    try:
        names = sorted(os.listdir(pool))
    except OSError as error:
        raise CacheUnusable(path=pool, reason=reason_of(error)) from error
    for name in names:
        folder = os.path.join(pool, name)
        if not name.startswith(TRANSACTION) and not name.endswith(SUFFIX):
            leftovers.append(folder)
        with contextlib.suppress(OSError, ValueError):
            if not name.startswith(TRANSACTION) or _is_locked(folder):
                continue
            entries = read_journal(folder)
            if entries is None:
                leftovers.append(folder)
            else:
                crashed.append(entries)
    return crashed, leftovers


def whereabouts(entries: Entries) -> Whereabouts:
    """Raises OSError where that cannot be told."""
    place = entries.place
    try:
        descriptor = os.open(os.path.join(place.prefix, place.site), _FOLDER)
    except (FileNotFoundError, NotADirectoryError):
        return Whereabouts.ABSENT
    try:
        same = (place.inode, place.born_ns) == (os.fstat(descriptor).st_ino, birth_ns(descriptor))
    finally:
        os.close(descriptor)
    return Whereabouts.THERE if same else Whereabouts.REPLACED


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What came of it."""

    steps: Mapping[str, int]
    """How many were taken back, by the journal's folder."""
    contents: Mapping[str, frozenset[str | None]]
    """The files that were to come, each with the content (as RECORD has it) that it was to have."""
    inherited: Mapping[str, frozenset[str | None]]
    """Files that others have left there for the transactions, and what may lie there."""


def undo(crashed: Sequence[Entries]) -> Undone:
    """Take back what the transactions of one environment had done, all of them together.

    Where they changed the same paths only the last one to do so can take back its step; then the
    one before can. So each is gone through as often as there are transactions.

    Raises:
        RecoveryFailed: something could not be put back. Nothing is lost; it can be tried again.
    """
    prefix = crashed[0].place.prefix
    claims = _Claims([entries for entries in crashed if entries.purpose is not None])
    contents = claims.contents
    latest_first = sorted(crashed, key=_began, reverse=True)
    steps = dict.fromkeys((entries.folder for entries in crashed), 0)
    left: dict[str, str] = {}
    for _ in crashed:
        left.clear()
        for entries in latest_first:
            if os.path.isdir(entries.workspace):
                steps[entries.folder] += _Undoing(entries, claims, left).run()
    if left:
        path, reason = next(iter(left.items()))
        raise RecoveryFailed(environment=prefix, path=path, reason=reason, left=tuple(left))
    inherited: dict[str, frozenset[str | None]] = {}
    for intention in (one for entries in crashed for one in entries.intentions):
        if isinstance(intention, Inherits):
            path = intention.path
            inherited[path] = inherited.get(path, frozenset()).union(intention.contents)
    return Undone(steps=steps, contents=contents, inherited=inherited)


def _began(entries: Entries) -> float:
    return 0.0 if entries.purpose is None else entries.purpose.began


@dataclass(slots=True)
class _Undoing:
    """One pass over one journal."""

    entries: Entries
    claims: "_Claims"
    left: dict[str, str]
    taken: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        intentions = self.entries.intentions
        self.taken = {one.path: one.aside for one in intentions if isinstance(one, Takes)}

    def run(self) -> int:
        """Returns how many steps were taken back; notes those for which that was not possible."""
        prefix = self.entries.place.prefix
        with open_folder(self.entries.workspace) as workspace_fd:
            rename = probe_rename(workspace_fd)
        with open_folder(prefix) as prefix_fd:
            graft = Graft(prefix, prefix_fd, rename)
            steps = sum(self._take_back(graft, path, find) for path, find in self._steps(graft))
            return steps + self._put_back_lines(graft)

    def _steps(self, graft: Graft) -> "Iterator[tuple[str, _Find]]":
        """The last first. Folders that were made are tried again when all is out of them."""
        made: list[str] = []
        for intention in reversed(self.entries.intentions):
            match intention:
                case Brings(folder, aside, names):
                    for name, inode, there in reversed(names):
                        path = f"{folder}/{name}" if folder else name
                        half = there is False and not self._is_back(path)
                        yield path, _Brought(graft, path, f"{aside}/{name}", inode, half)
                case Takes(path, aside):
                    yield path, _Taken(path, aside)
                case Makes(path):
                    made.append(path)
                    yield path, _Made(path)
        for path in sorted(made, key=lambda path: path.count("/"), reverse=True):
            yield path, _Made(path)

    def _put_back_lines(self, graft: Graft) -> int:
        lines = [one for one in self.entries.intentions if isinstance(one, TakesLine)]
        path_lines = PathLines(graft, self.entries.workspace)
        for path in path_lines.put_back(lines):
            self.left[path] = "its lines could not be put back"
        return path_lines.replaced

    def _is_back(self, path: str) -> bool:
        """Whether what had been at the path before has been put back there, by an earlier pass."""
        asides = (self.taken.get(one) for one in (path, *ancestors(path)))
        return any(aside is not None and not os.path.lexists(aside) for aside in asides)

    def _take_back(self, graft: Graft, path: str, find: "_Find") -> bool:
        try:
            move = find.done()
            if move is not None:
                graft.take_back(move, self.claims.keep)
        except OSError as error:
            self.left[path] = reason_of(error)
        except LinkdError as error:
            self.left[path] = error.detail
        else:
            return move is not None and move.step is not Step.MADE
        return False


@dataclass(frozen=True, slots=True)
class _Made:
    path: str

    def done(self) -> Move | None:
        """Only an empty folder is removed: that needs no looking."""
        return Move(Step.MADE, self.path, "")


@dataclass(frozen=True, slots=True)
class _Taken:
    path: str
    aside: str

    def done(self) -> Move | None:
        is_out = os.path.lexists(self.aside)
        return Move(Step.MOVED_OUT, self.path, self.aside) if is_out else None


@dataclass(frozen=True, slots=True)
class _Brought:
    graft: Graft
    path: str
    aside: str
    inode: int
    may_be_half: bool
    """Whether it may have come by the first of the two calls that stand in for a rename."""

    def done(self) -> Move | None:
        """By which step the staged name came into the environment, if it is there."""
        folder, _, name = self.path.rpartition("/")
        with self.graft.opened(folder) as folder_fd:
            if folder_fd is None or _inode(name, folder_fd) != self.inode:
                return None
            staged = _facts(self.aside)
            if staged is not None and staged.st_ino == self.inode:
                self._finish_publishing(name, folder_fd, staged)
                return None
        step = Step.PUBLISHED
        if staged is None:
            replaced = os.path.join(os.path.dirname(self.aside), exchanged_name(self.inode))
            # Cut off between the two renames that stand in for an exchange.
            with contextlib.suppress(FileNotFoundError):
                os.rename(replaced, self.aside)
                step = Step.EXCHANGED
        else:
            step = Step.SWAPPED if stat.S_ISDIR(staged.st_mode) else Step.EXCHANGED
        return Move(step, self.path, self.aside, self.inode)

    def _finish_publishing(self, name: str, folder_fd: int, staged: os.stat_result) -> None:
        """Both names are there: half a rename, or what was there before is the same file."""
        if self.may_be_half and not stat.S_ISDIR(staged.st_mode):
            os.unlink(name, dir_fd=folder_fd)


_Find = _Made | _Taken | _Brought


class _Claims:
    """Which paths are the crashed transactions' own, and which others need."""

    def __init__(self, crashed: Sequence[Entries]) -> None:
        self._crashed = crashed
        self._coming = [
            (entries, one)
            for entries in crashed
            if entries.purpose is not None
            for one in entries.purpose.coming
        ]
        self._folders = (
            f"{REPLACED_FILES}/",
            *(f"{one.root}{one.dist_info}/" for _, one in self._coming),
        )

    @cached_property
    def contents(self) -> Mapping[str, frozenset[str | None]]:
        """What comes, with each path's content as RECORD has it."""
        found: dict[str, frozenset[str | None]] = {}
        for entries, one in self._coming:
            for path, sha256 in _recorded(entries, one):
                found[path] = found.get(path, frozenset()) | {sha256}
        return found

    def keep(self, path: str) -> bool:
        """Whether something has to stay when what came is taken back: others', or not ours alone."""
        own = self.contents
        ours = path.startswith(self._folders) or path in own or is_bytecode_of(path, own)
        return not ours or path in self._needed

    @cached_property
    def _needed(self) -> frozenset[str]:
        """What the distributions that are listed have recorded, but for those that were coming."""
        coming = {f"{one.root}{one.dist_info}" for _, one in self._coming}
        return frozenset(
            path
            for entries in self._crashed[:1]
            for location, dist_info in _listed(entries)
            if f"{location}{dist_info}" not in coming
            for path in _footprint(entries, location, dist_info).paths
        )


def _listed(entries: Entries) -> Iterator[tuple[str, str]]:
    """The folders of distributions, with the names of their dist-info folders."""
    roots = entries.place.roots
    for root in sorted({roots[SchemeKey.PURELIB], roots[SchemeKey.PLATLIB]}):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for name in os.listdir(os.path.join(entries.place.prefix, root)):
                if name.endswith(".dist-info"):
                    yield root, name


@dataclass(frozen=True, slots=True)
class _Located:
    prefix: Path


def _footprint(entries: Entries, root: str, dist_info: str) -> StayingFootprint:
    place = entries.place
    distribution = InstalledDistribution(
        name=canonicalize_name(dist_info.partition("-")[0]),
        version=Version("0"),
        location=os.path.join(place.prefix, root).rstrip("/"),
        dist_info=dist_info,
    )
    roots = Roots.relative({SchemeKey(key): root for key, root in place.roots.items()})
    return StayingFootprint(distribution, _Located(Path(place.prefix)), roots)


def _recorded(entries: Entries, one: Coming) -> Iterator[tuple[str, str | None]]:
    """The rows of what was to come: its RECORD lies with the staged tree, or in its place."""
    for folder in (one.staged, os.path.join(entries.place.prefix, one.root, one.dist_info)):
        try:
            with open(os.path.join(folder, "RECORD"), encoding="utf-8", newline="") as file:
                rows = parse_record(file.read())
        except (OSError, ValueError):
            continue
        for row in rows:
            yield os.path.normpath(os.path.join(one.root, row.path)), row.sha256
        return


def _is_locked(folder: str) -> bool:
    descriptor = os.open(folder, _FOLDER | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _facts(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None


def _inode(name: str, folder_fd: int) -> int | None:
    try:
        return os.lstat(name, dir_fd=folder_fd).st_ino
    except FileNotFoundError:
        return None
