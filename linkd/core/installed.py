"""What an environment holds (recording installed projects)."""

from dataclasses import dataclass

from packaging.direct_url import DirectUrl
from packaging.utils import NormalizedName
from packaging.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledDistribution:
    """One dist-info folder."""

    name: NormalizedName
    version: Version
    location: str
    """Absolute path of the folder that holds the dist-info folder."""
    dist_info: str
    """The dist-info folder's own name."""
    installer: str | None = None
    requested: bool = False
    direct_url: DirectUrl | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow:
    """One row of RECORD."""

    path: str
    """Relative to the folder that holds dist-info, ``/`` between the parts; may begin with
    ``../`` or be absolute."""
    sha256: str | None = None
    """Urlsafe base64 without padding; None for RECORD itself and for bytecode."""
    size: int | None = None
