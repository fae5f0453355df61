"""What was done: the immutable end of every operation that changes an environment."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.utils import NormalizedName


class LinkMode(enum.StrEnum):
    """How a file of the store comes into an environment."""

    HARDLINK = "hardlink"
    REFLINK = "reflink"
    COPY = "copy"
    SYMLINK = "symlink"


class FallbackReason(enum.StrEnum):
    """Why the wanted link mode was not possible."""

    CROSS_DEVICE = "cross-device"
    NOT_PERMITTED = "not-permitted"
    NOT_SUPPORTED = "not-supported"
    TOO_MANY_LINKS = "too-many-links"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """The wanted mode, the one used instead, and why."""

    wanted: LinkMode
    used: LinkMode
    reason: FallbackReason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledEntry:
    """One distribution that came."""

    name: NormalizedName
    version: str
    files: int
    bytes: int
    link_mode: LinkMode
    prestaged: bool = False
    bytecode: bool = False
    """Whether it came compiled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionEntry:
    """One distribution that went, or stayed."""

    name: NormalizedName
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collision:
    """A path that several distributions contain."""

    path: str
    """Relative to the environment's prefix, or to site-packages where it lies below it."""
    distributions: tuple[NormalizedName, ...]
    identical: bool
    kept: NormalizedName


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """A file that nobody recorded and that a distribution's file took the place of."""

    path: str
    moved_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Milliseconds by phase."""

    resolve: float = 0.0
    fetch: float = 0.0
    compile: float = 0.0
    stage: float = 0.0
    graft: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The outcome of an install, sync or uninstall. Lists are sorted by name."""

    environment: str
    installed: tuple[InstalledEntry, ...] = ()
    removed: tuple[DistributionEntry, ...] = ()
    unchanged: tuple[DistributionEntry, ...] = ()
    collisions: tuple[Collision, ...] = ()
    kept_files: tuple[KeptFile, ...] = ()
    links: Mapping[LinkMode, int] = field(default_factory=dict)
    fallback: Fallback | None = None
    bytes_linked: int = 0
    bytes_copied: int = 0
    bytes_downloaded: int = 0
    timings: Timings = field(default_factory=Timings)
    warnings: tuple[str, ...] = ()
    dry_run: bool = False
