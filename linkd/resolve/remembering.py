"""Resolutions remembered by what was asked, and given again while the world they saw is the same.

A resolution is a function of the request, the target and what was read: the pages of some projects
and the metadata of some of their files. The first two are its key. Of the pages their states are
kept (`core/listings.py`); they are compared in the request's own frozen view, so a page that is
stale by its own account is asked for again first. Metadata belongs to a file's hash; of a file on
a disk its inode, size and times are kept. What rests on anything else is not remembered.
"""

import asyncio
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec
from packaging.utils import NormalizedName
from packaging.version import InvalidVersion, Version

from linkd import __version__
from linkd.core.listings import PageState, StatedListings
from linkd.core.source import is_wheel
from linkd.core.stamps import any_racy
from linkd.core.target import Interpreter
from linkd.core.wheel import DistFile, Pin
from linkd.errors import FetchError
from linkd.fetch.bounded import Bounded
from linkd.fetch.disk import DiskCache
from linkd.fetch.urls import file_path
from linkd.resolve.fingerprint import fingerprint
from linkd.resolve.requirement import direct_url
from linkd.resolve.resolver import Resolution, Resolved, Resolver, ResolveRequest
from linkd.resolve.target_view import target_view

_FORMAT: Final = 1
_IN_MEMORY: Final = 15_000
"""Pins and pages of all resolutions together, some kilobyte each."""
_ON_DISK: Final = 1024
_TRIM_EVERY: Final = 64

_FileState: TypeAlias = tuple[int, ...]


class _StoredPin(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: NormalizedName
    version: str
    file: DistFile
    requested: bool
    direct: bool
    required_hashes: Mapping[str, frozenset[str]]
    hashes_from: str | None


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One resolution on the disk."""

    format: int = _FORMAT
    states: Mapping[NormalizedName, PageState]
    local: Mapping[str, _FileState]
    pins: tuple[_StoredPin, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Remembered:
    resolution: Resolution
    states: Mapping[NormalizedName, PageState]
    local: Mapping[str, _FileState]
    """Files on a disk by their paths."""

    @property
    def weight(self) -> int:
        return len(self.states) + len(self.resolution.pins) + 1


class RememberingResolver:
    """A resolver that answers from memory where that is the same as resolving anew.

    Long-lived; belongs to one event loop.
    """

    def __init__(
        self, resolver: Resolver, folder: str | os.PathLike[str], executor: Executor
    ) -> None:
        """`folder` keeps what was resolved for later processes; `executor` writes it, sometime."""
        self._resolver = resolver
        self._disk = DiskCache(folder)
        self._executor = executor
        self._memory: Bounded[str, _Remembered] = Bounded(
            capacity=_IN_MEMORY, weigh=lambda entry: entry.weight
        )
        self._written = 0
        self.hits = 0
        """Answers that were given from memory."""

    async def resolve(
        self, request: ResolveRequest, interpreter: Interpreter, listings: StatedListings
    ) -> Resolution:
        """The pins. Raises as `Resolver.resolve_traced`."""
        key = _key(request, interpreter, listings.sources)
        known = self._memory.get(key) or await self._load(key)
        if known is not None and await _holds(known, listings):
            self.hits += 1
            return known.resolution
        looked = time.time_ns()
        resolved = await self._resolver.resolve_traced(request, interpreter, listings)
        await self._remember(key, resolved, listings, looked)
        return resolved.resolution

    async def _load(self, key: str) -> _Remembered | None:
        stored = await asyncio.to_thread(self._disk.read, key)
        remembered = None if stored is None else _decoded(stored)
        if remembered is not None:
            self._memory.put(key, remembered)
        return remembered

    async def _remember(
        self, key: str, resolved: Resolved, listings: StatedListings, looked: int
    ) -> None:
        local = _local_states(resolved, looked)
        if local is None:
            self._memory.discard(key)
            return
        # Frozen in this request, so these are the states of the pages that were resolved from
        states = {name: await listings.state(name) for name in sorted(resolved.projects)}
        remembered = _Remembered(resolved.resolution, states, local)
        self._memory.put(key, remembered)
        self._executor.submit(self._write, key, remembered)

    def _write(self, key: str, remembered: _Remembered) -> None:
        """Blocks. A disk that cannot be written costs the memory, nothing else."""
        self._disk.write(key, _encoded(remembered))
        self._written += 1
        if self._written % _TRIM_EVERY == 1:
            self._disk.trim(_ON_DISK)


def _key(request: ResolveRequest, interpreter: Interpreter, sources: Iterable[str]) -> str:
    """Another version of linkd may resolve by other rules."""
    digest = fingerprint(request, target_view(interpreter)).hex()
    return "\n".join((__version__, digest, *sources))


async def _holds(known: _Remembered, listings: StatedListings) -> bool:
    """Whether all that the answer was found from is the same in this request's view."""
    if any(_file_state(path) != state for path, state in known.local.items()):
        return False
    if known.states:
        try:
            await listings.look()
        except FetchError:
            # That, and what a page's reading raises below, is the solver's to meet.
            return False
    unknown: list[NormalizedName] = []
    for name, state in known.states.items():
        now = listings.known_state(name)
        if now is None:
            unknown.append(name)
        elif now != state:
            return False
    found = await asyncio.gather(*map(listings.state, unknown), return_exceptions=True)
    return all(now == known.states[name] for name, now in zip(unknown, found, strict=True))


def _local_states(resolved: Resolved, looked: int) -> dict[str, _FileState] | None:
    """The states of the files on disks; None if the answer rests on what may change unseen."""
    if resolved.built:
        return None
    local: dict[str, _FileState] = {}
    for file in (*resolved.files, *(pin.file for pin in resolved.resolution.pins)):
        path = file_path(file.url)
        if not is_wheel(file.filename) or (path is None and file.sha256 is None):
            return None
        if path is not None and path not in local:
            local[path] = _file_state(path)
    lasting = all(local.values()) and not any_racy(_stamps(local.values()), looked)
    return local if lasting else None


def _file_state(path: str) -> _FileState:
    """Mtime and ctime first; empty for a file that is not there."""
    try:
        facts = os.stat(path)
    except (OSError, ValueError):
        return ()
    return facts.st_mtime_ns, facts.st_ctime_ns, facts.st_dev, facts.st_ino, facts.st_size


def _stamps(states: Iterable[_FileState]) -> Iterator[int]:
    return (stamp for state in states for stamp in state[:2])


def _encoded(remembered: _Remembered) -> bytes:
    return msgspec.msgpack.encode(
        _Stored(
            states=remembered.states,
            local=remembered.local,
            pins=tuple(
                _StoredPin(
                    name=pin.name,
                    version=str(pin.version),
                    file=pin.file,
                    requested=pin.requested,
                    direct=pin.direct_url is not None,
                    required_hashes=pin.required_hashes,
                    hashes_from=pin.hashes_from,
                )
                for pin in remembered.resolution.pins
            ),
            warnings=remembered.resolution.warnings,
        )
    )


def _decoded(content: bytes) -> _Remembered | None:
    try:
        stored = msgspec.msgpack.decode(content, type=_Stored)
        if stored.format != _FORMAT:
            return None
        pins = tuple(
            Pin(
                name=pin.name,
                version=Version(pin.version),
                file=pin.file,
                requested=pin.requested,
                direct_url=direct_url(pin.file) if pin.direct else None,
                required_hashes=pin.required_hashes,
                hashes_from=pin.hashes_from,
            )
            for pin in stored.pins
        )
    except (msgspec.DecodeError, InvalidVersion):
        return None
    return _Remembered(Resolution(pins=pins, warnings=stored.warnings), stored.states, stored.local)
