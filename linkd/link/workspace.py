"""Where staged trees lie: a folder of one transaction on the environment's own mount.

On the cache's mount that is the cache's pool, out of everybody's sight; elsewhere a hidden folder
in the environment's prefix, which is gone when the request has been answered.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from linkd.core.target import Target
from linkd.errors import (
    CacheUnusable,
    EnvironmentMissing,
    EnvironmentNotWritable,
    NoSpace,
    is_no_space,
    reason_of,
)
from linkd.link.beneath import open_folder
from linkd.link.birth import birth_ns
from linkd.link.footprint import Roots
from linkd.link.journal import Entries, Journal, Place, mark_ended
from linkd.link.modes import LinkChoice, LinkPolicy, choose_mode, mount_of
from linkd.link.rename import Rename, probe_rename

TRIAL: Final = ".linkd-"
"""How the names begin by which links are tried there, and which are gone a moment later."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
TRANSACTION: Final = "txn-"
"""How the folders of transactions in the cache's pool begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One transaction's folder, and what is known of its mount."""

    path: str
    rename: Rename
    choice: LinkChoice
    in_cache: bool
    journal: Journal
    """In the same folder, or in one of its own in the cache."""


class Workspaces:
    """Makes and discards workspaces; remembers what each pair of mounts allows."""

    def __init__(self, *, pool: str, trash: str, background: Executor) -> None:
        self._pool = pool
        self._trash = trash
        self._background = background
        self._renames: dict[tuple[int, int], Rename] = {}
        self._choices: dict[tuple[tuple[int, int], tuple[int, int], LinkPolicy], LinkChoice] = {}
        self._pending = 0
        self._guard = threading.Lock()

    @property
    def pool(self) -> str:
        return self._pool

    @property
    def pending(self) -> int:
        """Workspaces that wait for their removal."""
        return self._pending

    def open(self, target: Target, policy: LinkPolicy) -> Workspace:
        """Make a workspace on the mount of the environment's site-packages.

        Raises EnvironmentMissing, EnvironmentNotWritable, CacheUnusable, NoSpace, LinkUnavailable.
        """
        pool_fd = self._open_pool()
        try:
            site_fd = _open_site(target)
            try:
                mounts = mount_of(pool_fd), mount_of(site_fd)
                token = secrets.token_hex(8)
                path = "" if mounts[0] == mounts[1] else f"{target.prefix}/.linkd-{token}"
                place = _place(target, site_fd, path)
            finally:
                os.close(site_fd)
            folder = os.path.join(self._pool, f"{TRANSACTION}{token}")
            with contextlib.ExitStack() as undoing:
                with self._refusing(target, folder, in_cache=True):
                    journal = _begin(folder, place, undoing)
                with self._refusing(target, path or folder, in_cache=not path):
                    workspace = self._furnish(journal, pool_fd, mounts, policy)
                undoing.pop_all()
            return workspace
        finally:
            os.close(pool_fd)

    def obstacle(self, folder: str | None) -> str | None:
        """Why trees in the pool are of no use to environments in this folder, or to any.

        Raises CacheUnusable and NoSpace.
        """
        pool_fd = self._open_pool()
        try:
            with open_folder(self._trash) as beside_fd:
                choice = choose_mode(pool_fd, beside_fd, LinkPolicy())
            if choice.fallback is not None:
                return choice.fallback.detail
            if folder is None:
                return None
            with open_folder(folder) as folder_fd:
                is_same = mount_of(pool_fd) == mount_of(folder_fd)
            return None if is_same else f"{folder} is not on the mount of the cache"
        except OSError as error:
            raise CacheUnusable(path=self._pool, reason=reason_of(error)) from error
        finally:
            os.close(pool_fd)

    def _open_pool(self) -> int:
        try:
            with contextlib.suppress(FileNotFoundError):
                return os.open(self._pool, _FOLDER)
            # Removed by hand; a folder of the cache may be, but not the cache under a daemon.
            os.mkdir(self._pool, 0o700)
            return os.open(self._pool, _FOLDER)
        except OSError as error:
            raise CacheUnusable(path=self._pool, reason=reason_of(error)) from error

    def _furnish(
        self,
        journal: Journal,
        pool_fd: int,
        mounts: tuple[tuple[int, int], tuple[int, int]],
        policy: LinkPolicy,
    ) -> Workspace:
        """Make the folder where it is not the journal's, and find out what can be done in it."""
        elsewhere = journal.place.workspace
        path = elsewhere or journal.folder
        with contextlib.ExitStack() as undoing:
            if elsewhere:
                os.mkdir(path, 0o700)
                undoing.callback(shutil.rmtree, path, ignore_errors=True)
            with _opened(path) as here_fd:
                rename, choice = self._abilities(here_fd, pool_fd, mounts, policy)
            undoing.pop_all()
        return Workspace(
            path=path, rename=rename, choice=choice, in_cache=not elsewhere, journal=journal
        )

    @contextlib.contextmanager
    def _refusing(self, target: Target, path: str, *, in_cache: bool) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if is_no_space(error):
                raise NoSpace(path=path, doing="making room for the install") from error
            if in_cache:
                raise CacheUnusable(path=self._pool, reason=reason_of(error)) from error
            raise EnvironmentNotWritable(
                environment=str(target.prefix), path=path, reason=reason_of(error)
            ) from error

    def _abilities(
        self,
        here_fd: int,
        pool_fd: int,
        mounts: tuple[tuple[int, int], tuple[int, int]],
        policy: LinkPolicy,
    ) -> tuple[Rename, LinkChoice]:
        rename = self._renames.get(mounts[1])
        if rename is None:
            rename = self._renames[mounts[1]] = probe_rename(here_fd)
        choice = self._choices.get((*mounts, policy))
        if choice is None:
            choice = choose_mode(pool_fd, here_fd, policy)
            self._choices[*mounts, policy] = choice
        return rename, choice

    def discard(self, workspace: Workspace) -> None:
        """Remove a workspace with all that is left in it, in the background where none sees it.

        From then on nothing of the transaction can be undone.
        """
        journal = workspace.journal
        try:
            if not workspace.in_cache:
                journal.end()
                shutil.rmtree(workspace.path, ignore_errors=True)
            self.sweep(journal.folder)
        finally:
            os.close(journal.lock_fd)

    def clear_away(self, entries: Entries) -> None:
        """Remove what a dead process left. Nothing of it can be undone any more. Raises OSError."""
        mark_ended(entries.folder)
        if entries.place.workspace:
            shutil.rmtree(entries.place.workspace, ignore_errors=True)
        self.sweep(entries.folder)

    def sweep(self, path: str) -> None:
        """Take a folder out of the pool at once, and remove it in the background, if it is there."""
        trash = os.path.join(self._trash, f"{os.path.basename(path)}-{secrets.token_hex(4)}")
        try:
            os.rename(path, trash)
        except FileNotFoundError:
            return
        with self._guard:
            self._pending += 1
        try:
            self._background.submit(self._remove, trash)
        except RuntimeError:  # the daemon is stopping; its next start clears the trash
            with self._guard:
                self._pending -= 1

    def _remove(self, path: str) -> None:
        try:
            shutil.rmtree(path, ignore_errors=True)
        finally:
            with self._guard:
                self._pending -= 1


def _begin(folder: str, place: Place, undoing: contextlib.ExitStack) -> Journal:
    """The transaction's folder in the cache, locked."""
    os.mkdir(folder, 0o700)
    undoing.callback(shutil.rmtree, folder, ignore_errors=True)
    lock_fd = os.open(folder, _FOLDER)
    undoing.callback(os.close, lock_fd)
    fcntl.flock(lock_fd, fcntl.LOCK_EX)
    journal = Journal(folder, lock_fd, place)
    if place.workspace:
        # On record before it is there: after a crash nobody would look for it elsewhere.
        journal.tell([])
    return journal


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, _FOLDER)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _place(target: Target, site_fd: int, workspace: str) -> Place:
    return Place(
        prefix=str(target.prefix),
        site=os.path.relpath(target.site_packages, target.prefix),
        inode=os.fstat(site_fd).st_ino,
        born_ns=birth_ns(site_fd),
        workspace=workspace,
        roots={str(key): root for key, root in Roots.of(target).by_key.items()},
    )


def _open_site(target: Target) -> int:
    try:
        return os.open(target.site_packages, _FOLDER)
    except FileNotFoundError as error:
        raise EnvironmentMissing(environment=str(target.prefix)) from error
    except OSError as error:
        raise EnvironmentNotWritable(
            environment=str(target.prefix), path=str(target.site_packages), reason=reason_of(error)
        ) from error


def require_writable(target: Target) -> None:
    """Refuse an environment that cannot be changed, before anything is done for it."""
    site = target.site_packages
    while not os.path.exists(site):
        # That of a placement may have to be made.
        site = site.parent
    for folder in {site, target.scheme.platlib, target.scheme.scripts}:
        if not folder.exists():
            continue
        if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
            reason = "read-only file system" if _is_read_only(folder) else "permission denied"
            raise EnvironmentNotWritable(
                environment=str(target.prefix), path=str(folder), reason=reason
            )


def _is_read_only(folder: "os.PathLike[str]") -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
