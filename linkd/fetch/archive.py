"""The METADATA of a wheel, read from the archive itself (PEP 427, PEP 566)."""

import re
import zipfile
import zlib
from typing import IO, Final

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from linkd.errors import (
    BrokenWheel,
    DistInfoIncomplete,
    EncryptedWheel,
    NoDistInfo,
    NotAZip,
    SeveralDistInfos,
    TruncatedWheel,
    WheelMisnamed,
)

_METADATA = re.compile(r"([^/]+)-([^/-]+)\.dist-info/METADATA", re.IGNORECASE)
_DIST_INFO = re.compile(r"[^/]+\.dist-info/", re.IGNORECASE)
_SIGNATURE: Final = b"PK\x03\x04"
_MAX_SIZE: Final = 32 << 20


def read_metadata(archive: IO[bytes], filename: str) -> bytes:
    """The one METADATA of a wheel of that filename.

    Raises BrokenWheel; what reading the archive itself raises comes through, BadZipFile apart.
    """
    try:
        with zipfile.ZipFile(archive) as wheel:
            member = wheel.getinfo(_metadata_name(wheel.namelist(), filename))
            if member.file_size > _MAX_SIZE:
                raise BrokenWheel(filename=filename, reasons=("its METADATA is too large",))
            with wheel.open(member) as stream:
                return stream.read(_MAX_SIZE)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        kind, reason = _why(error, archive)
        raise kind(filename=filename, reasons=(reason,)) from error


def _why(error: Exception, archive: IO[bytes]) -> tuple[type[BrokenWheel], str]:
    """What `zipfile` means: it knows one error for most that can be wrong."""
    if isinstance(error, NotImplementedError) or not isinstance(error, RuntimeError):
        reason = str(error).lower()
        if reason != "file is not a zip file":
            return BrokenWheel, reason
        archive.seek(0)
        if archive.read(len(_SIGNATURE)) == _SIGNATURE:
            return TruncatedWheel, "it is cut short: the end of the zip file is missing"
        return NotAZip, "it is not a zip file"
    return EncryptedWheel, "its METADATA is encrypted"


def _metadata_name(members: list[str], filename: str) -> str:
    """PEP 427: the folder is named ``{distribution}-{version}.dist-info``."""
    found = [match for name in members if (match := _METADATA.fullmatch(name))]
    if not found:
        kind = DistInfoIncomplete if any(map(_DIST_INFO.match, members)) else NoDistInfo
        raise kind(filename=filename, reasons=("it has no METADATA",))
    if len(found) > 1:
        raise SeveralDistInfos(filename=filename, reasons=("it has more than one METADATA",))
    name, version = found[0].groups()
    parts = filename.removesuffix(".whl").split("-")
    if (
        len(parts) < 5
        or canonicalize_name(name) != canonicalize_name(parts[0])
        or not _same_version(version, parts[1])
    ):
        reason = f"its metadata is that of {name} {version}"
        raise WheelMisnamed(filename=filename, reasons=(reason,))
    return found[0].string


def _same_version(one: str, other: str) -> bool:
    try:
        return one == other or Version(one.replace("_", "-")) == Version(other.replace("_", "-"))
    except InvalidVersion:
        return False
