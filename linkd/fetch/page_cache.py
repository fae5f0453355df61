"""Pages fetched over HTTP: kept in memory and on disk, asked for again when they are stale."""

import asyncio
import functools
import hashlib
import os
import time

import msgspec

from linkd.core.wheel import DistFile
from linkd.errors import IndexUnavailable
from linkd.fetch.bounded import Bounded
from linkd.fetch.disk import DiskCache
from linkd.fetch.freshness import Freshness, parse_freshness, renewed
from linkd.fetch.http import Answer, HttpClient
from linkd.fetch.simple import ACCEPT, parse_page
from linkd.fetch.single_flight import SingleFlight

_FORMAT = 1
_FILES_IN_MEMORY = 150_000
_MISSING = frozenset({404, 410})


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page as it was last answered. Its `files` stay the same object while it is unchanged."""

    format: int = _FORMAT
    files: tuple[DistFile, ...] | None
    """None where the server has no such page."""
    freshness: Freshness
    digest: bytes
    """Of the body and its type: an index without validators is recognized as unchanged by it."""


class PageCache:
    """Long-lived; the pages of all indexes by URL without credentials."""

    def __init__(self, http: HttpClient, folder: str | os.PathLike[str]) -> None:
        self._http = http
        self._disk = DiskCache(folder)
        self._memory: Bounded[str, Page] = Bounded(
            capacity=_FILES_IN_MEMORY, weigh=lambda page: len(page.files or ()) + 1
        )
        self._flights: SingleFlight[str, Page] = SingleFlight()

    def peek(self, url: str) -> Page | None:
        """The page, where it is in memory and fresh."""
        page = self._memory.get(url)
        return page if page is not None and page.freshness.is_fresh(time.time()) else None

    async def get(self, url: str) -> Page:
        """The page, fresh by its own account or asked for just now.

        Raises AccessDenied or IndexUnavailable.
        """
        page = self.peek(url)
        if page is not None:
            return page
        return await self._flights.run(url, functools.partial(self._renew, url))

    async def _renew(self, url: str) -> Page:
        page = self._memory.get(url)
        if page is None:
            page = await asyncio.to_thread(self._load, url)
            if page is not None:
                self._memory.put(url, page)
        if page is not None and page.freshness.is_fresh(time.time()):
            return page
        conditions = page.freshness.conditions() if page is not None else {}
        answer = await self._http.get(url, {"Accept": ACCEPT, **conditions})
        return self._keep(url, await asyncio.to_thread(self._accept, url, answer, page))

    def _keep(self, url: str, page: Page) -> Page:
        """Remember it, unless the server forbids that (RFC 9111 section 5.2.2.5)."""
        if page.freshness.storable:
            self._memory.put(url, page)
        else:
            self._memory.discard(url)
        return page

    def _accept(self, url: str, answer: Answer, known: Page | None) -> Page:
        """What an answer makes of the page that was known; also on disk. Blocks."""
        page = _answered(url, answer, known)
        if not page.freshness.storable:
            self._disk.remove(url)
        elif known is None or page.files is not known.files or page.freshness != known.freshness:
            self._disk.write(url, msgspec.msgpack.encode(page))
        return page

    def _load(self, url: str) -> Page | None:
        stored = self._disk.read(url)
        if stored is None:
            return None
        try:
            page = msgspec.msgpack.decode(stored, type=Page)
        except msgspec.DecodeError:
            return None
        return page if page.format == _FORMAT else None


def _answered(url: str, answer: Answer, known: Page | None) -> Page:
    moments = {"requested_at": answer.requested_at, "received_at": answer.received_at}
    if answer.status == 304 and known is not None:
        return msgspec.structs.replace(
            known, freshness=renewed(known.freshness, answer.headers, **moments)
        )
    freshness = parse_freshness(answer.headers, **moments)
    if answer.status in _MISSING:
        return Page(files=None, freshness=freshness, digest=b"")
    if answer.status != 200:
        raise IndexUnavailable(url=url, reason=f"it answers {answer.status}")
    content_type = answer.headers.get("content-type", "")
    origin = f"{answer.url}\n{content_type}\n".encode()
    digest = hashlib.blake2b(origin + answer.body, digest_size=16).digest()
    if known is not None and known.files is not None and known.digest == digest:
        return msgspec.structs.replace(known, freshness=freshness)
    files = parse_page(answer.body, content_type=content_type, url=answer.url)
    return Page(files=files, freshness=freshness, digest=digest)
