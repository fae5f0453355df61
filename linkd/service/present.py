"""Lets what is installed be chosen, although no index has it: editable, built elsewhere, withdrawn.

A request that needs it keeps it then, as with pip and uv, instead of failing for want of it.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import NormalizedName

from linkd.core.installed import InstalledDistribution
from linkd.core.listings import PageState, StatedListings
from linkd.core.source import Built, Source
from linkd.core.target import Interpreter
from linkd.core.wheel import DistFile, ProjectPage
from linkd.resolve.listing import wheel_tags
from linkd.resolve.target_view import target_view
from linkd.venv.installed import read_metadata


@dataclass(frozen=True, slots=True)
class PresentListings:
    """A request's listings, with a stand-in for each of `present` that its page lacks."""

    listings: StatedListings
    present: Mapping[NormalizedName, InstalledDistribution]
    interpreter: Interpreter

    @property
    def sources(self) -> tuple[str, ...]:
        """What is installed is one more, for it adds to the pages."""
        if not self.present:
            return self.listings.sources
        present = sorted(f"{name}=={dist.version}" for name, dist in self.present.items())
        return (*self.listings.sources, f"installed {' '.join(present)}")

    async def look(self) -> None:
        await self.listings.look()

    def known_state(self, name: NormalizedName) -> PageState | None:
        return self.listings.known_state(name)

    async def state(self, name: NormalizedName) -> PageState:
        return await self.listings.state(name)

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
