"""The store: gives a sealed wheel for a file of an index, once for everybody who wants it."""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Coroutine, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import structlog

from linkd.core.progress import Reporter, Silent
from linkd.core.wheel import DistFile, StoredWheel
from linkd.errors import StoreError
from linkd.fetch.bounded import Bounded
from linkd.fetch.single_flight import SingleFlight
from linkd.store.arrivals import Arrivals, Downloads
from linkd.store.audience import Audience
from linkd.store.durability import (
    forget_unsure_constants,
    is_whole,
    read_marks,
    sync,
    unmark,
)
from linkd.store.entry import is_as_unpacked, read_entry, retire, stored_wheels
from linkd.store.faults import translated
from linkd.store.ingest import THREADS, Crew
from linkd.store.layout import Layout
from linkd.store.shelf import Shelf
from linkd.store.state import LocalFile, State
from linkd.store.wanted import Wanted, local_file, wanted
from linkd.store.workspace import clear, clear_leftovers

MANIFEST_FILES: Final = 40_000
"""Files in the manifests kept in memory: some 30 MB. Others are read in a fraction of a millisecond."""
SYNC_S: Final = 10.0
"""Seconds without a new wheel after which those that came are made to be on the disk."""

_LOCAL_HASHES: Final = 4096


_DAMAGED: Final = "it was new when the machine lost power, and is not whole: it is fetched again"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensured:
    """A wheel that is in the store now."""

    wheel: StoredWheel
    downloaded: int
    """Bytes that this request had downloaded; 0 if it was there, or another one's download came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStats:
    wheels: int
    bytes: int
    """Of the wheels' unpacked files."""
    unpacked: int
    """Archives unpacked since the start."""


class Store:
    """Belongs to one event loop; its layout has been created."""

    def __init__(
        self,
        layout: Layout,
        downloads: Downloads,
        state: State,
        *,
        threads: int = THREADS,
        manifest_files: int = MANIFEST_FILES,
        sync_s: float = SYNC_S,
    ) -> None:
        self.layout = layout
        self._state = state
        self._shelf = Shelf(manifest_files)
        self._sync_s = sync_s
        self._hashes: Bounded[LocalFile, str] = Bounded(capacity=_LOCAL_HASHES, weigh=lambda _: 1)
        """What the state has of local files, in memory."""
        self._executor = ThreadPoolExecutor(2 * threads, thread_name_prefix="unpack")
        self._arrivals = Arrivals(
            layout=layout,
            downloads=downloads,
            state=state,
            crew=Crew(self._executor, threads),
            find=self.find,
        )
        self._coming: SingleFlight[Hashable, tuple[StoredWheel, int]] = SingleFlight()
        self._loading: SingleFlight[str, StoredWheel | None] = SingleFlight()
        self._audiences: dict[Hashable, Audience] = {}
        self._sizes: dict[str, int] = {}
        self._counted = asyncio.Event()
        self._doubtful: set[str] = set()
        self._sync_at = 0.0
        self._syncing: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._began = time.time()
        self._retiring = threading.Lock()

    async def start(self) -> None:
        """Clear what dead processes left; count, and empty the trash, in the background."""
        await asyncio.to_thread(self._clear_leftovers)
        fresh, doubtful = await asyncio.to_thread(self._read_marks)
        self._doubtful.update(doubtful)
        if fresh:
            self._sync_soon()
        self._spawn(self._count())
        self._spawn(asyncio.to_thread(self._empty_trash))

    async def close(self) -> None:
        """Wait for what runs in threads; nothing may be asked for any more."""
        if self._syncing is not None:
            self._syncing.cancel()  # the marks stay, for the next start
            await asyncio.gather(self._syncing, return_exceptions=True)
        await asyncio.gather(*self._background, return_exceptions=True)
        await asyncio.to_thread(self._executor.shutdown)

    async def find(self, sha256: str) -> StoredWheel | None:
        """The wheel whose archive has this sha256, if it is in the store. Raises StoreError."""
        wheel = self._shelf.get(sha256)
        if wheel is None:
            wheel = await self._loading.run(sha256, lambda: self._load(sha256))
        return wheel

    def at_hand(
        self, file: DistFile, required_hashes: Mapping[str, frozenset[str]] | None = None
    ) -> StoredWheel | None:
        """The wheel of a file, if memory alone tells that it is in the store and is the right one.

        None says nothing: `ensure` does then what has to be done, and raises what there is.
        """
        sha256 = file.sha256
        if sha256 is None and not file.hashes:
            local = local_file(file)
            sha256 = None if local is None else self._hashes.get(local)
        if sha256 is None:
            return None
        sha256 = sha256.lower()
        if required_hashes and not _among(sha256, required_hashes):
            return None
        return self._shelf.get(sha256)

    async def ensure(
        self,
        file: DistFile,
        reporter: Reporter | None = None,
        *,
        required_hashes: Mapping[str, frozenset[str]] | None = None,
    ) -> Ensured:
        """The wheel of a file, fetched and unpacked if it is not there; once for all who wait.

        Raises:
            HashMismatch: it is not what was promised or required; nothing new is kept of it.
            FetchError: it cannot be had.
            WheelError: it is not a wheel that may be shared.
            StoreError: the cache is full or unusable.
        """
        want = wanted(file, required_hashes or {})
        identity = want.promised or await self._remembered(want)
        if identity is not None and await self._settled(want, identity):
            wheel = await self.find(identity)
            if wheel is not None:
                return Ensured(wheel=wheel, downloaded=0)
        else:
            identity = None  # the archive's own bytes have to be looked at
        return await self._join(want, identity, reporter or Silent())

    async def metadata(self, file: DistFile, reporter: Reporter | None = None) -> bytes:
        """The METADATA of a file's wheel, which is fetched and kept for that. Raises as `ensure`."""
        wheel = (await self.ensure(file, reporter)).wheel
        path = os.path.join(wheel.tree, wheel.manifest.dist_info, "METADATA")
        return await asyncio.to_thread(self._read, path)

    async def retire(self, sha256: str) -> None:
        """Take a wheel out of the store; its files go with the trash. Raises StoreError."""
        self._shelf.drop(sha256)
        self._sizes.pop(sha256, None)
        await asyncio.to_thread(self._retire, sha256)

    async def quarantine(self, sha256: str) -> None:
        """Take a wheel out of the store if a file of it is not as it was unpacked.

        Of several who find that out one is the first, and the others find it fetched anew. Raises
        StoreError.
        """
        if await asyncio.to_thread(self._retire_damaged, sha256):
            self._sizes.pop(sha256, None)
        self._shelf.drop(sha256)

    async def stats(self) -> StoreStats:
        """Waits for the first count after the start; later ones cost nothing."""
        await self._counted.wait()
        return StoreStats(
            wheels=len(self._sizes),
            bytes=sum(self._sizes.values()),
            unpacked=self._arrivals.unpacked,
        )

    async def _remembered(self, want: Wanted) -> str | None:
        """The sha256 of a file on a disk that was hashed before and has not changed."""
        local = None if want.file.hashes else local_file(want.file)
        if local is None:
            return None
        sha256 = await asyncio.to_thread(self._state.local_hash, local)
        if sha256 is not None:
            self._hashes.put(local, sha256)
        return sha256

    async def _settled(self, want: Wanted, identity: str) -> bool:
        """Whether this archive is known to fulfil what is required. Raises HashMismatch."""
        if want.settled_by({"sha256": identity}):
            return True
        digests = await asyncio.to_thread(self._state.digests, identity)
        return want.settled_by({"sha256": identity, **digests})

    async def _join(self, want: Wanted, identity: str | None, reporter: Reporter) -> Ensured:
        """Wait for the wheel with all others who want it; the first of them has it brought."""
        key = identity or want.key
        audience = self._audiences.setdefault(key, Audience())
        first = False

        async def arrive() -> tuple[StoredWheel, int]:
            nonlocal first
            # It may have come since this request looked for it.
            there = None if identity is None else await self.find(identity)
            if there is not None:
                return there, 0
            first = True
            wheel, downloaded = await self._arrivals.bring(want, identity, audience)
            await self._keep(wheel)
            return wheel, downloaded

        try:
            with audience.seat(reporter):
                wheel, downloaded = await self._coming.run(key, arrive)
        finally:
            if not audience and self._audiences.get(key) is audience:
                del self._audiences[key]
        return Ensured(wheel=wheel, downloaded=downloaded if first else 0)

    async def _keep(self, wheel: StoredWheel) -> None:
        sha256, size = wheel.manifest.sha256, wheel.manifest.size
        self._shelf.put(wheel)
        self._sizes[sha256] = size
        self._doubtful.discard(sha256)
        self._sync_soon()
        with contextlib.suppress(StoreError):  # it is counted again at the next start
            await asyncio.to_thread(self._state.remember_wheel, sha256, size)

    async def _load(self, sha256: str) -> StoredWheel | None:
        wheel = await asyncio.to_thread(self._read_entry, sha256)
        if wheel is not None:
            self._shelf.put(wheel)
        return wheel

    async def _count(self) -> None:
        try:
            sizes = await asyncio.to_thread(self._read_sizes)
            self._sizes = sizes | self._sizes
        finally:
            self._counted.set()

    def _sync_soon(self) -> None:
        self._sync_at = time.monotonic() + self._sync_s
        if self._syncing is None or self._syncing.done():
            self._syncing = asyncio.create_task(self._sync())

    async def _sync(self) -> None:
        """Once nothing new has come for a while."""
        while (left := self._sync_at - time.monotonic()) > 0:  # noqa: ASYNC110 - it moves on
            await asyncio.sleep(left)
        with contextlib.suppress(OSError):  # the marks stay then
            await asyncio.to_thread(sync, self.layout)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # What follows blocks and runs in threads

    def _clear_leftovers(self) -> None:
        with translated(str(self.layout.root), "clearing what was left half-made"):
            clear_leftovers(self.layout.incoming, before=self._began, keep=".part")
            forget_unsure_constants(self.layout)

    def _empty_trash(self) -> None:
        with contextlib.suppress(OSError):  # tried again at the next start
            clear(self.layout.trash)

    def _read_entry(self, sha256: str) -> StoredWheel | None:
        with translated(str(self.layout.root), "reading a wheel's manifest"):
            wheel = read_entry(self.layout, sha256)
            if wheel is None or sha256 not in self._doubtful:
                return wheel
            if is_whole(wheel):
                unmark(self.layout, [sha256])
            else:
                _log.warning("damaged", wheel=wheel.manifest.filename, detail=_DAMAGED)
                wheel = None
        if wheel is None:
            self._retire(sha256)
        self._doubtful.discard(sha256)
        return wheel

    def _read_marks(self) -> tuple[frozenset[str], frozenset[str]]:
        with translated(str(self.layout.root), "looking for what was not on the disk yet"):
            return read_marks(self.layout)

    def _read_sizes(self) -> dict[str, int]:
        """Bytes of each stored wheel: remembered, or from its manifest."""
        known = self._state.wheel_sizes()
        sizes: dict[str, int] = {}
        with translated(str(self.layout.root), "counting the wheels"):
            for sha256 in stored_wheels(self.layout):
                size = known.get(sha256)
                if size is None:
                    wheel = read_entry(self.layout, sha256)
                    size = None if wheel is None else wheel.manifest.size
                if size is not None:
                    sizes[sha256] = size
        return sizes

    def _retire(self, sha256: str) -> None:
        with translated(str(self.layout.root), "removing a wheel"):
            retire(self.layout, sha256)
            unmark(self.layout, [sha256])
        self._state.forget_wheels([sha256])

    def _retire_damaged(self, sha256: str) -> bool:
        with self._retiring:
            wheel = self._read_entry(sha256)
            if wheel is None or is_as_unpacked(wheel):
                return False
            self._retire(sha256)
            return True

    def _read(self, path: str) -> bytes:
        with (
            translated(str(self.layout.root), "reading a wheel's metadata"),
            open(path, "rb") as file,
        ):
            return file.read()


def _among(sha256: str, required: Mapping[str, frozenset[str]]) -> bool:
    return any(
        name.lower() == "sha256" and sha256 in map(str.lower, digests)
        for name, digests in required.items()
    )
