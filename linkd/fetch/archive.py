"""The METADATA of a wheel, read from the archive itself (PEP 427, PEP 566)."""

import re
import zipfile
import zlib
from typing import IO, Final

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from linkd.errors import BrokenWheel

_METADATA = re.compile(r"([^/]+)-([^/-]+)\.dist-info/METADATA", re.IGNORECASE)
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
        raise BrokenWheel(filename=filename, reasons=(str(error).lower(),)) from error


def _metadata_name(members: list[str], filename: str) -> str:
    """PEP 427: the folder is named ``{distribution}-{version}.dist-info``."""
    found = [match for name in members if (match := _METADATA.fullmatch(name))]
    if len(found) != 1:
        reason = "it has no METADATA" if not found else "it has more than one METADATA"
        raise BrokenWheel(filename=filename, reasons=(reason,))
    name, version = found[0].groups()
    parts = filename.removesuffix(".whl").split("-")
    if (
        len(parts) < 5
        or canonicalize_name(name) != canonicalize_name(parts[0])
        or not _same_version(version, parts[1])
    ):
        reason = f"its metadata is that of {name} {version}"
        raise BrokenWheel(filename=filename, reasons=(reason,))
    return found[0].string


def _same_version(one: str, other: str) -> bool:
    try:
        return one == other or Version(one.replace("_", "-")) == Version(other.replace("_", "-"))
    except InvalidVersion:
        return False
