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
from concurrent.futures import Executor
from dataclasses import dataclass

from linkd.core.target import Target
from linkd.errors import (
    CacheUnusable,
    EnvironmentMissing,
    EnvironmentNotWritable,
    LinkdError,
    NoSpace,
    is_no_space,
    reason_of,
)
from linkd.link.beneath import open_folder
from linkd.link.modes import LinkChoice, LinkPolicy, choose_mode, mount_of
from linkd.link.rename import Rename, probe_rename

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One transaction's folder, and what is known of its mount."""

    path: str
    rename: Rename
    choice: LinkChoice
    in_cache: bool
    lock_fd: int
    """Held as long as the transaction lives, so that another process can tell what a killed one
    left from what somebody is working on."""


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
                pool_mount, site_mount = mount_of(pool_fd), mount_of(site_fd)
            finally:
                os.close(site_fd)
            in_cache = pool_mount == site_mount
            path = self._path(target, in_cache=in_cache)
            try:
                return self._furnish(path, pool_fd, (pool_mount, site_mount), policy)
            except OSError as error:
                raise self._refusal(target, path, error, in_cache=in_cache) from error
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

    def _path(self, target: Target, *, in_cache: bool) -> str:
        name = f"txn-{secrets.token_hex(8)}" if in_cache else f".linkd-{secrets.token_hex(8)}"
        return os.path.join(self._pool if in_cache else target.prefix, name)

    def _furnish(
        self,
        path: str,
        pool_fd: int,
        mounts: tuple[tuple[int, int], tuple[int, int]],
        policy: LinkPolicy,
    ) -> Workspace:
        """Make the folder, lock it and find out what can be done in it, or leave nothing."""
        os.mkdir(path, 0o700)
        with contextlib.ExitStack() as undoing:
            undoing.callback(shutil.rmtree, path, ignore_errors=True)
            lock_fd = os.open(path, _FOLDER)
            undoing.callback(os.close, lock_fd)
            fcntl.flock(lock_fd, fcntl.LOCK_EX)
            rename, choice = self._abilities(lock_fd, pool_fd, mounts, policy)
            undoing.pop_all()
        return Workspace(
            path=path,
            rename=rename,
            choice=choice,
            in_cache=mounts[0] == mounts[1],
            lock_fd=lock_fd,
        )

    def _refusal(self, target: Target, path: str, error: OSError, *, in_cache: bool) -> LinkdError:
        if is_no_space(error):
            return NoSpace(path=path, doing="making room for the install")
        if in_cache:
            return CacheUnusable(path=self._pool, reason=reason_of(error))
        return EnvironmentNotWritable(
            environment=str(target.prefix), path=path, reason=reason_of(error)
        )

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
        """Remove a workspace with all that is left in it, in the background where none sees it."""
        try:
            self._discard(workspace)
        finally:
            os.close(workspace.lock_fd)

    def _discard(self, workspace: Workspace) -> None:
        if workspace.in_cache:
            self.sweep(workspace.path)
        else:
            shutil.rmtree(workspace.path, ignore_errors=True)

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
