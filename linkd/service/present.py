"""Lets what is installed be chosen, although no index has it: editable, built elsewhere, withdrawn.

A request that needs it keeps it then, as with pip and uv, instead of failing for want of it.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import NormalizedName

from linkd.core.installed import InstalledDistribution
from linkd.core.listings import Listings
from linkd.core.source import Built, Source
from linkd.core.target import Interpreter
from linkd.core.wheel import DistFile, ProjectPage
from linkd.resolve.listing import wheel_tags
from linkd.resolve.target_view import target_view
from linkd.venv.installed import read_metadata


@dataclass(frozen=True, slots=True)
class PresentListings:
    """A request's listings, with a stand-in for each of `present` that its page lacks."""

    listings: Listings
    present: Mapping[NormalizedName, InstalledDistribution]
    interpreter: Interpreter

    async def project(self, name: NormalizedName) -> ProjectPage:
        page = await self.listings.project(name)
        present = self.present.get(name)
        if present is None or any(self._fitting(page, present)):
            return page
        return replace(page, files=(*page.files, self._stand_in(present)))

    async def metadata(
        self, file: DistFile, required: Mapping[str, frozenset[str]] | None = None
    ) -> bytes:
        """Raises NotInstalled besides, where it has gone meanwhile."""
        name = file.filename.partition("-")[0].replace("_", "-")
        present = self.present.get(NormalizedName(name))
        if present is not None and file == self._stand_in(present):
            return await asyncio.to_thread(read_metadata, present)
        return await self.listings.metadata(file, required)

    async def built(
        self, source: Source, hashes: Mapping[str, frozenset[str]], name: NormalizedName | None
    ) -> Built:
        return await self.listings.built(source, hashes, name)

    def _fitting(self, page: ProjectPage, present: InstalledDistribution) -> Iterator[bool]:
        """Whether the page has a wheel of the same version for this interpreter."""
        target = target_view(self.interpreter)
        version = f"-{present.version}-"
        for file in page.files:
            if version in file.filename and file.filename.endswith(".whl"):
                yield target.tag_rank(wheel_tags(file.filename)) is not None

    def _stand_in(self, present: InstalledDistribution) -> DistFile:
        """A wheel's name that fits, at a place where there is none: it is never to be fetched."""
        name = present.name.replace("-", "_")
        filename = f"{name}-{present.version}-{self.interpreter.tags[0]}.whl"
        url = Path(present.location, present.dist_info, filename).as_uri()
        return DistFile(filename=filename, url=url)
