"""Opens a wheel's archive: a zip file whose every member may be unpacked, and how to read one.

Whether a member is what the wheel says of it is not known before it is read; everything that the
zip directory and the members' own headers tell is checked here, before any member is.
"""

import calendar
import os
import stat
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, cast

from isal import igzip_lib, isal_zlib

from linkd.errors import BrokenWheel, DuplicateMember, LinkInWheel, UnsafeWheel
from linkd.store.findings import Finding, Findings
from linkd.store.names import folders, name_problem
from linkd.store.zip_directory import DEFLATED, Header, read_directory

READ_SIZE: Final = 256 << 10
CHUNK_SIZE: Final = 1 << 20
"""Bytes of one piece of a member: with `READ_SIZE` all the memory that reading one takes."""

MAX_RATIO: Final = 1100
"""Deflate cannot do better than 1032 to 1."""
MAX_TOTAL: Final = 64 << 30
MAX_TEXT: Final = 64 << 20
"""Bytes of a member that is read at once, such as RECORD."""

_EARLIEST: Final = calendar.timegm((1980, 1, 1, 0, 0, 0))
_SECOND: Final = 1_000_000_000
_INFLATE_ERROR: Final = cast("type[Exception]", igzip_lib.IsalError)  # its stub says: an instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of an archive. Its data is at `start` of the archive."""

    name: str
    start: int
    compressed_size: int
    size: int
    crc: int
    deflated: bool
    executable: bool
    mtime_ns: int


class WheelArchive:
    """An open archive whose directory has been checked. Reading is safe from several threads."""

    def __init__(self, descriptor: int, filename: str, members: tuple[Member, ...]) -> None:
        self._descriptor = descriptor
        self.filename = filename
        self.members = members
        """The files, in the directory's order; an archive's folders are left out."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)

    def read(self, member: Member) -> bytes:
        """All of a small member, checked against its checksum. Raises BrokenWheel."""
        if member.size > MAX_TEXT:
            raise self.broken(f"{member.name!r} is larger than {MAX_TEXT >> 20} MiB")
        content = b"".join(self.chunks(member))
        if zlib.crc32(content) != member.crc:
            raise self.broken(f"{member.name!r} has another checksum than declared")
        return content

    def chunks(self, member: Member) -> Iterator[bytes]:
        """A member's content piece by piece, exactly as much as is declared. Raises BrokenWheel.

        The checksum is the caller's to compare.
        """
        left = member.size
        for chunk in self._inflated(member) if member.deflated else self._stored(member):
            left -= len(chunk)
            if left < 0:
                break
            yield chunk
        if left:
            raise self.broken(f"{member.name!r} has another size than declared")

    def broken(self, reason: str) -> BrokenWheel:
        return BrokenWheel(filename=self.filename, reasons=(reason,))

    def _stored(self, member: Member) -> Iterator[bytes]:
        at, end = member.start, member.start + member.compressed_size
        while at < end:
            chunk = os.pread(self._descriptor, min(CHUNK_SIZE, end - at), at)
            if not chunk:
                raise self.broken(f"{member.name!r} is cut short")
            at += len(chunk)
            yield chunk

    def _inflated(self, member: Member) -> Iterator[bytes]:
        at, end = member.start, member.start + member.compressed_size
        inflate = isal_zlib.decompressobj(wbits=-15)
        while not inflate.eof:
            packed = inflate.unconsumed_tail
            if not packed:
                packed = os.pread(self._descriptor, min(READ_SIZE, end - at), at)
                at += len(packed)
            try:
                chunk = inflate.decompress(packed, CHUNK_SIZE)
            except _INFLATE_ERROR as error:
                raise self.broken(f"{member.name!r} cannot be inflated") from error
            if not packed and not chunk and not inflate.eof:
                raise self.broken(f"{member.name!r} is cut short")
            if chunk:
                yield chunk
        if inflate.unused_data or at < end:
            raise self.broken(f"{member.name!r} has something behind its end")


def open_archive(path: str, filename: str) -> WheelArchive:
    """Open the archive at `path`, which `filename` stands for in messages.

    Raises:
        UnsafeWheel: a name would leave the tree, or the archive is made to do harm.
        BrokenWheel: it is not a zip file that can be read in one way only.
        OSError: the file cannot be opened or read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        findings = Findings()
        headers, starts = read_directory(descriptor, findings)
        files = [
            (header, start)
            for header, start in zip(headers, starts, strict=True)
            if not header.name.endswith("/")
        ]
        _check_headers(headers, findings)
        _check_tree(headers, findings)
        findings.raise_for(filename)
        latest = int(time.time())
        members = tuple(_member(header, start, latest) for header, start in files)
    except BaseException:
        os.close(descriptor)
        raise
    return WheelArchive(descriptor, filename, members)


def _check_headers(headers: list[Header], findings: Findings) -> None:
    for header in headers:
        problem = name_problem(header.name.removesuffix("/")) or _kind_problem(header)
        if problem is not None:
            findings.add(problem.error, f"{header.name!r} {problem.text}")
        if header.method == DEFLATED:
            if header.size > MAX_RATIO * header.compressed_size:
                findings.add(UnsafeWheel, f"{header.name!r} inflates more than deflate can do")
        elif header.size != header.compressed_size:
            findings.add(BrokenWheel, f"{header.name!r} is stored and has two sizes")
    total = sum(header.size for header in headers)
    if total > MAX_TOTAL:
        findings.add(UnsafeWheel, f"it unpacks to {total >> 30} GiB")


def _kind_problem(header: Header) -> Finding | None:
    """Links, devices and pipes say what they are in the mode that Unix systems write."""
    kind = stat.S_IFMT(header.attributes >> 16)
    if header.name.endswith("/"):
        if kind not in {0, stat.S_IFDIR}:
            return Finding(UnsafeWheel, "is named like a folder and is none")
        return Finding(UnsafeWheel, "is a folder with content") if header.size else None
    if kind == stat.S_IFLNK:
        return Finding(LinkInWheel, "is a symbolic link")
    return None if kind in {0, stat.S_IFREG} else Finding(UnsafeWheel, "is not a file")


def _check_tree(headers: list[Header], findings: Findings) -> None:
    names = Counter(header.name for header in headers)
    for name, n in names.items():
        if n > 1:
            findings.add(DuplicateMember, f"{name!r} is there {n} times")
    files = {name for name in names if not name.endswith("/")}
    above = folders([name.rstrip("/") for name in names])
    above |= {name.rstrip("/") for name in names if name.endswith("/")}
    for name in sorted(files & above):
        findings.add(UnsafeWheel, f"{name!r} is both a file and a folder")


def _member(header: Header, start: int, latest: int) -> Member:
    return Member(
        name=header.name,
        start=start,
        compressed_size=header.compressed_size,
        size=header.size,
        crc=header.crc,
        deflated=header.method == DEFLATED,
        executable=bool(header.attributes >> 16 & 0o111),
        mtime_ns=_mtime(header, latest) * _SECOND,
    )


def _mtime(header: Header, latest: int) -> int:
    """Seconds since 1970. The format has no time zone: it is read as UTC on every machine."""
    date, clock = header.date, header.time
    seconds = calendar.timegm(
        (
            (date >> 9) + 1980,
            min(max(date >> 5 & 15, 1), 12),
            max(date & 31, 1),
            clock >> 11,
            clock >> 5 & 63,
            (clock & 31) * 2,
        )
    )
    return max(_EARLIEST, min(seconds, latest))
