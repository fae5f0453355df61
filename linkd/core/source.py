"""What a wheel is built of, as a requirement names it: an archive, a folder, or a git repository."""

import enum
from dataclasses import dataclass

from packaging.direct_url import DirectUrl
from packaging.utils import NormalizedName

from linkd.core.wheel import DistFile


class SourceKind(enum.StrEnum):
    """How a source is had."""

    ARCHIVE = "archive"
    TREE = "tree"
    GIT = "git"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One source. Compared by value: the same source is built once a request."""

    kind: SourceKind
    url: str
    """Absolute, without fragment; of git without ``git+`` and revision. May hold credentials."""
    subdirectory: str | None = None
    """Where in it the project lies, ``/`` between the parts; it does not leave the source."""
    revision: str | None = None
    """Of git: the commit, tag or branch that was named."""
    editable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The wheel that came of a source; it is in the store."""

    name: NormalizedName
    wheel: DistFile
    """With its sha256. Its URL tells wheels apart; its file may be gone already."""
    direct_url: DirectUrl
    """What is recorded of where it came from (PEP 610)."""


def is_wheel(filename: str) -> bool:
    return filename.endswith(".whl")


def is_editable(direct_url: DirectUrl | None) -> bool:
    """Whether what came from there is installed so that changes of it count at once (PEP 610)."""
    folder = None if direct_url is None else direct_url.dir_info
    return folder is not None and bool(folder.editable)
