"""What resolving asks of the world: the pages of one request, frozen, and core metadata."""

from typing import Protocol

from packaging.utils import NormalizedName

from linkd.core.wheel import DistFile, ProjectPage


class Listings(Protocol):
    """One request's view of its indexes: each page is read once and stays as it was."""

    async def project(self, name: NormalizedName, /) -> ProjectPage:
        """The project's page; without files where no source has it. Raises FetchError."""
        ...

    async def metadata(self, file: DistFile, /) -> bytes:
        """The METADATA of a wheel. Raises FetchError or BrokenWheel."""
        ...
