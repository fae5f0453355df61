"""Whether an environment already answers a request, so that no index has to be asked.

Follows the recording of installed projects and direct URLs (PEP 376, PEP 610).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from linkd.core.installed import InstalledDistribution
from linkd.core.target import Interpreter
from linkd.fetch.urls import without_credentials
from linkd.resolve.admission import group_by_name
from linkd.resolve.metadata import CoreMetadata, Dependency, parse_metadata
from linkd.resolve.requirement import Asked, parse_url
from linkd.resolve.resolver import ResolveRequest
from linkd.resolve.target_view import TargetView, target_view

Installed = Mapping[NormalizedName, InstalledDistribution]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How to learn more of an installed distribution, where that is needed."""

    metadata: Callable[[InstalledDistribution], bytes]
    details: Callable[[InstalledDistribution], InstalledDistribution]
    """The same with what its dist-info tells of where it came from."""


def satisfying(
    request: ResolveRequest, installed: Installed, reading: Reading, interpreter: Interpreter
) -> frozenset[NormalizedName] | None:
    """The installed distributions that answer all that is asked, with all that they need.

    None if something is missing; with required hashes always, for what is installed proves none.
    """
    if request.require_hashes or request.upgrade is True:
        return None
    target = target_view(interpreter)
    constraints = group_by_name(asked for asked in request.constraints if _is_active(asked, target))
    walk = _Walk(request, installed, reading, target, constraints)
    active = (asked for asked in request.requirements if _is_active(asked, target))
    if all(map(walk.answers_asked, active)) and walk.answers_pending():
        return walk.names
    return None


@dataclass(slots=True)
class _Walk:
    """Goes through the requirements and what the installed distributions need."""

    request: ResolveRequest
    installed: Installed
    reading: Reading
    target: TargetView
    constraints: Mapping[NormalizedName, tuple[Asked, ...]]
    _pending: list[tuple[NormalizedName, str]] = field(default_factory=list)
    _seen: set[tuple[NormalizedName, str]] = field(default_factory=set)
    _metadata: dict[NormalizedName, CoreMetadata] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[NormalizedName]:
        """The distributions that were gone through."""
        return frozenset(name for name, _ in self._seen)

    def answers_asked(self, asked: Asked) -> bool:
        present = self.installed.get(asked.name)
        if present is None or not self._fits(present, asked):
            return False
        self._enter(asked.name, asked.extras)
        return True

    def answers_pending(self) -> bool:
        while self._pending:
            name, extra = self._pending.pop()
            if not self._answers(name, extra):
                return False
        return True

    def _answers(self, name: NormalizedName, extra: str) -> bool:
        """Whether a distribution may stay, and what it or its extra needs is installed."""
        present = self.installed[name]
        if self.request.upgrades(name) or not present.is_whole:
            return False
        if not all(self._fits(present, asked) for asked in self.constraints.get(name, ())):
            return False
        metadata = self._metadata_of(present)
        if metadata.problem is not None or not self.target.python_fits(metadata.requires_python):
            return False
        if self.request.no_deps:
            return True
        needs = metadata.dependencies(self.target, extra)
        return all(self._answers_dependency(dependency) for dependency in needs)

    def _answers_dependency(self, dependency: Dependency) -> bool:
        present = self.installed.get(dependency.name)
        if present is None:
            return False
        if dependency.url is not None:
            if not _is_from(self.reading.details(present), dependency.url):
                return False
        elif not _is_within(present, dependency.specifier):
            return False
        self._enter(dependency.name, dependency.extras)
        return True

    def _enter(
        self, name: NormalizedName, extras: frozenset[NormalizedName] | tuple[NormalizedName, ...]
    ) -> None:
        for extra in ("", *extras):
            if (name, extra) not in self._seen:
                self._seen.add((name, extra))
                self._pending.append((name, extra))

    def _fits(self, present: InstalledDistribution, asked: Asked) -> bool:
        if asked.url is not None:
            return _is_from(self.reading.details(present), asked.url, asked.hashes)
        return _is_within(present, asked.specifier)

    def _metadata_of(self, present: InstalledDistribution) -> CoreMetadata:
        metadata = self._metadata.get(present.name)
        if metadata is None:
            metadata = self._metadata[present.name] = parse_metadata(self.reading.metadata(present))
        return metadata


def _is_active(asked: Asked, target: TargetView) -> bool:
    return asked.marker is None or target.marker_holds(asked.marker, str(asked.marker))


def _is_within(present: InstalledDistribution, specifier: SpecifierSet) -> bool:
    return specifier.contains(present.version, prereleases=True)


def _is_from(
    present: InstalledDistribution, url: str, hashes: Mapping[str, frozenset[str]] | None = None
) -> bool:
    """Whether it was installed from this URL, and from the same bytes as far as that is known."""
    direct = present.direct_url
    if direct is None or direct.archive_info is None:
        return False
    try:
        bare, fragment = parse_url(url)
    except ValueError:
        return False
    if direct.url != without_credentials(bare):
        return False
    recorded = direct.archive_info.hashes or {}
    wanted = hashes or fragment
    return all(
        recorded[algorithm] in wanted[algorithm] for algorithm in recorded if algorithm in wanted
    )
