"""Reads the small files that lie in an environment, whoever wrote them.

Nothing here waits for a pipe, follows a name into a device, or reads more than it should.
"""

import os
import stat
from email import message_from_bytes
from typing import Final

from packaging.utils import InvalidName, NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

METADATA_BYTES: Final = 16 << 20
NOTE_BYTES: Final = 1 << 16
"""For INSTALLER, direct_url.json and the like."""


def read_file(path: str, limit: int) -> bytes:
    """A regular file's bytes. A pipe or a device under its name is an error, not a wait."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path} is not a file")
        if status.st_size > limit:
            raise OSError(f"{path} is too large")
        return file.read()


def parse_identity(project: str, version: str) -> tuple[NormalizedName, Version] | None:
    """Name and version from the two parts of a folder's name; None if they are not such."""
    if "-" in version or not project.isascii() or not version.isascii():
        return None
    try:
        return canonicalize_name(project, validate=True), Version(version)
    except (InvalidName, InvalidVersion):
        return None


def parse_headers_identity(content: bytes) -> tuple[NormalizedName, Version] | None:
    """Name and version as core metadata has them; None if it has not both."""
    try:
        headers = message_from_bytes(content.partition(b"\n\n")[0])
        project, version = str(headers["Name"] or ""), str(headers["Version"] or "")
        return canonicalize_name(project, validate=True), Version(version)
    except ValueError:
        return None
