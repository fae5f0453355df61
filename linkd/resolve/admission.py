"""Which candidates may be chosen: pre-releases, yanked files, constraints, what is installed.

Follows PEP 440 (pre-releases), PEP 592 (yanked files) and pip. Pre-releases and yanked files are
admitted by the request (its own specifiers, ``--pre``, an exact pin), pre-releases also because
its specifiers leave nothing else. What a distribution pins, and the pre-releases where its
requirement leaves nothing else, are granted: they may be chosen, but are nobody's first choice.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from packaging.utils import NormalizedName
from packaging.version import Version

from linkd.resolve.crawl import Project
from linkd.resolve.listing import View, wheel_tags
from linkd.resolve.metadata import CoreMetadata, Dependency, is_pin, parse_version
from linkd.resolve.requirement import Asked
from linkd.resolve.target_view import TargetView


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
    """What is installed and may stay."""
    upgraded: Collection[NormalizedName] = ()
    """Of these it stays only where it is the newest."""
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
    usual: int
    """Of that what is not yanked."""
    selectable: int
    """What may be chosen at all: admitted, granted or preferred, and not found unusable."""
    preferred: int | None
    pinned: int = 0
    """What was pinned by distributions that were looked at, admitted or not."""
    misses: int = 0
    refused: dict[int, str] = field(default_factory=dict)

    def best(self, mask: int) -> int:
        """The preferred one, else the newest usual, admitted or granted one."""
        if self.preferred is not None and mask >> self.preferred & 1:
            return self.preferred
        return (mask & self.usual or mask & self.admitted or mask).bit_length() - 1

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
    present = _preferred(view, policy, constrained)
    kept = 0 if present is None else 1 << present
    upgraded = view.name in policy.upgraded
    if upgraded:
        # As for pip and uv one more choice: a pre-release that is there is not gone back from.
        admitted |= kept
    return Selection(
        project=project,
        view=view,
        constrained=constrained,
        admitted=admitted,
        usual=admitted & (kept | ~view.yanked if upgraded else ~view.yanked),
        selectable=admitted | granted | kept,
        preferred=None if upgraded else present,
    )


def objection(view: View, index: int, metadata: CoreMetadata, target: TargetView) -> str | None:
    """Why a candidate cannot be used, by its own metadata."""
    if metadata.problem is not None:
        return metadata.problem
    if not target.python_fits(metadata.requires_python):
        return f"it requires Python {metadata.requires_python}"
    if metadata.name is not None and metadata.name != view.name:
        return f"its metadata is that of {metadata.name}"
    if metadata.version is not None and parse_version(metadata.version) != view.versions[index]:
        return f"its metadata says version {metadata.version}"
    if index >= view.ordered:
        tags = wheel_tags(view.files[index].filename)
        if target.tag_rank(tags) is None:
            return f"its tags {tags} do not fit"
    return None


def granted_by(view: View, dependency: Dependency, wanted: int) -> int:
    """What a distribution's requirement by version admits beyond the usual, of what it wants.

    Pre-releases where it mentions one, or has no final release to choose from (PEP 440).
    """
    if dependency.is_pin:
        return wanted & view.all
    if not view.prerelease:
        return 0
    usual = wanted & view.all & ~view.yanked
    if dependency.mentions_prerelease or not usual & ~view.prerelease:
        return usual & view.prerelease
    return 0


def _admitted(view: View, policy: Policy) -> int:
    asked = policy.asked(view.name)
    on_page = view.all & ~view.direct
    usual = on_page & ~view.yanked
    finals = usual & ~view.prerelease
    every = policy.prerelease or any(each.specifier.prereleases for each in asked)
    admitted = usual if every or _leave_prereleases(view, asked, usual) else finals or usual
    for each in asked:
        if each.url is not None:
            admitted |= view.url_mask(each.url)
        elif is_pin(each.specifier):
            admitted |= view.wanted(each).mask & on_page
    return admitted


def _leave_prereleases(view: View, every: Iterable[Asked], usual: int) -> bool:
    """Whether the request's specifiers admit pre-releases and nothing else (PEP 440)."""
    for asked in every:
        usual &= view.wanted(asked).mask
    return usual != 0 and not usual & ~view.prerelease


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
