"""The manifest of a wheel: made once at ingest, read instead of the file tree ever after.

What planning, staging, verifying, repairing and uninstalling need to know stands here. A manifest
describes the archive alone; nothing in it depends on an environment.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Final

import msgspec
from packaging.utils import NormalizedName

from linkd.core.target import SchemeKey

MANIFEST_FORMAT: Final = 1

INSTALLERS_OWN: Final = ("INSTALLER", "REQUESTED", "direct_url.json", "RECORD")
"""What only the installer may write into dist-info, whatever the wheel contains."""


class ManifestFile(msgspec.Struct, frozen=True, array_like=True, gc=False, kw_only=True):
    """One file of a wheel as it lies in the sealed entry."""

    source: str
    """Its name in the archive, and its path below the entry's tree."""
    scheme: SchemeKey
    destination: str
    """Its path below the scheme's root, ``/`` between the parts."""
    size: int
    sha256: str
    """As RECORD has it: urlsafe base64 without padding."""
    mtime_ns: int
    executable: bool = False
    python_script: bool = False
    """Begins with ``#!python``: its first line is rewritten for each environment."""


class Launcher(msgspec.Struct, frozen=True, array_like=True, gc=False, kw_only=True):
    """An entry point that becomes a script (entry points specification)."""

    name: str
    module: str
    attribute: str
    gui: bool = False


class Manifest(msgspec.Struct, frozen=True, dict=True, kw_only=True):
    """Everything about one sealed wheel."""

    format: int = MANIFEST_FORMAT
    sha256: str
    """Hex digest of the archive: the wheel's identity."""
    filename: str
    name: NormalizedName
    version: str
    dist_info: str
    """Name of its dist-info folder, such as ``foo-1.0.dist-info``."""
    root_scheme: SchemeKey
    """Where the archive's root goes: purelib or platlib."""
    files: tuple[ManifestFile, ...]
    """All files but RECORD and its signatures, sorted by (scheme, destination)."""
    launchers: tuple[Launcher, ...] = ()

    @cached_property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @cached_property
    def parts(self) -> tuple[SchemeKey, ...]:
        """The schemes that something outside of dist-info goes into, sorted."""
        parts = {file.scheme for file in self.payload()}
        return tuple(sorted(parts | ({SchemeKey.SCRIPTS} if self.launchers else set())))

    @cached_property
    def rewritten(self) -> tuple[ManifestFile, ...]:
        """The files whose first line names the environment's interpreter."""
        return tuple(file for file in self.taken_over() if file.python_script)

    @cached_property
    def linked(self) -> int:
        """How many files are the same in every environment."""
        return sum(not file.python_script for file in self.taken_over())

    def taken_over(self) -> Iterator[ManifestFile]:
        """The files but for those that the installer writes itself, whatever the wheel has."""
        own = {(self.root_scheme, f"{self.dist_info}/{name}") for name in INSTALLERS_OWN}
        own.update((SchemeKey.SCRIPTS, launcher.name) for launcher in self.launchers)
        names = {destination for _, destination in own}
        return (
            file
            for file in self.files
            if file.destination not in names or (file.scheme, file.destination) not in own
        )

    def payload(self) -> Iterator[ManifestFile]:
        """The files that are not in dist-info."""
        inside = f"{self.dist_info}/"
        return (
            file
            for file in self.files
            if file.scheme is not self.root_scheme or not file.destination.startswith(inside)
        )
