"""List: what an environment holds, and of what in it the indexes have something newer."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import NormalizedName

from linkd.core.installed import InstalledDistribution
from linkd.core.listings import Pages
from linkd.core.source import is_editable
from linkd.core.target import Interpreter, Target
from linkd.core.wheel import ProjectPage
from linkd.errors import AccessDenied
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
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDistributions:
    prober: Probing
    indexes: Indexing

    async def __call__(self, request: ListRequest) -> Distributions:
        """Raises TargetError and InvalidRequest; FetchError where indexes are asked.

        A project to which access is denied, as some servers answer for what they have not, is
        told of and passed over, unless it is so with all of them.
        """
        target = await self.prober.probe(request.environment, request.placement)
        if request.placement is not None:
            require_folder(request.placement)
        present = await asyncio.to_thread(_read, target, editable=request.editable)
        if not request.outdated:
            listed = tuple(Listed(distribution=distribution) for distribution in present)
            return Distributions(target=target, distributions=listed)
        pages, denied = await self._pages([one.name for one in present], request)
        newest = await asyncio.to_thread(
            _newest, pages, target.interpreter, prerelease=request.prerelease
        )
        return Distributions(
            target=target,
            distributions=tuple(_outdated(present, newest)),
            warnings=tuple(
                f"{name} may have newer versions: {error.detail}" for name, error in denied.items()
            ),
        )

    async def _pages(
        self, names: Sequence[NormalizedName], request: ListRequest
    ) -> tuple[Mapping[NormalizedName, ProjectPage], Mapping[NormalizedName, AccessDenied]]:
        """The pages, and why there is none."""
        pages = self.indexes.snapshot(merge(request.index, read_index_settings()))
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {name: group.create_task(_page(pages, name)) for name in names}
        except BaseExceptionGroup as errors:
            raise first_error(errors) from errors
        answers = {name: task.result() for name, task in tasks.items()}
        denied = {name: one for name, one in answers.items() if isinstance(one, AccessDenied)}
        if denied and len(denied) == len(answers):
            raise next(iter(denied.values()))
        found = {name: one for name, one in answers.items() if isinstance(one, ProjectPage)}
        return found, denied


def _outdated(
    present: Iterable[InstalledDistribution], newest: Mapping[NormalizedName, Release | None]
) -> Iterator[Listed]:
    for distribution in present:
        release = newest.get(distribution.name)
        if release is not None and release.version > distribution.version:
            yield Listed(distribution=distribution, newer=release)


async def _page(pages: Pages, name: NormalizedName) -> ProjectPage | AccessDenied:
    try:
        return await pages.project(name)
    except AccessDenied as error:
        return error


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
