"""What the indexes and folders of a request say of its projects, frozen for that request."""

import asyncio
import functools
import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeAlias

import msgspec
from packaging.utils import NormalizedName

from linkd.core.listings import PageState, StatedPages
from linkd.core.wheel import DistFile, ProjectPage
from linkd.errors import AccessDenied, InvalidIndexSettings
from linkd.fetch.bounded import Bounded
from linkd.fetch.credentials import Credentials
from linkd.fetch.folders import (
    Folder,
    IndexFolder,
    files_of,
    read_index,
    read_index_project,
    read_place,
)
from linkd.fetch.http import HttpClient
from linkd.fetch.page_cache import Page, PageCache
from linkd.fetch.settings import IndexSettings
from linkd.fetch.single_flight import SingleFlight
from linkd.fetch.urls import file_path

Files: TypeAlias = tuple[DistFile, ...]
_NONE: Final[Files] = ()


class Part(NamedTuple):
    """What one source says of one project."""

    files: Files
    token: bytes
    """Equal only for equal files, today and tomorrow."""


_ABSENT: Final = Part(_NONE, b"")
_MERGED_FILES_IN_MEMORY = 150_000
_FOLDERS_IN_MEMORY = 50_000
_PROJECTS_OF_A_FLAT_LIST = 10_000


class MetadataSource(Protocol):
    """Where the METADATA of wheels comes from."""

    async def read(self, file: DistFile, /) -> bytes: ...


class Indexes:
    """Long-lived: remembers pages and folders between requests, and what they were merged to."""

    def __init__(
        self,
        http: HttpClient,
        cache_dir: str | os.PathLike[str],
        credentials: Credentials,
        *,
        metadata: MetadataSource,
    ) -> None:
        self._pages = PageCache(http, os.path.join(cache_dir, "pages"))
        self._credentials = credentials
        self._metadata = metadata
        self._memory = _Memory()

    def without_credentials(self, url: str) -> str:
        """A direct URL; the credentials in it are remembered for its origin."""
        return self._credentials.remember(url)

    def snapshot(self, settings: IndexSettings) -> StatedPages:
        """A request's own view: what it has read of a source stays as it was.

        The settings are those that `merge` gives. Credentials in their URLs are remembered.
        """
        return _Snapshot(self._sources(settings), self._metadata, self._memory)

    def _sources(self, settings: IndexSettings) -> list["_Source"]:
        found: list[_Source] = [
            self._flat(self._credentials.remember(place), required=required)
            for places, required in (
                (settings.find_links, True),
                (settings.configured_find_links, False),
            )
            for place in places
        ]
        indexes = filter(None, (settings.index_url, *settings.extra_index_urls))
        found.extend(self._index(self._credentials.remember(url)) for url in indexes)
        return found

    def _flat(self, place: str, *, required: bool) -> "_Source":
        if "://" in place:
            return _FlatPage(place, self._pages, self._memory, required=required)
        return _FlatFolder(place, self._memory, required=required)

    def _index(self, url: str) -> "_Source":
        path = file_path(url)
        return _Index(url, self._pages) if path is None else _IndexFolder(path, self._memory)


class _Memory:
    """What is derived from sources and kept while they stay the same."""

    def __init__(self) -> None:
        self.folders: Bounded[tuple[str, ...], Folder] = Bounded(
            capacity=_FOLDERS_IN_MEMORY, weigh=lambda folder: len(folder.files) + 1
        )
        self.projects: Bounded[tuple[str, str], tuple[Files, Part]] = Bounded(
            capacity=_PROJECTS_OF_A_FLAT_LIST, weigh=lambda _: 1
        )
        self.merged: Bounded[tuple[str, ...], tuple[tuple[Files, ...], ProjectPage]] = Bounded(
            capacity=_MERGED_FILES_IN_MEMORY, weigh=lambda entry: len(entry[1].files) + 1
        )

    def project(self, label: str, name: NormalizedName, files: Files) -> Part:
        """A flat list's files of one project: the same objects while the list is the same."""
        known = self.projects.get((label, name))
        if known is not None and known[0] is files:
            return known[1]
        chosen = files_of(name, files)
        part = Part(chosen, files_token(chosen)) if chosen else _ABSENT
        self.projects.put((label, name), (files, part))
        return part

    def merge(
        self, name: NormalizedName, labels: tuple[str, ...], parts: tuple[Files, ...]
    ) -> ProjectPage:
        """The page of all sources together: the same object while every part is the same."""
        key = (name, *labels)
        known = self.merged.get(key)
        if known is not None and all(a is b for a, b in zip(known[0], parts, strict=True)):
            return known[1]
        page = ProjectPage(name=name, files=merge_files(parts), searched=labels)
        self.merged.put(key, (parts, page))
        return page


def merge_files(parts: Sequence[Files]) -> Files:
    """Each filename from the first source that has it, in the order of the sources."""
    filled = [part for part in parts if part]
    if len(filled) < 2:
        return filled[0] if filled else _NONE
    merged: dict[str, DistFile] = {}
    for part in filled:
        for file in part:
            merged.setdefault(file.filename, file)
    return tuple(merged.values())


class _Source(Protocol):
    @property
    def label(self) -> str:
        """For messages, and as a key; without credentials."""
        ...

    async def look(self) -> None:
        """Read what is read as a whole for all projects."""
        ...

    def known(self, name: NormalizedName, /) -> Part | None:
        """The part, where nothing has to be asked or looked at."""
        ...

    async def read(self, name: NormalizedName, /) -> Part: ...


@dataclass(frozen=True, slots=True)
class _Index:
    label: str
    pages: PageCache

    async def look(self) -> None:
        """Its pages are read one by one."""

    def known(self, name: NormalizedName, /) -> Part | None:
        page = self.pages.peek(f"{self.label}/{name}/")
        return None if page is None else _part_of(page)

    async def read(self, name: NormalizedName, /) -> Part:
        return _part_of(await self.pages.get(f"{self.label}/{name}/"))


def _part_of(page: Page) -> Part:
    return Part(page.files or _NONE, page.digest)


class _IndexFolder:
    """An index on a disk; its folder is listed once a request."""

    def __init__(self, label: str, memory: _Memory) -> None:
        self.label = label
        self._memory = memory
        self._flights: SingleFlight[str, IndexFolder] = SingleFlight()
        self._listed: IndexFolder | None = None

    async def look(self) -> None:
        if self._listed is None:
            key = (self.label,)
            known = self._memory.folders.get(key)
            self._listed = await self._flights.run(
                self.label, lambda: asyncio.to_thread(read_index, self.label, known)
            )
            self._memory.folders.put(key, self._listed.flat)

    def known(self, name: NormalizedName, /) -> Part | None:
        """What has a place of its own there may have changed: that has to be looked at."""
        if self._listed is None or name in self._listed.names:
            return None
        return self._memory.project(self.label, name, self._listed.flat.files)

    async def read(self, name: NormalizedName, /) -> Part:
        await self.look()
        assert self._listed is not None
        if name in self._listed.names:
            key = (self.label, name)
            known = self._memory.folders.get(key)
            folder = await asyncio.to_thread(read_index_project, self.label, name, known)
            if folder is not None:
                self._memory.folders.put(key, folder)
                return self._memory.project(self.label, name, folder.files)
        return self._memory.project(self.label, name, self._listed.flat.files)


class _Flat(ABC):
    """A source that lists the files of many projects, read once a request."""

    def __init__(self, label: str, memory: _Memory, *, required: bool) -> None:
        self.label = label
        self._memory = memory
        self._required = required
        self._flights: SingleFlight[str, Files] = SingleFlight()
        self._all: Files | None = None

    async def look(self) -> None:
        if self._all is None:
            self._all = await self._flights.run(self.label, self._read)

    def known(self, name: NormalizedName, /) -> Part | None:
        return None if self._all is None else self._memory.project(self.label, name, self._all)

    async def read(self, name: NormalizedName, /) -> Part:
        await self.look()
        assert self._all is not None
        return self._memory.project(self.label, name, self._all)

    async def _read(self) -> Files:
        files = await self._look()
        if files is None and self._required:
            raise InvalidIndexSettings(
                source="--find-links", reason=f"{self.label} is neither a folder nor a page"
            )
        return _NONE if files is None else files

    @abstractmethod
    async def _look(self) -> Files | None:
        """All files; None where the source does not exist."""


class _FlatPage(_Flat):
    def __init__(self, label: str, pages: PageCache, memory: _Memory, *, required: bool) -> None:
        super().__init__(label, memory, required=required)
        self._pages = pages

    async def _look(self) -> Files | None:
        return (await self._pages.get(self.label)).files


class _FlatFolder(_Flat):
    async def _look(self) -> Files | None:
        if not os.path.isabs(self.label):
            return None
        known = self._memory.folders.get((self.label,))
        folder = await asyncio.to_thread(read_place, self.label, known)
        if folder is None:
            return None
        self._memory.folders.put((self.label,), folder)
        return folder.files


class _Snapshot:
    """One request's `Pages`."""

    def __init__(
        self, sources: Sequence[_Source], metadata: MetadataSource, memory: _Memory
    ) -> None:
        self._sources = sources
        self._labels = tuple(source.label for source in sources)
        self._metadata = metadata
        self._memory = memory
        self._parts: dict[NormalizedName, tuple[Part, ...]] = {}
        self._flights: SingleFlight[NormalizedName, tuple[Part, ...]] = SingleFlight()

    @property
    def sources(self) -> tuple[str, ...]:
        return self._labels

    async def look(self) -> None:
        for source in self._sources:
            await source.look()

    def known_state(self, name: NormalizedName, /) -> PageState | None:
        parts = self._known(name)
        return None if parts is None else tuple([part.token for part in parts])

    async def state(self, name: NormalizedName, /) -> PageState:
        return tuple([part.token for part in await self._frozen(name)])

    async def project(self, name: NormalizedName, /) -> ProjectPage:
        parts = await self._frozen(name)
        return self._memory.merge(name, self._labels, tuple([part.files for part in parts]))

    async def metadata(self, file: DistFile, /) -> bytes:
        return await self._metadata.read(file)

    async def _frozen(self, name: NormalizedName) -> tuple[Part, ...]:
        parts = self._known(name)
        if parts is None:
            parts = await self._flights.run(name, functools.partial(self._read, name))
        return parts

    def _known(self, name: NormalizedName) -> tuple[Part, ...] | None:
        """What this request has seen of a project, or can see without asking; then it stays so."""
        frozen = self._parts.get(name)
        if frozen is not None:
            return frozen
        parts: list[Part] = []
        for source in self._sources:
            part = source.known(name)
            if part is None:
                return None
            parts.append(part)
        return self._parts.setdefault(name, tuple(parts))

    async def _read(self, name: NormalizedName) -> tuple[Part, ...]:
        answers = await asyncio.gather(
            *(source.read(name) for source in self._sources), return_exceptions=True
        )
        return self._parts.setdefault(name, _accepted(answers))


def files_token(files: Files) -> bytes:
    """Of a list of files, by all that it says of them."""
    return hashlib.blake2b(msgspec.msgpack.encode(files), digest_size=16).digest()


def _accepted(answers: Sequence[Part | BaseException]) -> tuple[Part, ...]:
    """The sources' parts. Raises what any of them raised.

    Servers of static files answer 403 for what they do not have: such a source is passed over
    where another one has the project.
    """
    errors = [answer for answer in answers if isinstance(answer, BaseException)]
    found = any(answer.files for answer in answers if not isinstance(answer, BaseException))
    for error in errors:
        if not (found and isinstance(error, AccessDenied) and error.status == 403):
            raise error
    return tuple(_ABSENT if isinstance(answer, BaseException) else answer for answer in answers)
