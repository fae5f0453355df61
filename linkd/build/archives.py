"""Source archives on the disk: downloaded once, compared with every hash that anybody named."""

import asyncio
import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass

from linkd.build.kept import hash_file, keep_archive, kept_archive
from linkd.core.progress import Reporter
from linkd.core.wheel import DistFile
from linkd.errors import FetchError, HashMismatch
from linkd.fetch.single_flight import SingleFlight
from linkd.store.arrivals import Downloads
from linkd.store.audience import Audience
from linkd.store.layout import Layout
from linkd.store.wanted import SOURCE, Wanted, compute_digests, wanted

Hashes = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One that lies on the disk."""

    path: str
    filename: str
    sha256: str
    downloaded: int
    """Bytes that came over the network for it just now."""


class Archives:
    """Fetches; what came over the network is kept in the cache."""

    def __init__(self, layout: Layout, downloads: Downloads) -> None:
        self._layout = layout
        self._downloads = downloads
        self._flights: SingleFlight[object, Archive] = SingleFlight()
        self._audiences: dict[object, Audience] = {}

    async def fetch(self, file: DistFile, required: Hashes, reporter: Reporter) -> Archive:
        """Raises FetchError, HashMismatch among them, and StoreError."""
        want = wanted(file, required)
        audience = self._audiences.setdefault(want.key, Audience())
        try:
            with audience.seat(reporter):
                return await self._flights.run(want.key, lambda: self._bring(want, audience))
        finally:
            if not audience and self._audiences.get(want.key) is audience:
                del self._audiences[want.key]

    async def _bring(self, want: Wanted, reporter: Reporter) -> Archive:
        filename = want.file.filename
        identity = want.promised
        path = None if identity is None else kept_archive(self._layout, identity)
        if path is not None and identity is not None:
            # What is kept is named by its own digest, but a disk is a disk.
            if await asyncio.to_thread(hash_file, path) == identity:
                await self._check(want, path, identity)
                return Archive(path=path, filename=filename, sha256=identity, downloaded=0)
            os.unlink(path)
        part = want.part(self._layout, identity)
        resumable = False
        try:
            download = await self._downloads.fetch(want.file, part, reporter)
            await self._check(want, download.path, download.sha256)
            path = download.path
            if path == part:
                path = await asyncio.to_thread(keep_archive, self._layout, download.sha256, part)
        except (asyncio.CancelledError, FetchError) as error:
            resumable = identity is not None and not isinstance(error, HashMismatch)
            raise
        finally:
            if not resumable:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(part)
        return Archive(
            path=path, filename=filename, sha256=download.sha256, downloaded=download.received
        )

    async def _check(self, want: Wanted, path: str, sha256: str) -> None:
        """Compare the archive's own bytes with what is required. Raises HashMismatch."""
        promised = want.file.sha256
        if promised is not None and promised.lower() != sha256:
            raise HashMismatch(
                filename=want.file.filename,
                algorithm="sha256",
                expected=promised,
                actual=sha256,
                source="the index",
            )
        digests = {"sha256": sha256}
        if not want.settled_by(digests):
            others = want.required.keys() - digests.keys()
            digests |= await asyncio.to_thread(compute_digests, path, others)
            if not want.settled_by(digests):
                raise HashMismatch(
                    filename=want.file.filename,
                    algorithm="sha256",
                    expected="another",
                    actual=sha256,
                    source=SOURCE,
                )
