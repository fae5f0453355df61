"""The newest release is what an install of the project alone would choose."""

import pytest
from packaging.utils import canonicalize_name

from linkd.core.wheel import DistFile, ProjectPage
from linkd.resolve.newest import find_newest

from .world import INTERPRETER, World

FOO = canonicalize_name("foo")


async def newest(world: World, *, prerelease: bool = False) -> str | None:
    """The file's name."""
    page = await world.project(FOO)
    release = find_newest(page, INTERPRETER, prerelease=prerelease)
    return None if release is None else release.file.filename


async def test_versions() -> None:
    """The highest version counts, not the last one listed."""
    world = World()
    for version in ("1.9", "1.10", "1.2"):
        world.add("foo", version)

    assert await newest(world) == "foo-1.10-py3-none-any.whl"


async def test_prereleases() -> None:
    """A pre-release counts where it is asked for, or where there is nothing else."""
    world = World()
    world.add("foo", "2.0rc1")
    assert await newest(world) == "foo-2.0rc1-py3-none-any.whl"
    world = World()
    world.add("foo", "2.0rc1")
    world.add("foo", "1.0")
    assert await newest(world) == "foo-1.0-py3-none-any.whl"
    assert await newest(world, prerelease=True) == "foo-2.0rc1-py3-none-any.whl"


@pytest.mark.parametrize(
    "unfit",
    [{"yanked": True}, {"requires_python": ">=3.13"}, {"tags": "cp313-cp313-linux_x86_64"}],
)
async def test_unfit(unfit: dict[str, str | bool]) -> None:
    """What was yanked, or is for another Python, does not count."""
    world = World()
    world.add("foo", "2.0", **unfit)  # type: ignore[arg-type]  # each has its own type
    assert await newest(world) is None
    world = World()
    world.add("foo", "2.0", **unfit)  # type: ignore[arg-type]  # each has its own type
    world.add("foo", "1.0")
    assert await newest(world) == "foo-1.0-py3-none-any.whl"


def test_sources() -> None:
    """A source distribution counts where the version has no wheel that fits."""
    names = ("foo-1.0-py3-none-any.whl", "foo-2.0.tar.gz", "foo-2.0-cp313-cp313-linux_x86_64.whl")
    files = tuple(DistFile(filename=name, url=f"https://example.org/{name}") for name in names)

    release = find_newest(ProjectPage(name=FOO, files=files, searched=()), INTERPRETER)

    assert release is not None
    assert release.file.filename == "foo-2.0.tar.gz"


def test_nothing() -> None:
    """A project that no index has has no newest release."""
    assert find_newest(ProjectPage(name=FOO, files=(), searched=()), INTERPRETER) is None
