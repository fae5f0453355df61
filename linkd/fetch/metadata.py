"""The METADATA of wheels by the cheapest way there is: cached, PEP 658, a range, the whole."""

import asyncio
import functools
import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from linkd.core.wheel import DistFile
from linkd.errors import DownloadFailed, HashMismatch, InvalidWheelName, reason_of
from linkd.fetch.archive import read_metadata
from linkd.fetch.bounded import Bounded
from linkd.fetch.disk import DiskCache
from linkd.fetch.http import HttpClient
from linkd.fetch.ranges import RangesUnavailable, read_remote_metadata
from linkd.fetch.single_flight import SingleFlight
from linkd.fetch.urls import file_path, redacted

Whole: TypeAlias = Callable[[DistFile], Awaitable[bytes]]
"""Gives the METADATA of a wheel by fetching all of it."""

_BYTES_IN_MEMORY = 48 << 20
_RANGED_AT_ONCE = 12
_UNPROMISED_SECONDS: Final = 60.0
"""How long the metadata of a wheel without a hash is believed: its URL may get another one."""


class MetadataReader:
    """Long-lived; remembers metadata by the wheel's promised hash.

    The URL is part of the key too: a hash is only as true as the index that promised it, and no
    index may speak for the wheels of another.
    """

    def __init__(self, http: HttpClient, cache_dir: str | os.PathLike[str], whole: Whole) -> None:
        self._http = http
        self._whole = whole
        self._disk = DiskCache(os.path.join(cache_dir, "metadata"))
        self._memory: Bounded[str, tuple[bytes, float]] = Bounded(
            capacity=_BYTES_IN_MEMORY, weigh=lambda entry: len(entry[0]) + 256
        )
        self._flights: SingleFlight[str, bytes] = SingleFlight()
        self._ranged = asyncio.Semaphore(_RANGED_AT_ONCE)

    async def read(self, file: DistFile, /) -> bytes:
        """Raises BrokenWheel, HashMismatch (of a metadata file) or another FetchError."""
        if not file.filename.endswith(".whl"):
            raise InvalidWheelName(
                filename=file.filename, reasons=("its name is not that of a wheel",)
            )
        path = file_path(file.url)
        key = _key(file) if path is None else _local_key(path, file)
        known = self._memory.get(key)
        if known is not None and time.monotonic() < known[1]:
            return known[0]
        return await self._flights.run(key, functools.partial(self._find, key, file, path))

    async def _find(self, key: str, file: DistFile, path: str | None) -> bytes:
        if path is not None:
            content = await asyncio.to_thread(_read_local, path, file)
        elif file.sha256 is None:
            content = await self._fetch(file)
        else:
            stored = await asyncio.to_thread(self._disk.read, key)
            content = await self._fetch(file) if stored is None else stored
            if stored is None:
                await asyncio.to_thread(self._disk.write, key, content)
        promised = path is not None or file.sha256 is not None
        until = float("inf") if promised else time.monotonic() + _UNPROMISED_SECONDS
        self._memory.put(key, (content, until))
        return content

    async def _fetch(self, file: DistFile) -> bytes:
        content = await self._metadata_file(file) if file.metadata is not False else None
        if content is not None:
            return content
        try:
            async with self._ranged:
                return await read_remote_metadata(self._http, file)
        except RangesUnavailable:
            return await self._whole(file)

    async def _metadata_file(self, file: DistFile) -> bytes | None:
        """PEP 658: "present … at the same URL, with .metadata appended"; None if it is not."""
        path, question, query = file.url.partition("?")
        answer = await self._http.get(f"{path}.metadata{question}{query}")
        if answer.status != 200:
            return None
        if isinstance(file.metadata, Mapping):
            _check(file.filename, file.metadata, answer.body)
        return answer.body


def _check(filename: str, promised: Mapping[str, str], content: bytes) -> None:
    for algorithm, expected in promised.items():
        actual = hashlib.new(algorithm, content).hexdigest()
        if actual != expected:
            raise HashMismatch(
                filename=f"{filename}.metadata",
                algorithm=algorithm,
                expected=expected,
                actual=actual,
                source="the index",
            )


def _key(file: DistFile) -> str:
    return f"{file.sha256 or ''} {file.url}"


def _local_key(path: str, file: DistFile) -> str:
    try:
        state = os.stat(path)
    except OSError as error:
        raise _unreadable(file, error) from error
    return f"{state.st_dev} {state.st_ino} {state.st_mtime_ns} {state.st_size} {path}"


def _read_local(path: str, file: DistFile) -> bytes:
    try:
        with open(path, "rb") as archive:
            return read_metadata(archive, file.filename)
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: DistFile, error: OSError) -> DownloadFailed:
    return DownloadFailed(filename=file.filename, url=redacted(file.url), reason=reason_of(error))
