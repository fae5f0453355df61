"""The way of an archive into the store: downloaded, compared with what is required, ingested."""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar

from linkd.core.progress import Reporter
from linkd.core.stamps import any_racy
from linkd.core.wheel import DistFile, StoredWheel
from linkd.errors import FetchError, HashMismatch, StoreError
from linkd.store.ingest import Arrival, Crew, ingest
from linkd.store.layout import Layout
from linkd.store.state import State
from linkd.store.wanted import SOURCE, Wanted, compute_digests, local_file

P = ParamSpec("P")
T = TypeVar("T")


class Download(Protocol):
    """A file that has been fetched and found to be what its source promised."""

    @property
    def path(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def received(self) -> int:
        """Bytes that came over the network."""
        ...


class Downloads(Protocol):
    """Where archives come from."""

    async def fetch(self, file: DistFile, part: str, reporter: Reporter, /) -> Download:
        """Leave the file at `part`, or name its own path where it lies on a disk already.

        Raises FetchError; what lies at `part` then can be gone on with.
        """
        ...


@dataclass(slots=True, kw_only=True)
class Arrivals:
    """Brings wheels that are not there yet."""

    layout: Layout
    downloads: Downloads
    state: State
    crew: Crew
    find: Callable[[str], Awaitable[StoredWheel | None]]
    unpacked: int = 0
    """Archives that were begun to be unpacked."""

    async def bring(
        self, want: Wanted, identity: str | None, reporter: Reporter
    ) -> tuple[StoredWheel, int]:
        """The wheel, and how many bytes came over the network for it.

        A download that was interrupted stays for another try if its sha256 is known.
        """
        part = want.part(self.layout, identity)
        looked = time.time_ns()
        before = local_file(want.file)
        resumable = False
        try:
            download = await self.downloads.fetch(want.file, part, reporter)
            await self._check(want, identity, download)
            wheel = await self.find(download.sha256)
            if wheel is None:
                arrival = Arrival(
                    path=download.path,
                    filename=want.file.filename,
                    sha256=download.sha256,
                    unchanged=lambda: local_file(want.file) == before,
                )
                wheel = await self._ingest(arrival, reporter)
        except (asyncio.CancelledError, FetchError) as error:
            resumable = identity is not None and not isinstance(error, HashMismatch)
            raise
        finally:
            if not resumable:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(part)
        if before is not None and not any_racy([before.mtime_ns], looked):
            with contextlib.suppress(StoreError):  # it is hashed again next time
                await asyncio.to_thread(self.state.remember_local_hash, before, download.sha256)
        return wheel, download.received

    async def _check(self, want: Wanted, identity: str | None, download: Download) -> None:
        """Compare the archive's own digests with what is required of it. Raises HashMismatch."""
        if identity is not None and download.sha256 != identity:
            raise HashMismatch(
                filename=want.file.filename,
                algorithm="sha256",
                expected=identity,
                actual=download.sha256,
                source="the index" if want.file.sha256 else SOURCE,
            )
        digests = {"sha256": download.sha256}
        if identity is None and not want.settled_by(digests):
            others = await asyncio.to_thread(
                compute_digests, download.path, want.required.keys() - digests.keys()
            )
            with contextlib.suppress(StoreError):  # they are computed again next time
                await asyncio.to_thread(self.state.remember_digests, download.sha256, others)
            want.settled_by({**digests, **others})

    async def _ingest(self, arrival: Arrival, reporter: Reporter) -> StoredWheel:
        """In the crew's threads; a cancelled one has put everything away when this returns."""
        self.unpacked += 1
        stop = threading.Event()
        future = asyncio.get_running_loop().run_in_executor(
            self.crew.executor, ingest, arrival, self.layout, self.crew, reporter, stop
        )
        try:
            manifest = await asyncio.shield(future)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait([future])
            future.exception()  # seen: it says no more than that it was stopped
            raise
        return StoredWheel(manifest=manifest, tree=self.layout.tree(manifest.sha256))
