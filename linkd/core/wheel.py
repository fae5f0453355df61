"""Distribution files as indexes list them, and the pins that resolving makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from packaging.direct_url import DirectUrl
from packaging.utils import NormalizedName
from packaging.version import Version

from linkd.core.manifest import Manifest


class DistFile(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One file of a project, as a page of the simple API, a folder or a URL tells of it."""

    filename: str
    url: str
    """Absolute, without credentials or fragment; ``file:`` for what lies on a disk."""
    hashes: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Hex digests by algorithm; empty where the source promises none."""
    requires_python: str | None = None
    size: int | None = None
    yanked: bool | str = False
    """PEP 592: false, or true, or the reason."""
    metadata: bool | Mapping[str, str] = False
    """PEP 658/714: whether the metadata has a file of its own, with its hashes if known."""

    @property
    def sha256(self) -> str | None:
        return self.hashes.get("sha256")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class ProjectPage:
    """Everything that the indexes and folders of one request say of one project.

    Compared by identity: as long as nothing changed at the sources the same object is given
    again, so what is derived from a page may be remembered beside it.
    """

    name: NormalizedName
    files: tuple[DistFile, ...]
    """In the order of the sources; empty where none of them has the project."""
    searched: tuple[str, ...]
    """The sources that were asked, for messages; without credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One distribution that the environment shall hold."""

    name: NormalizedName
    version: Version
    file: DistFile
    requested: bool
    """Asked for by the request itself, not by another distribution (REQUESTED)."""
    direct_url: DirectUrl | None = None
    """PEP 610, where the requirement named a URL or a path."""
    required_hashes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Hex digests by algorithm of which one must match; empty if none is required."""
    hashes_from: str | None = None
    """Where they were written, such as ``requirements.txt:12``; None for an index's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWheel:
    """A sealed entry of the store."""

    manifest: Manifest
    tree: str
    """Absolute path of the unpacked files; `ManifestFile.source` is relative to it."""
