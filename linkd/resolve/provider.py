"""What the solver is told: candidates, their order, what they need.

What only a chosen distribution admits (a pinned pre-release, a URL) is known only while solving:
then the solve starts again with that candidate granted, and `leaked` finds the grants that
nobody wanted in the end. So it is with pre-releases that several requirements together leave.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from packaging.utils import NormalizedName, canonicalize_name

from linkd.core.source import is_wheel
from linkd.errors import InvalidRequirement
from linkd.resolve.admission import Grants, Policy, Selection, granted_by, objection, select
from linkd.resolve.crawl import Crawl
from linkd.resolve.listing import View
from linkd.resolve.metadata import CoreMetadata, Dependency
from linkd.resolve.ranges import NOTHING, CandidateSet
from linkd.resolve.requirement import Asked, direct_file, parse_url
from linkd.resolve.solver import Package, Root
from linkd.resolve.source import parse_source
from linkd.resolve.target_view import TargetView

_BATCHES: Final = (1, 1, 4, 16, 64)
"""How many candidates' metadata is read at once at a project's first, second, … miss."""
_MANY_CONFLICTS: Final = 5


class StartAgain(Exception):
    """What may be chosen has grown: what was derived so far does not hold any more."""


class Provider:
    """Answers the solver from what the crawl has read, and waits for what it has not."""

    def __init__(self, crawl: Crawl, target: TargetView, policy: Policy, grants: Grants) -> None:
        self.target: Final = target
        self.policy: Final = policy
        self.unsupported: Final[dict[str, str]] = {}
        """Reasons by URL of dependencies that cannot be candidates."""
        self.formats: Final = crawl.formats
        self._wheels: Final[dict[str, str]] = {}
        """By the URL of a source the URL of the wheel that was built of it."""
        self._crawl = crawl
        self._grants = grants
        self._selections: dict[NormalizedName, Selection] = {}
        self._needs: dict[tuple[Package, int], dict[Package, CandidateSet]] = {}
        self._split: dict[Package, tuple[NormalizedName, str]] = {}
        self._order: dict[Package, int] = {}

    # The solver's questions

    def choose(self, package: Package, candidates: CandidateSet) -> int | None:
        name, _ = self.split(package)
        selection = self.selection(name)
        while mask := candidates.mask & selection.selectable:
            index = selection.best(mask)
            if self._is_usable(selection, index, mask):
                return index
        self._grant_pinned(name, selection, candidates.mask)
        return None

    def dependencies(self, package: Package, index: int) -> Mapping[Package, CandidateSet]:
        key = (package, index)
        needs = self._needs.get(key)
        if needs is None:
            needs = self._needs[key] = self._find_needs(package, index)
        return needs

    def priority(
        self, package: Package, candidates: CandidateSet, conflicts: int
    ) -> tuple[int, ...]:
        """What often failed first, then what has no choice, then in the order of discovery."""
        name, _ = self.split(package)
        choices = candidates.mask & self.selection(name).selectable
        return (
            -(conflicts >= _MANY_CONFLICTS),
            -(min(conflicts, 50) // _MANY_CONFLICTS),
            choices & (choices - 1) != 0,
            self._order[package],
        )

    def widen(self, package: Package, index: int) -> CandidateSet | None:
        """Neighbours that cannot be chosen, or are known to have the same dependencies."""
        name, extra = self.split(package)
        if extra:
            return None
        selection = self.selection(name)
        needed = self._active(selection, index, "")
        if any(dependency.name == name for dependency in needed):
            return None
        mask = 1 << index
        for step in (-1, 1):
            other = index + step
            while 0 <= other < len(selection.view.versions):
                if not self._is_alike(selection, other, needed):
                    break
                mask |= 1 << other
                other += step
        return CandidateSet(mask)

    # What the request wants, and what became of it

    def roots(self) -> Iterator[Root]:
        """The request's requirements; all their projects are read at once."""
        self._crawl.need_projects(asked.name for asked in self.policy.roots)
        for asked in self.policy.roots:
            candidates = self.asked_candidates(asked)
            yield Root(self._package(asked.name, ""), candidates, asked)
            if not self.policy.no_deps:
                for extra in sorted(asked.extras):
                    yield Root(self._package(asked.name, extra), candidates, asked)

    def leaked(self, pins: Mapping[Package, int]) -> bool:
        """Ban grants that were used without being wanted by anything that was chosen."""
        granted = {
            name: index
            for name, index in map(self._chosen, pins.items())
            if not self.selection(name).is_lawful(index)
        }
        if not granted:
            return False
        wanted: dict[NormalizedName, int] = {}
        for package, index in pins.items():
            for dependency in self.active(package, index):
                known = wanted.get(dependency.name, 0)
                wanted[dependency.name] = known | self._grant_of(dependency)
        unwanted = {
            name: index
            for name, index in granted.items()
            if not wanted.get(name, 0) >> index & 1 and self._has_final(name, pins)
        }
        for name, index in unwanted.items():
            self._grants.ban(name, 1 << index)
        return bool(unwanted)

    def grant(self, masks: Mapping[NormalizedName, int]) -> bool:
        """Grant what has been neither granted nor banned so far; whether there was any such."""
        grew = False
        for name, mask in masks.items():
            selection = self.selection(name)
            fresh = mask & ~selection.selectable & ~self._grants.banned.get(name, 0)
            if fresh and not any(fresh >> index & 1 for index in selection.refused):
                self._grants.grant(name, fresh)
                grew = True
        return grew

    def _has_final(self, name: NormalizedName, pins: Mapping[Package, int]) -> bool:
        """Whether all that is asked of a project by what was chosen admits a final release."""
        selection = self.selection(name)
        view = selection.view
        mask = selection.constrained & ~view.yanked & ~view.prerelease & ~view.direct
        for asked in self.policy.asked(name):
            mask &= view.wanted(asked).mask
        for package, index in pins.items():
            for dependency in self.active(package, index):
                if dependency.name == name and dependency.url is None:
                    mask &= view.needed(dependency).mask
        return mask != 0

    def _chosen(self, pin: tuple[Package, int]) -> tuple[NormalizedName, int]:
        package, index = pin
        return self.split(package)[0], index

    def split(self, package: Package) -> tuple[NormalizedName, str]:
        """A package's project and extra."""
        parts = self._split.get(package)
        if parts is None:
            name, _, extra = package.rstrip("]").partition("[")
            parts = self._split[package] = (canonicalize_name(name), extra)
        return parts

    def selection(self, name: NormalizedName) -> Selection:
        selection = self._selections.get(name)
        if selection is None:
            self._crawl.need_projects((name,))
            selection = self._selections[name] = select(
                self._crawl.projects[name], self.policy, self._grants
            )
        return selection

    def metadata(self, selection: Selection, index: int) -> CoreMetadata:
        metadata = selection.view.metadata[index]
        if metadata is None:
            self._crawl.need_metadata(selection.view, (index,))
            metadata = selection.view.metadata[index]
        assert metadata is not None
        return metadata

    def active(self, package: Package, index: int) -> tuple[Dependency, ...]:
        """The dependencies of a candidate, or of its extra, at this target."""
        name, extra = self.split(package)
        return self._active(self.selection(name), index, extra)

    def asked_candidates(self, asked: Asked) -> CandidateSet:
        return self.selection(asked.name).view.wanted(asked)

    # Dependencies

    def _grant_of(self, dependency: Dependency) -> int:
        """What a distribution's own requirement admits beyond the usual."""
        view = self.selection(dependency.name).view
        if dependency.url is not None:
            return self._url_candidates(view, dependency.url)
        return granted_by(view, dependency, view.needed(dependency).mask)

    def _grant_pinned(self, name: NormalizedName, selection: Selection, wanted: int) -> None:
        """Start again if only what a distribution pins is missing."""
        usable = selection.constrained & ~selection.selectable & ~self._grants.banned.get(name, 0)
        for index in selection.refused:
            usable &= ~(1 << index)
        granted = wanted & selection.pinned & usable
        if granted:
            self._grants.grant(name, granted)
            raise StartAgain

    def _find_needs(self, package: Package, index: int) -> dict[Package, CandidateSet]:
        name, extra = self.split(package)
        needs: dict[Package, CandidateSet] = {}
        if extra:
            needs[name] = CandidateSet(1 << index)
        if self.policy.no_deps:
            return needs
        dependencies = self.active(package, index)
        self._crawl.need_projects(each.name for each in dependencies if each.name != name)
        for dependency in dependencies:
            if dependency.name == name:
                own = self._own_candidates(dependency, index)
                if own.is_empty:
                    return {name: own}
                for other in dependency.extras:
                    if other != extra:
                        needs[self._package(name, other)] = own
                continue
            candidates = self._needed_candidates(dependency)
            _narrow(needs, self._package(dependency.name, ""), candidates)
            for other in dependency.extras:
                _narrow(needs, self._package(dependency.name, other), candidates)
        return needs

    def _own_candidates(self, dependency: Dependency, index: int) -> CandidateSet:
        """Of what a project needs of itself: the candidate that needs it, or nothing."""
        admitted = self.selection(dependency.name).view.needed(dependency)
        return CandidateSet(admitted.mask & 1 << index)

    def _needed_candidates(self, dependency: Dependency) -> CandidateSet:
        selection = self.selection(dependency.name)
        if dependency.url is not None:
            grant = self._url_candidates(selection.view, dependency.url)
            selection.pinned |= grant
            return CandidateSet(grant) if grant else NOTHING
        candidates = selection.view.needed(dependency)
        if (
            dependency.is_pin
            or dependency.mentions_prerelease
            or not candidates.mask & selection.usual
        ):
            selection.pinned |= granted_by(selection.view, dependency, candidates.mask)
        return candidates

    def url_mask(self, view: View, url: str) -> int:
        """The mask of what a URL names, or of what was built of it."""
        return view.url_mask(self._wheels.get(url, url.partition("#")[0]))

    def _url_candidates(self, view: View, url: str) -> int:
        """The mask of a URL; one that is new becomes a candidate, and the solve starts again."""
        if url in self.unsupported:
            return 0
        mask = self.url_mask(view, url)
        if mask:
            return mask
        try:
            source = parse_source(url)
            if source is None:
                file = direct_file(*parse_url(url))
            else:
                file = self._crawl.build(source, view.name)
                self._wheels[url] = file.url
        except ValueError as error:
            self.unsupported[url] = str(error)
            return 0
        except InvalidRequirement as error:
            self.unsupported[url] = error.reason
            return 0
        mask = view.url_mask(file.url)
        if not mask:
            self._crawl.add_direct(view.name, file)
            raise StartAgain
        return mask

    def _active(self, selection: Selection, index: int, extra: str) -> tuple[Dependency, ...]:
        if self.policy.no_deps:
            return ()
        return self.metadata(selection, index).dependencies(self.target, extra)

    def _is_alike(self, selection: Selection, index: int, needed: tuple[Dependency, ...]) -> bool:
        if not selection.selectable >> index & 1:
            return True
        metadata = selection.view.metadata[index]
        return metadata is not None and metadata.dependencies(self.target) == needed

    def _package(self, name: NormalizedName, extra: str) -> Package:
        package = f"{name}[{extra}]" if extra else name
        if package not in self._split:
            self._split[package] = (name, extra)
            self._order[package] = len(self._order)
        return package

    # Metadata

    def _is_usable(self, selection: Selection, index: int, mask: int) -> bool:
        """Whether a candidate's own metadata lets it be chosen; if not, it is out for good."""
        if selection.view.metadata[index] is None:
            self._read(selection, index, mask)
        reason = objection(selection.view, index, self.metadata(selection, index), self.target)
        if reason is not None:
            selection.refuse(index, reason)
        return reason is None

    def _read(self, selection: Selection, index: int, mask: int) -> None:
        """Read one candidate's metadata; after repeated misses that of the next ones too."""
        batch = _BATCHES[min(selection.misses, len(_BATCHES) - 1)]
        selection.misses += 1
        wanted = [index]
        rest = mask & ~(1 << index)
        while rest and len(wanted) < batch:
            other = selection.best(rest)
            rest &= ~(1 << other)
            # One that may have to be built is not read on the chance that it is needed
            if selection.view.metadata[other] is None and is_wheel(
                selection.view.files[other].filename
            ):
                wanted.append(other)
        self._crawl.need_metadata(selection.view, wanted)


def _narrow(needs: dict[Package, CandidateSet], package: Package, candidates: CandidateSet) -> None:
    known = needs.get(package)
    needs[package] = candidates if known is None else known & candidates
