"""The whole resolver against trying everything, in small worlds made at random."""

import asyncio
import itertools
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.version import Version

from linkd.errors import ResolveError

from .world import World, versions

NAMES = ("a", "b", "c", "d")
RELEASES = ("1.0", "2.0", "3.0")

requirements = st.builds(
    "{}{}".format,
    st.sampled_from(NAMES),
    st.sampled_from(["", ">=2", "<2", "<3", "==1.0", "==2.0", "!=3.0", ">3"]),
)
needs = st.lists(requirements, max_size=2)
projects = st.dictionaries(st.sampled_from(RELEASES), needs, min_size=1)
worlds = st.dictionaries(st.sampled_from(NAMES), projects)

Release = dict[str, dict[str, list[str]]]


def solutions(releases: Release, roots: list[str]) -> Iterator[dict[str, str]]:
    """Every choice of releases, or of none, of which nothing is left to wish for."""
    for choice in itertools.product(*((None, *releases.get(name, ())) for name in NAMES)):
        chosen = {name: version for name, version in zip(NAMES, choice, strict=True) if version}
        if answers(releases, roots, chosen):
            yield chosen


def answers(releases: Release, roots: list[str], chosen: dict[str, str]) -> bool:
    wanted = list(roots)
    for name, version in chosen.items():
        wanted += releases[name][version]
    return all(
        requirement.name in chosen
        and requirement.specifier.contains(Version(chosen[requirement.name]))
        for requirement in map(Requirement, wanted)
    )


@settings(max_examples=200)
@given(worlds, st.lists(requirements, min_size=1, max_size=3))
def test_sound_and_complete(releases: Release, roots: list[str]) -> None:
    """What is answered holds and has nothing superfluous; what is refused has no answer."""
    world = World()
    for name, project in releases.items():
        for version, wanted in project.items():
            world.add(name, version, *wanted)

    try:
        found = asyncio.run(versions(world, *roots))
    except ResolveError:
        assert not list(solutions(releases, roots))
    else:
        assert answers(releases, roots, found)
        assert set(found) == reached(releases, roots, found)


def reached(releases: Release, roots: list[str], found: dict[str, str]) -> set[str]:
    """What the roots lead to."""
    pending = [Requirement(root).name for root in roots]
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            pending += [Requirement(need).name for need in releases[name][found[name]]]
    return seen
