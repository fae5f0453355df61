"""A wheel's METADATA from a server that answers range requests: its end, and little more."""

import asyncio
import bisect
import functools
import io
import os
import re
from collections.abc import Mapping
from typing import IO, cast

from linkd.core.wheel import DistFile
from linkd.errors import BrokenWheel
from linkd.fetch.archive import read_metadata
from linkd.fetch.http import Answer, HttpClient

_TAIL = 65_536
_BLOCK = 16_384
_MOST_REQUESTS = 12
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class RangesUnavailable(Exception):
    """The server does not give parts of this file; no error for a user."""


async def read_remote_metadata(http: HttpClient, file: DistFile) -> bytes:
    """The METADATA of a wheel. Raises RangesUnavailable, BrokenWheel or FetchError."""
    # An explicit range where the size is known: some servers know no suffix ranges
    tail = f"-{_TAIL}" if not file.size else f"{max(0, file.size - _TAIL)}-{file.size - 1}"
    start, total, body = await _part(http, file.url, tail)
    archive = _Sparse(total)
    archive.fill(start, body)
    for _ in range(_MOST_REQUESTS):
        try:
            archive.seek(0)
            read = functools.partial(read_metadata, cast("IO[bytes]", archive), file.filename)
            return await asyncio.to_thread(read)
        except _Missing as missing:
            wanted = f"{missing.start}-{missing.end - 1}"
        start, again, body = await _part(http, file.url, wanted)
        if again != total:
            raise RangesUnavailable
        archive.fill(start, body)
    raise BrokenWheel(filename=file.filename, reasons=("it is too scattered to be read",))


async def _part(http: HttpClient, url: str, wanted: str) -> tuple[int, int, bytes]:
    """(start, size of the whole, bytes)."""
    # Encoded content has ranges of its own, which are not those of the file
    headers = {"Range": f"bytes={wanted}", "Accept-Encoding": "identity"}
    answer = await http.get(url, headers, partial=True)
    if answer.status != 206 or "content-encoding" in answer.headers:
        raise RangesUnavailable
    return _described(answer, answer.headers)


def _described(answer: Answer, headers: Mapping[str, str]) -> tuple[int, int, bytes]:
    match = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    if match is None:
        raise RangesUnavailable
    start, end, total = (int(number) for number in match.groups())
    if not start <= end < total or len(answer.body) != end - start + 1:
        raise RangesUnavailable
    return start, total, answer.body


class _Missing(Exception):
    """A read touched bytes that are not there yet."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__(start, end)
        self.start = start
        self.end = end


class _Sparse(io.RawIOBase):
    """A file of which some parts are known; reading others raises _Missing."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self._position = 0
        self._parts: list[tuple[int, bytes]] = []

    def fill(self, start: int, content: bytes) -> None:
        bisect.insort(self._parts, (start, content))

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("seek before the beginning")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        end = self._size if size is None or size < 0 else min(self._position + size, self._size)
        content = bytearray()
        while self._position + len(content) < end:
            content += self._known(self._position + len(content), end)
        self._position += len(content)
        return bytes(content)

    def _known(self, start: int, end: int) -> bytes:
        """What is known from `start` on, up to `end`; at least one byte."""
        next_known = self._size
        for offset, content in self._parts:
            if offset <= start < offset + len(content):
                return content[start - offset : end - offset]
            if offset > start:
                next_known = min(next_known, offset)
        raise _Missing(start, min(max(end, start + _BLOCK), next_known))
