"""What resolving asks of the world: the pages of one request, frozen, and core metadata."""

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from packaging.utils import NormalizedName

from linkd.core.source import Built, Source
from linkd.core.wheel import DistFile, ProjectPage

PageState: TypeAlias = tuple[bytes, ...]
"""What tells one state of a project's page from another: a token for each source, in their order."""


class Pages(Protocol):
    """One request's view of its indexes: each page is read once and stays as it was."""

    async def project(self, name: NormalizedName, /) -> ProjectPage:
        """The project's page; without files where no source has it. Raises FetchError."""
        ...

    async def metadata(self, file: DistFile, /) -> bytes:
        """The METADATA of a wheel. Raises FetchError or BrokenWheel."""
        ...


class States(Protocol):
    """The same view's states: what was answered from equal ones can be answered again."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources in their order; without credentials."""
        ...

    async def look(self) -> None:
        """Read the sources that are read as a whole, once. Raises FetchError."""
        ...

    def known_state(self, name: NormalizedName, /) -> PageState | None:
        """The state of a page, where nothing has to be asked or looked at."""
        ...

    async def state(self, name: NormalizedName, /) -> PageState:
        """The state of the page that `project` gives. Raises FetchError."""
        ...


class StatedPages(Pages, States, Protocol):
    """Pages that tell their states."""


class Listings(Pages, Protocol):
    """Pages whose source archives and direct sources can be built for the one who asks."""

    async def metadata(
        self, file: DistFile, required: Mapping[str, frozenset[str]] | None = None, /
    ) -> bytes:
        """The METADATA of a wheel or of a source archive. Raises BuildError besides.

        An archive that has none of the hashes required (HashMismatch) is not run.
        """
        ...

    async def built(
        self, source: Source, hashes: Mapping[str, frozenset[str]], name: NormalizedName | None, /
    ) -> Built:
        """What comes of a source that a URL names. Raises BuildError, FetchError, WheelError.

        `name` is what the requirement calls it; InvalidRequirement if it is another project.
        """
        ...


class StatedListings(Listings, States, Protocol):
    """Listings that tell the states of their pages."""
