"""Which candidates may be chosen: pre-releases, yanked files, constraints, what is installed.

Follows PEP 440 (pre-releases), PEP 592 (yanked files) and pip. Pre-releases and yanked files are
admitted by the request (its own specifiers, ``--pre``, an exact pin) or because there is nothing
else. What a distribution pins is granted: it may be chosen, but is nobody's first choice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from packaging.utils import NormalizedName
from packaging.version import Version

from linkd.resolve.crawl import Project
from linkd.resolve.listing import View
from linkd.resolve.metadata import Dependency, is_pin
from linkd.resolve.requirement import Asked


@dataclass(slots=True)
class Grants:
    """Candidates that chosen distributions, not the request, admit; kept from solve to solve."""

    granted: dict[NormalizedName, int] = field(default_factory=dict)
    banned: dict[NormalizedName, int] = field(default_factory=dict)

    def grant(self, name: NormalizedName, mask: int) -> None:
        self.granted[name] = self.granted.get(name, 0) | mask

    def ban(self, name: NormalizedName, mask: int) -> None:
        self.granted[name] = self.granted.get(name, 0) & ~mask
        self.banned[name] = self.banned.get(name, 0) | mask


@dataclass(slots=True, kw_only=True)
class Policy:
    """What the request says, by project; markers are already evaluated."""

    roots: tuple[Asked, ...]
    constraints: Mapping[NormalizedName, tuple[Asked, ...]]
    roots_by_name: Mapping[NormalizedName, tuple[Asked, ...]]
    preferred: Mapping[NormalizedName, Version]
    prerelease: bool
    no_deps: bool

    def asked(self, name: NormalizedName) -> tuple[Asked, ...]:
        """The requirements and constraints of the request on a project."""
        return self.roots_by_name.get(name, ()) + self.constraints.get(name, ())


@dataclass(slots=True)
class Selection:
    """One project in one solve."""

    project: Project
    view: View
    constrained: int
    """What the request's constraints leave."""
    admitted: int
    """What may be chosen by the request's own rules."""
    selectable: int
    """What may be chosen at all: admitted, granted or preferred, and not found unusable."""
    preferred: int | None
    pinned: int = 0
    """What was pinned by distributions that were looked at, admitted or not."""
    misses: int = 0
    refused: dict[int, str] = field(default_factory=dict)

    def best(self, mask: int) -> int:
        """The preferred one, else the newest admitted, else the newest granted."""
        if self.preferred is not None and mask >> self.preferred & 1:
            return self.preferred
        return ((mask & self.admitted) or mask).bit_length() - 1

    def is_lawful(self, index: int) -> bool:
        """Whether a candidate may be chosen without any distribution's grant."""
        return bool(self.admitted >> index & 1) or index == self.preferred

    def refuse(self, index: int, reason: str) -> None:
        self.refused[index] = reason
        self.selectable &= ~(1 << index)


def select(project: Project, policy: Policy, grants: Grants) -> Selection:
    """A project at the begin of a solve."""
    view = project.view
    constrained = view.all
    for asked in policy.constraints.get(view.name, ()):
        constrained &= view.wanted(asked).mask
    admitted = _admitted(view, policy) & constrained
    granted = grants.granted.get(view.name, 0) & constrained
    preferred = _preferred(view, policy, constrained)
    kept = 0 if preferred is None else 1 << preferred
    return Selection(
        project=project,
        view=view,
        constrained=constrained,
        admitted=admitted,
        selectable=admitted | granted | kept,
        preferred=preferred,
    )


def granted_by(view: View, dependency: Dependency) -> int:
    """The mask that a distribution's requirement by version admits beyond the usual."""
    if not (dependency.is_pin or dependency.mentions_prerelease):
        return 0
    mask = view.candidates(dependency.specifier, dependency.specifier_text).mask & view.all
    return mask if dependency.is_pin else mask & view.prerelease & ~view.yanked


def _admitted(view: View, policy: Policy) -> int:
    asked = policy.asked(view.name)
    on_page = view.all & ~view.direct
    usual = on_page & ~view.yanked
    finals = usual & ~view.prerelease
    every = policy.prerelease or any(each.specifier.prereleases for each in asked)
    admitted = usual if every else finals or usual
    for each in asked:
        if each.url is not None:
            admitted |= view.url_mask(each.url)
        elif is_pin(each.specifier):
            admitted |= view.wanted(each).mask & on_page
    return admitted


def _preferred(view: View, policy: Policy, constrained: int) -> int | None:
    version = policy.preferred.get(view.name)
    index = None if version is None else view.index_of(version)
    return index if index is not None and constrained >> index & 1 else None


def group_by_name(every: Iterable[Asked]) -> dict[NormalizedName, tuple[Asked, ...]]:
    """Requirements by their projects, each group in the order given."""
    groups: dict[NormalizedName, tuple[Asked, ...]] = {}
    for asked in every:
        groups[asked.name] = (*groups.get(asked.name, ()), asked)
    return groups
