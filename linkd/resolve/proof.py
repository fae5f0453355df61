"""A solver's proof as the requirements that it rests on, each as it was written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from linkd.fetch.urls import redacted
from linkd.resolve.listing import View
from linkd.resolve.metadata import Dependency
from linkd.resolve.provider import Provider
from linkd.resolve.requirement import Asked
from linkd.resolve.solver import Fact, Needs, Package, Wanted


@dataclass(frozen=True, slots=True)
class Edge:
    """One requirement of the proof: of the request, or of some candidates of a project."""

    name: NormalizedName
    """The project that is wanted."""
    specifier: SpecifierSet
    url: str | None
    text: str
    origin: str | None
    """None if a distribution wants it."""
    package: Package | None = None
    parents: int = 0
    """The mask of the parent's candidates."""

    @property
    def source(self) -> str:
        """The same for the requirements of one distribution's releases, which are alternatives."""
        return self.package or f"{self.text} ({self.origin})"


def edges_of(facts: Sequence[Fact], provider: Provider) -> list[Edge]:
    """The request's own requirements in its order, then the rest as the proof uses it."""
    order = {id(asked): place for place, asked in enumerate(provider.policy.roots)}
    ordered = sorted(facts, key=lambda fact: _place(fact, order))
    return _merged(_all_edges(ordered, provider))


def prereleases_left(facts: Sequence[Fact], provider: Provider) -> dict[NormalizedName, int]:
    """Of each project what all that is said of it admits, if that is pre-releases alone."""
    admitted: dict[NormalizedName, int] = {}
    for edge in edges_of(facts, provider):
        selection = provider.selection(edge.name)
        view = selection.view
        usual = selection.constrained & ~view.yanked & ~view.direct
        mask = 0 if edge.url else view.candidates(edge.specifier, str(edge.specifier)).mask
        admitted[edge.name] = admitted.get(edge.name, usual) & mask
    return {
        name: mask
        for name, mask in admitted.items()
        if mask and not mask & ~provider.selection(name).view.prerelease
    }


def each_of(view: View, mask: int) -> Iterator[tuple[int, Version]]:
    for index, version in enumerate(view.versions):
        if mask >> index & 1:
            yield index, version


def _all_edges(facts: Iterable[Fact], provider: Provider) -> Iterator[Edge]:
    for fact in facts:
        if isinstance(fact, Wanted):
            yield _root_edge(fact.asked)
        elif isinstance(fact, Needs):
            yield from _dependency_edges(fact, provider)


def _dependency_edges(fact: Needs, provider: Provider) -> Iterator[Edge]:
    """What the candidates of the fact say themselves; an extra's tie to its own is none."""
    name, extra = provider.split(fact.package)
    wanted, wanted_extra = provider.split(fact.dependency)
    view = provider.selection(name).view
    for index, version in each_of(view, fact.candidates.mask & view.all):
        metadata = view.metadata[index]
        if metadata is None:
            continue
        for dependency in metadata.dependencies(provider.target, extra):
            if dependency.name != wanted or (
                wanted_extra and wanted_extra not in dependency.extras
            ):
                continue
            if wanted == name and dependency.specifier.contains(version, prereleases=True):
                continue
            yield _dependency_edge(dependency, fact.package, 1 << index)


def _place(fact: Fact, order: Mapping[int, int]) -> int:
    return order.get(id(fact.asked), 0) if isinstance(fact, Wanted) else len(order)


def _merged(edges: Iterable[Edge]) -> list[Edge]:
    """Each requirement once, with all the candidates that have it."""
    merged: dict[tuple[object, ...], Edge] = {}
    for edge in edges:
        key = (edge.package, edge.text, edge.origin)
        known = merged.get(key)
        merged[key] = (
            edge if known is None else replace(known, parents=known.parents | edge.parents)
        )
    return list(merged.values())


def _root_edge(asked: Asked) -> Edge:
    return Edge(
        name=asked.name,
        specifier=asked.specifier,
        url=asked.url,
        text=asked.text,
        origin=asked.origin,
    )


def _dependency_edge(dependency: Dependency, package: Package, parents: int) -> Edge:
    return Edge(
        name=dependency.name,
        specifier=dependency.specifier,
        url=dependency.url,
        text=redacted(dependency.text),
        origin=None,
        package=package,
        parents=parents,
    )
