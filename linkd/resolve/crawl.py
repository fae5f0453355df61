"""What one resolve reads: pages and metadata, ahead of the solver on the event loop.

The solver runs in a thread and asks through the loop for what it misses. Meanwhile the crawl
follows the likely way: a page, its best candidate's metadata, the pages of what that needs.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from packaging.utils import NormalizedName
from packaging.version import Version

from linkd.core.formats import Formats
from linkd.core.listings import Listings
from linkd.core.source import is_wheel
from linkd.core.wheel import DistFile, ProjectPage
from linkd.errors import BrokenWheel
from linkd.resolve.listing import Hashes, View, build_view
from linkd.resolve.metadata import CoreMetadata, Dependency, parse_metadata
from linkd.resolve.requirement import Asked, hashes_origin
from linkd.resolve.solver import Interrupted
from linkd.resolve.source import SourceUrl
from linkd.resolve.target_view import TargetView

_LARGE_PAGE: Final = 400
"""Files; a page with more is worked through in a thread, so that the loop goes on."""
_REMEMBERED_METADATA: Final = 20_000
_QUIET_TURNS: Final = 3
"""Turns of the loop without anything read after which the crawl is waiting for the network."""

T = TypeVar("T")


class Memory:
    """What outlives a resolve: views of pages that are still in use, and metadata.

    Metadata is known by its file's URL and hash together: a hash alone is only the claim of
    whoever lists the file.
    """

    def __init__(self) -> None:
        self.views: WeakKeyDictionary[ProjectPage, dict[tuple[int, bool, bool], View]] = (
            WeakKeyDictionary()
        )
        """By the target, and whether wheels and sources may be candidates."""
        self._metadata: dict[tuple[str, str], CoreMetadata] = {}

    def metadata_of(self, file: DistFile) -> CoreMetadata | None:
        return self._metadata.get((file.url, file.sha256 or ""))

    def remember(self, file: DistFile, metadata: CoreMetadata) -> None:
        """Of a file without a hash nothing is remembered: it may be another one tomorrow.

        Nor of a source archive: another interpreter may make something else of it.
        """
        if file.sha256 is None or not is_wheel(file.filename):
            return
        while len(self._metadata) >= _REMEMBERED_METADATA:
            self._metadata.pop(next(iter(self._metadata)), None)
        self._metadata[file.url, file.sha256] = metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project as this resolve sees it."""

    page: ProjectPage
    view: View
    hashes: Hashes


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """What the request says of one project."""

    asked: tuple[Asked, ...] = ()
    hashes: Hashes = field(default_factory=dict)
    direct: tuple[DistFile, ...] = ()
    direct_only: bool = False
    """The request itself names its URL: no index is asked."""
    preferred: Version | None = None

    @property
    def hashes_from(self) -> str | None:
        """Where its hashes were written."""
        return hashes_origin(self.asked)


_NO_INTEREST: Final = Interest()


class Crawl:
    """All reading of one resolve. Its methods are for the loop, except those of the solver."""

    def __init__(
        self,
        listings: Listings,
        target: TargetView,
        memory: Memory,
        interests: Mapping[NormalizedName, Interest],
        formats: Formats,
    ) -> None:
        self.projects: dict[NormalizedName, Project] = {}
        self.former: Final[list[Project]] = []
        """Projects as the solver saw them before one more candidate was added."""
        self.read: Final[set[NormalizedName]] = set()
        """Projects whose pages were read, whether or not anything came of it."""
        self.built = False
        """Whether a source was built for the solver."""
        self.formats: Final = formats
        self.stop: Final = threading.Event()
        self._listings = listings
        self._target = target
        self._memory = memory
        self._loop = asyncio.get_running_loop()
        self._interests = dict(interests)
        self._needed: dict[NormalizedName, list[Dependency]] = {}
        self._followed: set[CoreMetadata] = set()
        self._tasks: dict[object, asyncio.Task[Any]] = {}
        self._finished = 0

    # On the loop

    def start(self, names: Iterable[NormalizedName]) -> None:
        for name in names:
            _ = self._project_task(name)

    async def settle(self) -> None:
        """Return when everything is read, or when what is not has to come from afar."""
        quiet = 0
        while quiet < _QUIET_TURNS:
            before = (self._finished, len(self._tasks))
            if self._finished == len(self._tasks):
                return
            await asyncio.sleep(0)
            quiet = quiet + 1 if before == (self._finished, len(self._tasks)) else 0

    async def close(self) -> None:
        """End what is still being read ahead; nothing of it is left behind."""
        self.stop.set()
        while pending := [task for task in self._tasks.values() if not task.done()]:
            for task in pending:
                task.cancel()
            await asyncio.wait(pending)

    def _project_task(self, name: NormalizedName) -> asyncio.Task[None]:
        return self._task(name, lambda: self._read_project(name))

    def _metadata_task(self, view: View, index: int, *, ahead: bool) -> asyncio.Task[None]:
        return self._task((view, index), lambda: self._read_metadata(view, index, ahead=ahead))

    def _task(
        self, key: object, read: Callable[[], Coroutine[Any, Any, None]]
    ) -> asyncio.Task[None]:
        task = self._tasks.get(key)
        if task is None:
            if self.stop.is_set():
                raise asyncio.CancelledError
            task = self._tasks[key] = self._loop.create_task(read())
            task.add_done_callback(self._count)
        return task

    def _count(self, task: asyncio.Task[None]) -> None:
        """An error counts only when the solver asks for the thing: it is looked at here."""
        self._finished += 1
        if not task.cancelled():
            task.exception()

    async def _read_project(self, name: NormalizedName) -> None:
        interest = self._interests.get(name, _NO_INTEREST)
        if interest.direct_only:
            page = ProjectPage(name=name, files=(), searched=())
        else:
            page = await self._listings.project(name)
            self.read.add(name)
        view = await self._view(page, interest)
        self.projects[name] = Project(page=page, view=view, hashes=interest.hashes)
        self._read_ahead(name)

    async def _view(self, page: ProjectPage, interest: Interest) -> View:
        special = bool(interest.hashes or interest.direct)
        known = self._memory.views.setdefault(page, {})
        formats = self.formats
        key = (
            self._target.key,
            formats.allows_wheel(page.name),
            formats.allows_source(page.name),
        )
        view = None if special else known.get(key)
        if view is None:
            view = await self._build(page, interest)
            if not special:
                known[key] = view
        return view

    async def _build(self, page: ProjectPage, interest: Interest) -> View:
        def build() -> View:
            return build_view(
                page,
                self._target,
                hashes=interest.hashes,
                direct=interest.direct,
                formats=self.formats,
            )

        return build() if len(page.files) < _LARGE_PAGE else await asyncio.to_thread(build)

    def _read_ahead(self, name: NormalizedName) -> None:
        """Read the metadata of the candidate that will likely be chosen, and go on from there."""
        view = self.projects[name].view
        index = self._likely(view)
        if index is None or self.stop.is_set():
            return
        metadata = view.metadata[index]
        if metadata is None:
            # What may have to be built for its metadata is read when it is chosen, not before
            if is_wheel(view.files[index].filename):
                _ = self._metadata_task(view, index, ahead=True)
        else:
            self._follow(metadata)

    def _likely(self, view: View) -> int | None:
        interest = self._interests.get(view.name, _NO_INTEREST)
        mask = view.all
        for asked in interest.asked:
            mask &= view.wanted(asked).mask
        for dependency in self._needed.get(view.name, ()):
            mask &= view.candidates(dependency.specifier, dependency.specifier_text).mask
        if interest.preferred is not None:
            kept = view.index_of(interest.preferred)
            if kept is not None and mask >> kept & 1:
                return kept
        usual = mask & ~view.yanked
        mask = usual & ~view.prerelease or usual or mask
        return mask.bit_length() - 1 if mask else None

    def _follow(self, metadata: CoreMetadata) -> None:
        if self.stop.is_set() or metadata in self._followed:
            return
        self._followed.add(metadata)
        for dependency in metadata.dependencies(self._target):
            name = dependency.name
            if dependency.url is not None:
                continue
            known = self._needed.setdefault(name, [])
            if dependency in known:
                continue
            known.append(dependency)
            if name in self.projects:
                self._read_ahead(name)
            else:
                _ = self._project_task(name)

    def _is_asked_for(self, name: NormalizedName, file: DistFile) -> bool:
        """Whether the request itself names this file: nothing else could take its place."""
        asked = self._interests.get(name, _NO_INTEREST).asked
        return any(each.url == file.url for each in asked)

    async def _read_metadata(self, view: View, index: int, *, ahead: bool) -> None:
        file = view.files[index]
        metadata = view.metadata[index] or self._memory.metadata_of(file)
        asked_for = self._is_asked_for(view.name, file)
        if metadata is None or (asked_for and metadata.problem is not None):
            try:
                hashes = self._interests.get(view.name, _NO_INTEREST).hashes
                metadata = parse_metadata(await self._listings.metadata(file, hashes))
            except BrokenWheel as error:
                if asked_for:
                    raise
                metadata = CoreMetadata.unusable("; ".join(error.reasons))
            self._memory.remember(file, metadata)
        view.metadata[index] = metadata
        if ahead:
            self._follow(metadata)

    # In the solver's thread

    def need_projects(self, names: Iterable[NormalizedName]) -> None:
        """Wait until these projects are among `projects`. Raises FetchError."""
        missing = [name for name in names if name not in self.projects]
        if missing:
            self._wait(self._gather_projects(missing))

    def need_metadata(self, view: View, indices: Sequence[int]) -> None:
        """Wait until the first of these has its metadata; begin reading the others.

        Raises FetchError, and BrokenWheel of a file that the request itself names.
        """
        self._wait(self._gather_metadata(view, indices))

    def add_direct(self, name: NormalizedName, file: DistFile) -> None:
        """Make a URL that a distribution names one more candidate of its project."""
        self._wait(self._add_direct(name, file))

    def build(self, parsed: SourceUrl, name: NormalizedName) -> DistFile:
        """Wait for the wheel that comes of a source. Raises BuildError, FetchError, WheelError."""
        self.built = True
        return self._wait(self._listings.built(parsed.source, parsed.hashes, name)).wheel

    def _wait(self, reading: Coroutine[Any, Any, T]) -> T:
        if self.stop.is_set():
            reading.close()
            raise Interrupted
        try:
            return asyncio.run_coroutine_threadsafe(reading, self._loop).result()
        except (asyncio.CancelledError, concurrent.futures.CancelledError) as error:
            raise Interrupted from error

    async def _add_direct(self, name: NormalizedName, file: DistFile) -> None:
        interest = self._interests.get(name, _NO_INTEREST)
        self._interests[name] = replace(interest, direct=(*interest.direct, file))
        former = self.projects.pop(name, None)
        if former is not None:
            self.former.append(former)
        self._tasks[f"{name} without {file.url}"] = self._tasks.pop(name)

    async def _gather_projects(self, names: Sequence[NormalizedName]) -> None:
        tasks = [self._project_task(name) for name in names]
        for task in tasks:
            await task

    async def _gather_metadata(self, view: View, indices: Sequence[int]) -> None:
        tasks = [self._metadata_task(view, index, ahead=False) for index in indices]
        await tasks[0]
