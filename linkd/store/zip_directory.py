"""Reads the directory of a zip file and trusts none of it (PKWARE's APPNOTE 6.3.10, section 4.3).

`zipfile` is not used: it ends names at a NUL, takes other names from extra fields, allows bytes
before, between and after what the directory names, and never looks whether the members' own
headers agree. Each of these makes two readers see two different archives in one file.
"""

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from linkd.errors import (
    BrokenWheel,
    EncryptedWheel,
    NotAZip,
    TruncatedWheel,
    UnsafeWheel,
    WheelError,
)
from linkd.store.findings import Finding, Findings

_END: Final = struct.Struct("<4s4H2LH")  # 4.3.16
_END64_LOCATOR: Final = struct.Struct("<4sLQL")  # 4.3.15
_END64: Final = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")  # 4.3.12
_LOCAL: Final = struct.Struct("<4s5H3L2H")  # 4.3.7
_DESCRIPTOR: Final = struct.Struct("<3L")  # 4.3.9, its signature left out
_DESCRIPTOR64: Final = struct.Struct("<L2Q")
_LOCAL_SIGNATURE: Final = b"PK\x03\x04"
_DESCRIPTOR_SIGNATURE: Final = b"PK\x07\x08"

_ENCRYPTED: Final = 1 << 0 | 1 << 6 | 1 << 13
_HAS_DESCRIPTOR: Final = 1 << 3
_PATCHED: Final = 1 << 5
_UTF8: Final = 1 << 11
_ZIP64: Final = 0x0001
_MAX_16: Final = 0xFFFF
_MAX_32: Final = 0xFFFFFFFF

STORED: Final = 0
DEFLATED: Final = 8
_METHODS: Final = (STORED, DEFLATED)

MAX_DIRECTORY: Final = 64 << 20
"""Bytes of the central directory that are read at most: some 500,000 members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One entry of the central directory."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    time: int
    date: int
    crc: int
    compressed_size: int
    size: int
    attributes: int
    offset: int
    """Of the local header."""

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Checksum, compressed size and size, in the order of the format."""
        return self.crc, self.compressed_size, self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class _Local:
    """A member's own header."""

    raw_name: bytes
    flags: int
    method: int
    sizes: tuple[int, int, int]
    ends_at: int


@dataclass(frozen=True, slots=True)
class _End:
    offset: int
    size: int
    entries: int


@dataclass(frozen=True, slots=True)
class _WideEnd:
    begins_at: int
    end: _End


class _Unreadable(Exception):  # it ends the reading, not the request
    """No more can be read of the directory."""

    def __init__(self, reason: str, error: type[WheelError] = BrokenWheel) -> None:
        super().__init__(reason)
        self.error = error


def read_directory(descriptor: int, findings: Findings) -> tuple[list[Header], list[int]]:
    """The members in the directory's order, and where each one's data begins.

    Nothing is given back for a file whose end or directory cannot be read at all.
    """
    try:
        end = _read_end(descriptor, os.fstat(descriptor).st_size)
        headers = list(_parse_central(os.pread(descriptor, end.size, end.offset)))
    except _Unreadable as error:
        findings.add(error.error, str(error))
        return [], []
    if len(headers) != end.entries:
        findings.add(
            BrokenWheel,
            f"the zip directory has {len(headers)} entries and says it has {end.entries}",
        )
    return headers, _read_locals(descriptor, headers, end.offset, findings)


def _read_end(descriptor: int, size: int) -> _End:
    """The end record, which must end with the file and begin where the directory ends."""
    tail_at = max(0, size - _END.size - _MAX_16)
    tail = os.pread(descriptor, size - tail_at, tail_at)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        if os.pread(descriptor, 4, 0) == _LOCAL_SIGNATURE:
            raise _Unreadable("it is cut short: the end of the zip file is missing", TruncatedWheel)
        raise _Unreadable("it is not a zip file", NotAZip)
    _, *disks, here, entries, length, offset, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise _Unreadable("there is something behind the zip file's end")
    if any(disks) or here != entries:
        raise _Unreadable("it is one of several volumes")
    end = _End(offset, length, entries)
    ends_at = tail_at + at
    wide = _read_end64(descriptor, ends_at)
    if wide is not None:
        ends_at, end = _agreed(end, wide), wide.end
    if end.offset + end.size != ends_at:
        raise _Unreadable("the zip directory is not where the file's end says")
    if end.size > MAX_DIRECTORY:
        raise _Unreadable(f"the zip directory is larger than {MAX_DIRECTORY >> 20} MiB")
    return end


def _agreed(narrow: _End, wide: _WideEnd) -> int:
    """Where the wide end begins; what the narrow end can hold it must say too."""
    pairs = (
        (narrow.offset, wide.end.offset, _MAX_32),
        (narrow.size, wide.end.size, _MAX_32),
        (narrow.entries, wide.end.entries, _MAX_16),
    )
    if any(one not in {other, limit} for one, other, limit in pairs):
        raise _Unreadable("the zip file's two ends contradict each other")
    return wide.begins_at


def _read_end64(descriptor: int, ends_at: int) -> _WideEnd | None:
    """The zip64 end record, if the file has one."""
    locator_at = ends_at - _END64_LOCATOR.size
    if locator_at < _END64.size:
        return None
    signature, _, at, _ = _END64_LOCATOR.unpack(
        os.pread(descriptor, _END64_LOCATOR.size, locator_at)
    )
    if signature != b"PK\x06\x07" or at != locator_at - _END64.size:
        return None
    signature, *_, entries, length, offset = _END64.unpack(os.pread(descriptor, _END64.size, at))
    return _WideEnd(at, _End(offset, length, entries)) if signature == b"PK\x06\x06" else None


def _parse_central(directory: bytes) -> Iterator[Header]:
    at = 0
    while at < len(directory):
        if len(directory) - at < _CENTRAL.size:
            raise _Unreadable("the zip directory is cut short")
        fields = _CENTRAL.unpack_from(directory, at)
        signature, _, _, flags, method, time, date, crc, packed, size = fields[:10]
        name_size, extra_size, comment_size, _, _, attributes, offset = fields[10:]
        if signature != b"PK\x01\x02":
            raise _Unreadable(f"the zip directory has no entry at its byte {at}")
        name_at = at + _CENTRAL.size
        extra_at = name_at + name_size
        at = extra_at + extra_size + comment_size
        if at > len(directory):
            raise _Unreadable("the zip directory is cut short")
        raw_name = directory[name_at:extra_at]
        extra = directory[extra_at : extra_at + extra_size]
        size, packed, offset = _widen(extra, [size, packed, offset])
        yield Header(
            name=_decode(raw_name, flags),
            raw_name=raw_name,
            flags=flags,
            method=method,
            time=time,
            date=date,
            crc=crc,
            compressed_size=packed,
            size=size,
            attributes=attributes,
            offset=offset,
        )


def _decode(raw: bytes, flags: int) -> str:
    try:
        return raw.decode("utf-8" if flags & _UTF8 else "cp437")
    except UnicodeDecodeError as error:
        raise _Unreadable(f"the name {raw!r} is not UTF-8") from error


def _widen(extra: bytes, values: Sequence[int]) -> list[int]:
    """Values of 32 bits with those replaced that stand in the zip64 extra field (4.5.3)."""
    widened = list(values)
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        content = extra[at + 4 : at + 4 + size]
        at += 4 + size
        if kind != _ZIP64:
            continue
        for index, value in enumerate(values):
            if value == _MAX_32:
                if len(content) < 8:
                    raise _Unreadable("a zip64 field is cut short")
                widened[index] = int.from_bytes(content[:8], "little")
                content = content[8:]
    return widened


def _read_locals(
    descriptor: int, headers: Sequence[Header], directory_at: int, findings: Findings
) -> list[int]:
    """Compare each member's own header; the members must fill the file without gap or overlap."""
    starts = [0] * len(headers)
    order = sorted(range(len(headers)), key=lambda index: headers[index].offset)
    offsets = [headers[index].offset for index in order]
    expected = 0
    for index, after in zip(order, [*offsets[1:], directory_at], strict=True):
        header = headers[index]
        if not expected <= header.offset < directory_at:
            findings.add(UnsafeWheel, f"{header.name!r} overlaps what comes before it")
            continue
        if header.offset > expected:
            findings.add(BrokenWheel, f"there is something hidden before {header.name!r}")
        starts[index], expected, problem = _check_local(descriptor, header, after)
        if problem is not None:
            findings.add(problem.error, f"{header.name!r} {problem.text}")
            expected = max(expected, after)
    if expected > directory_at:
        findings.add(UnsafeWheel, "the last member overlaps the zip directory")
    elif expected < directory_at:
        findings.add(BrokenWheel, "there is something hidden before the zip directory")
    return starts


def _check_local(descriptor: int, header: Header, after: int) -> tuple[int, int, Finding | None]:
    """Where a member's data begins, where all of it ends, and what is wrong with it."""
    local = _read_local(descriptor, header)
    if local is None:
        return 0, header.offset, Finding(BrokenWheel, "has no header of its own")
    ends_at = local.ends_at + header.compressed_size
    problem = _contradiction(header, local)
    if problem is None and header.flags & _HAS_DESCRIPTOR:
        problem = _descriptor_problem(descriptor, header, ends_at, after)
        ends_at = max(ends_at, after)
    return local.ends_at, ends_at, problem


def _read_local(descriptor: int, header: Header) -> _Local | None:
    """A member's own header; None where there is none, or not all of it."""
    raw = os.pread(descriptor, _LOCAL.size, header.offset)
    if len(raw) < _LOCAL.size or not raw.startswith(_LOCAL_SIGNATURE):
        return None
    _, _, flags, method, _, _, crc, packed, size, name_size, extra_size = _LOCAL.unpack(raw)
    names = os.pread(descriptor, name_size + extra_size, header.offset + _LOCAL.size)
    try:
        size, packed = _widen(names[name_size:], [size, packed])
    except _Unreadable:
        return None
    return _Local(
        raw_name=names[:name_size],
        flags=flags,
        method=method,
        sizes=(crc, packed, size),
        ends_at=header.offset + _LOCAL.size + name_size + extra_size,
    )


def _contradiction(header: Header, local: _Local) -> Finding | None:
    """What cannot be read of a member, or is said of it in two ways."""
    if header.flags & (_ENCRYPTED | _PATCHED):
        return Finding(EncryptedWheel, "is encrypted or a patch")
    problem = _difference(header, local)
    return None if problem is None else Finding(BrokenWheel, problem)


def _difference(header: Header, local: _Local) -> str | None:
    if header.method not in _METHODS:
        return f"is compressed with method {header.method}, not stored or deflated"
    if local.raw_name != header.raw_name:
        return f"is named {local.raw_name!r} in its own header"
    shared = _HAS_DESCRIPTOR | _ENCRYPTED | _UTF8
    if local.method != header.method or (local.flags ^ header.flags) & shared:
        return "is packed otherwise in its own header"
    follow = bool(local.flags & _HAS_DESCRIPTOR)
    if any(
        stated != wanted and not (follow and stated == 0)
        for stated, wanted in zip(local.sizes, header.sizes, strict=True)
    ):
        return "has another size or checksum in its own header"
    return None


def _descriptor_problem(descriptor: int, header: Header, at: int, after: int) -> Finding | None:
    """What is wrong with the descriptor that fills the room behind a member's data.

    Its signature is optional and its sizes have 32 or 64 bits: only the room that there is tells.
    """
    length = after - at
    content = os.pread(descriptor, length, at) if 0 < length <= 24 else b""
    if length in {16, 24} and content.startswith(_DESCRIPTOR_SIGNATURE):
        content = content[4:]
    shape = {12: _DESCRIPTOR, 20: _DESCRIPTOR64}.get(len(content))
    if shape is None or shape.unpack(content) != header.sizes:
        return Finding(BrokenWheel, "has another size or checksum in its descriptor")
    return None
