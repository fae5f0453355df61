"""List: what an environment holds, and of what in it the indexes have something newer."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.utils import NormalizedName

from linkd.core.installed import InstalledDistribution
from linkd.core.listings import Pages
from linkd.core.source import is_editable
from linkd.core.target import Interpreter, Target
from linkd.core.wheel import ProjectPage
from linkd.fetch.configuration import read_index_settings
from linkd.fetch.settings import merge
from linkd.resolve.newest import Release, find_newest
from linkd.service.fetching import first_error
from linkd.service.ports import Indexing, Probing
from linkd.service.request import ListRequest
from linkd.venv.installed import read_details, read_installed
from linkd.venv.placement import require_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One installed distribution."""

    distribution: InstalledDistribution
    newer: Release | None = None
    """Where that was asked for: what there is that is newer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distributions:
    """An environment and what was asked for of that which is installed, sorted by name."""

    target: Target
    distributions: tuple[Listed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDistributions:
    prober: Probing
    indexes: Indexing

    async def __call__(self, request: ListRequest) -> Distributions:
        """Raises TargetError and InvalidRequest; FetchError where indexes are asked."""
        target = await self.prober.probe(request.environment, request.placement)
        if request.placement is not None:
            require_folder(request.placement)
        present = await asyncio.to_thread(_read, target, editable=request.editable)
        if request.outdated:
            listed = await self._outdated(present, target.interpreter, request)
        else:
            listed = tuple(Listed(distribution=distribution) for distribution in present)
        return Distributions(target=target, distributions=listed)

    async def _outdated(
        self,
        present: tuple[InstalledDistribution, ...],
        interpreter: Interpreter,
        request: ListRequest,
    ) -> tuple[Listed, ...]:
        pages = await self._pages((one.name for one in present), request)
        newest = await asyncio.to_thread(_newest, pages, interpreter, prerelease=request.prerelease)
        return tuple(
            Listed(distribution=distribution, newer=release)
            for distribution in present
            for release in [newest[distribution.name]]
            if release is not None and release.version > distribution.version
        )

    async def _pages(
        self, names: Iterable[NormalizedName], request: ListRequest
    ) -> Mapping[NormalizedName, ProjectPage]:
        pages = self.indexes.snapshot(merge(request.index, read_index_settings()))
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {name: group.create_task(_page(pages, name)) for name in names}
        except BaseExceptionGroup as errors:
            raise first_error(errors) from errors
        return {name: task.result() for name, task in tasks.items()}


async def _page(pages: Pages, name: NormalizedName) -> ProjectPage:
    return await pages.project(name)


def _read(target: Target, *, editable: bool | None) -> tuple[InstalledDistribution, ...]:
    installed = read_installed(target)
    detailed = (read_details(installed[name]) for name in sorted(installed))
    return tuple(
        one for one in detailed if editable is None or is_editable(one.direct_url) is editable
    )


def _newest(
    pages: Mapping[NormalizedName, ProjectPage], interpreter: Interpreter, *, prerelease: bool
) -> Mapping[NormalizedName, Release | None]:
    return {
        name: find_newest(page, interpreter, prerelease=prerelease) for name, page in pages.items()
    }
