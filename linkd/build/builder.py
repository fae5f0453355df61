"""Builds for everybody: the same source for the same interpreter once, and what came of it kept."""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from linkd.build.archives import Archive, Archives
from linkd.build.backend import is_static
from linkd.build.circumstances import Circumstances, Provisioning
from linkd.build.git import Git
from linkd.build.kept import (
    Shelf,
    combined_digest,
    hash_file,
    trim_logs,
    wheel_file,
)
from linkd.build.making import Job, Maker, log_name
from linkd.build.process import Log, in_thread
from linkd.build.unpack import read_pkg_info, unpack_source
from linkd.build.waiting import Task, Waiting
from linkd.core.progress import Reporter
from linkd.core.source import Source
from linkd.core.wheel import DistFile, StoredWheel
from linkd.errors import BuildError, BuildFailed
from linkd.fetch.single_flight import SingleFlight
from linkd.fetch.urls import file_path
from linkd.store.audience import Audience
from linkd.store.faults import translated
from linkd.store.layout import Layout
from linkd.store.store import Ensured
from linkd.store.workspace import workspace

R = TypeVar("R")

_GIT_SECONDS: Final = 900.0


class Storing(Protocol):
    """The store, as far as builds need it."""

    def at_hand(
        self, file: DistFile, required_hashes: Mapping[str, frozenset[str]] | None = None
    ) -> StoredWheel | None: ...

    async def ensure(
        self,
        file: DistFile,
        reporter: Reporter | None = None,
        *,
        required_hashes: Mapping[str, frozenset[str]] | None = None,
    ) -> Ensured: ...

    async def metadata(self, file: DistFile, reporter: Reporter | None = None) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A wheel that was built of a commit."""

    wheel: DistFile
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    folder: str
    log: Log


class Builder:
    """Long-lived; belongs to one event loop. What it builds is in the store when it returns."""

    def __init__(
        self,
        layout: Layout,
        archives: Archives,
        store: Storing,
        provision: Provisioning,
        *,
        at_once: int = 4,
        timeout: float = 3600.0,
    ) -> None:
        """`timeout` is that of one hook, in seconds."""
        self.archives: Final = archives
        self.store: Final = store
        self._layout = layout
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="build")
        self._maker = Maker(provision=provision, executor=self._threads, timeout=timeout)
        self._waiting = Waiting()
        self._flights: SingleFlight[object, Any] = SingleFlight()
        self._audiences: dict[object, Audience] = {}
        self._trees: dict[str, asyncio.Lock] = {}

    async def close(self) -> None:
        """Wait for the threads; nothing may be asked for any more."""
        await asyncio.to_thread(self._threads.shutdown)

    async def archive_metadata(
        self, task: Task, archive: Archive, circumstances: Circumstances, reporter: Reporter
    ) -> bytes:
        """METADATA of an sdist by the cheapest way: kept, PKG-INFO, the hook, the wheel.

        Raises BuildError, StoreError, WheelError, and what making an environment raises.
        """
        shelf = self._shelf(archive.sha256, circumstances)
        known = await asyncio.to_thread(_known_metadata, shelf, archive, circumstances.isolated)
        if isinstance(known, bytes):
            return known
        if known is not None:
            return await self.store.metadata(known, reporter)

        async def make(reporter: Reporter) -> bytes:
            async with self._room(task) as room:
                project = await self._unpacked(archive, None, room)
                job = self._job(task, project, room, circumstances)
                made = await self._maker.metadata(job, reporter)
                if isinstance(made, bytes):
                    if circumstances.isolated:
                        await asyncio.to_thread(shelf.keep_metadata, made)
                    return made
                return await self.store.metadata(await self._keep(shelf, made, job))

        return await self._share(task, "metadata", circumstances, reporter, make)

    async def archive_wheel(
        self,
        task: Task,
        archive: Archive,
        subdirectory: str | None,
        circumstances: Circumstances,
        reporter: Reporter,
    ) -> DistFile:
        """The wheel of an archive. Raises as `archive_metadata`."""
        identity = archive.sha256
        if subdirectory is not None:
            identity = combined_digest(archive.sha256, subdirectory)
        shelf = self._shelf(identity, circumstances)
        kept = await self._kept(shelf, circumstances)
        if kept is not None:
            return kept

        async def make(reporter: Reporter) -> DistFile:
            async with self._room(task) as room:
                project = await self._unpacked(archive, subdirectory, room)
                job = self._job(task, project, room, circumstances)
                return await self._keep(shelf, await self._maker.wheel(job, reporter), job)

        return await self._share(task, f"wheel {subdirectory}", circumstances, reporter, make)

    async def tree_wheel(
        self, task: Task, source: Source, circumstances: Circumstances, reporter: Reporter
    ) -> DistFile:
        """The wheel of a folder, always built anew: who wants it now wants what is there now."""
        folder = os.path.join(file_path(source.url) or "", source.subdirectory or "")
        lock = self._trees.setdefault(os.path.realpath(folder), asyncio.Lock())
        # Backends write into the tree, so one at a time.
        with self._waiting.edge(circumstances.waiter, task):
            async with lock, self._room(task) as room:
                job = self._job(task, folder, room, circumstances, editable=source.editable)
                return await self._into_store(await self._maker.wheel(job, reporter))

    async def git_wheel(
        self, task: Task, source: Source, circumstances: Circumstances, reporter: Reporter
    ) -> Commit:
        """The wheel of a repository's revision; kept by its commit. Raises VcsFailed besides."""

        async def make(reporter: Reporter) -> Commit:
            async with self._room(task) as room:
                commit = await self._git(source, room, lambda git: git.find_commit(room.folder))
                shelf = self._commit_shelf(source, commit, circumstances)
                kept = None if shelf is None else await self._kept(shelf, circumstances)
                if kept is not None and commit is not None:
                    return Commit(wheel=kept, commit=commit)
                checkout = os.path.join(room.folder, "source")
                found = await self._git(source, room, lambda git: git.fetch(checkout, commit))
                project = self._within(task, checkout, source.subdirectory)
                job = self._job(task, project, room, circumstances)
                made = await self._maker.wheel(job, reporter)
                shelf = self._commit_shelf(source, found, circumstances)
                assert shelf is not None
                return Commit(wheel=await self._keep(shelf, made, job), commit=found)

        return await self._share(task, "commit", circumstances, reporter, make)

    # What all of them share

    async def _share(
        self,
        task: Task,
        what: str,
        circumstances: Circumstances,
        reporter: Reporter,
        make: Callable[[Reporter], Coroutine[Any, Any, R]],
    ) -> R:
        """Do it once for all who ask meanwhile in the same circumstances."""
        key = (
            task.key,
            what,
            circumstances.key,
            circumstances.index,
            circumstances.formats,
            None if circumstances.isolated else circumstances.python,
        )
        audience = self._audiences.setdefault(key, Audience())
        try:
            with self._waiting.edge(circumstances.waiter, task), audience.seat(reporter):
                made: R = await self._flights.run(key, partial(make, audience))
                return made
        finally:
            if not audience and self._audiences.get(key) is audience:
                del self._audiences[key]

    @contextlib.asynccontextmanager
    async def _room(self, task: Task) -> AsyncIterator[_Room]:
        """A folder of its own and an open log, which stays only if the build fails."""
        with contextlib.ExitStack() as stack:
            with translated(str(self._layout.root), f"building {task.subject}"):
                folder = stack.enter_context(workspace(self._layout.incoming))
                path = os.path.join(self._layout.logs, log_name(task.subject))
                log = stack.enter_context(Log(path))
            try:
                yield _Room(folder=folder, log=log)
            except BuildError as error:
                if not isinstance(error, BuildFailed) or error.log != path:
                    os.unlink(path)
                raise
            except BaseException:
                os.unlink(path)
                raise
            else:
                os.unlink(path)
            finally:
                trim_logs(self._layout)
                cleared = asyncio.ensure_future(asyncio.to_thread(stack.close))
                await asyncio.shield(cleared)

    def _job(
        self,
        task: Task,
        project: str,
        room: _Room,
        circumstances: Circumstances,
        *,
        editable: bool = False,
    ) -> Job:
        return Job(
            task=task,
            project=project,
            room=room.folder,
            log=room.log,
            circumstances=circumstances,
            editable=editable,
        )

    def _shelf(self, identity: str, circumstances: Circumstances) -> Shelf:
        return Shelf(self._layout, identity, circumstances.key)

    def _commit_shelf(
        self, source: Source, commit: str | None, circumstances: Circumstances
    ) -> Shelf | None:
        if commit is None:
            return None
        identity = combined_digest("git", source.url, commit, source.subdirectory)
        return self._shelf(identity, circumstances)

    async def _kept(self, shelf: Shelf, circumstances: Circumstances) -> DistFile | None:
        """The wheel that was built before; one not isolated depends on what was installed then."""
        kept = await asyncio.to_thread(shelf.wheel) if circumstances.isolated else None
        if kept is not None:
            await self.store.ensure(kept)
        return kept

    async def _keep(self, shelf: Shelf, path: str, job: Job) -> DistFile:
        if not job.circumstances.isolated:
            return await self._into_store(path)
        kept = await asyncio.to_thread(shelf.keep_wheel, path)
        await self.store.ensure(kept)
        return kept

    async def _into_store(self, path: str) -> DistFile:
        """A wheel that is nowhere else: its file is gone soon, the store has it by its hash."""
        file = wheel_file(path, await asyncio.to_thread(hash_file, path))
        await self.store.ensure(file)
        return file

    async def _unpacked(self, archive: Archive, subdirectory: str | None, room: _Room) -> str:
        """The project's folder."""
        folder = os.path.join(room.folder, "source")

        def unpack(stop: threading.Event) -> str:
            with translated(str(self._layout.root), f"unpacking {archive.filename}"):
                os.mkdir(folder)
                return unpack_source(archive.path, archive.filename, folder, stop)

        project = await in_thread(self._threads, unpack)
        return self._within(Task("", archive.filename), project, subdirectory)

    def _within(self, task: Task, folder: str, subdirectory: str | None) -> str:
        path = os.path.join(folder, subdirectory or "")
        whole = os.path.realpath(folder)
        inside = os.path.commonpath([whole, os.path.realpath(path)]) == whole
        if not inside or not os.path.isdir(path):
            reason = f"it has no folder {subdirectory!r}"
            raise BuildFailed(subject=task.subject, step="looking for the project", reason=reason)
        return path

    async def _git(self, source: Source, room: _Room, call: Callable[[Git], R]) -> R:
        def run(stop: threading.Event) -> R:
            return call(Git(source=source, log=room.log, timeout=_GIT_SECONDS, stop=stop))

        return await in_thread(self._threads, run)


def _known_metadata(shelf: Shelf, archive: Archive, isolated: bool) -> bytes | DistFile | None:  # noqa: FBT001 - for a thread
    """METADATA without running anything, or the wheel that has it. Blocks."""
    if isolated:
        known: bytes | DistFile | None = shelf.metadata() or shelf.wheel()
        if known is not None:
            return known
    content = read_pkg_info(archive.path, archive.filename)
    if content is None or not is_static(content):
        return None
    shelf.keep_metadata(content)
    return content


