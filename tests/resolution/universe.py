"""The releases of cases as real, tiny wheels and source archives, served by one index."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.resolution.cases import Case, Release
from tests.support.index import IndexOptions, RunningIndex, running_index
from tests.support.sources import Project
from tests.support.wheels import make_wheel


@dataclass(frozen=True, slots=True)
class Universe:
    """Where the releases of one case are."""

    index: RunningIndex
    case: Case

    @property
    def folder(self) -> Path:
        """Where files that are for this case alone may be put."""
        return self.index.folder / self.case.name

    def index_url(self, name: str = "index") -> str:
        return f"{self.index.root}/{self.case.name}/{name}/simple"

    def links(self, name: str) -> str:
        """A folder as find-links takes it."""
        return str(self.folder / name)

    def placed(self, text: str) -> str:
        """With the address of an index in the place of ``{index}``."""
        return text.replace("{index}", f"{self.index.root}/{self.case.name}/index")

    def displaced(self, text: str) -> str:
        """The reverse: what is the same wherever it is served."""
        return text.replace(f"{self.index.root}/{self.case.name}/index", "{index}").replace(
            f"{self.index.root}/{self.case.name}", "{server}"
        )


@contextmanager
def running_universes(folder: Path) -> Iterator[RunningIndex]:
    """One index for all universes, each of which is made when it is asked for."""
    with running_index(folder, IndexOptions()) as index:
        yield index


def make_universe(index: RunningIndex, case: Case) -> Universe:
    universe = Universe(index, case)
    for place in {"index", *case.extra_indexes, *case.find_links}:
        (universe.folder / place).mkdir(parents=True, exist_ok=True)
    for name, version, tags, release in case.files():
        path = _make(universe, name, version, tags, release)
        if release.yanked is not False:
            index.options.yanked[path.relative_to(index.folder).as_posix()] = release.yanked
    return universe


def _make(universe: Universe, name: str, version: str, tags: str, release: Release) -> Path:
    folder = universe.folder / release.at
    requires = tuple(map(universe.placed, release.requires))
    if tags == "sdist":
        return Project(name=name, version=version, requires=requires, static=True).sdist(folder)
    *build, python, abi, platform = tags.split("-")
    wheel = make_wheel(
        folder,
        name,
        version,
        files={},
        requires=requires,
        extras={
            extra: tuple(map(universe.placed, wanted)) for extra, wanted in release.extras.items()
        },
        requires_python=release.python,
        tag=f"{python}-{abi}-{platform}",
        compress=False,
    )
    if not build:
        return wheel
    stem, *fitting = wheel.name.rsplit("-", 3)
    return wheel.rename(folder / "-".join((stem, *build, *fitting)))
