"""A request's requirements become pins: one wheel for each distribution that is wanted."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from packaging.utils import NormalizedName
from packaging.version import Version

from linkd.core.formats import Formats
from linkd.core.listings import Listings
from linkd.core.target import Interpreter
from linkd.core.wheel import DistFile, Pin
from linkd.errors import HashMismatch, ResolutionLimit, UnhashedRequirement, Unsolvable
from linkd.resolve.admission import Grants, Policy, group_by_name
from linkd.resolve.crawl import Crawl, Interest, Memory
from linkd.resolve.explain import explain
from linkd.resolve.listing import Hashes
from linkd.resolve.metadata import is_pin
from linkd.resolve.proof import prereleases_left
from linkd.resolve.provider import Provider, StartAgain
from linkd.resolve.requirement import Asked, common_hashes, direct_file, direct_url
from linkd.resolve.solver import Conflict, Limits, Package, solve
from linkd.resolve.target_view import TargetView, target_view

_MAX_STARTS: Final = 200
"""Each start grants or bans a candidate or learns of a URL, so this many are not met honestly."""

_MAX_THREADS: Final = 8
"""Solves at once. Threads of their own: a solve waits for reading that may want one, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveRequest:
    """What is to be resolved."""

    requirements: tuple[Asked, ...]
    constraints: tuple[Asked, ...] = ()
    no_deps: bool = False
    prerelease: bool = False
    upgrade: bool | frozenset[NormalizedName] = False
    """Whether, or for which projects, what is installed is not preferred."""
    require_hashes: bool = False
    formats: Formats = field(default_factory=Formats)
    preferred: Mapping[NormalizedName, Version] = field(default_factory=dict)
    """What is installed and may stay: kept where it satisfies; where it is upgraded, only if
    nothing newer may be chosen."""

    def upgrades(self, name: NormalizedName) -> bool:
        return self.upgrade if isinstance(self.upgrade, bool) else name in self.upgrade


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The answer."""

    pins: tuple[Pin, ...]
    """Sorted by name."""
    warnings: tuple[str, ...] = ()
    """Sentences for the person who asked: extras that there are not, yanked releases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The answer, and all of the world that it may depend on."""

    resolution: Resolution
    projects: frozenset[NormalizedName]
    """Whose pages were read."""
    files: tuple[DistFile, ...]
    """Whose metadata was known."""
    built: bool
    """Whether something was built for it."""


class Resolver:
    """Resolves for any target; remembers what it has read between requests."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._memory = Memory()
        self._threads = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="resolve")

    async def resolve(
        self, request: ResolveRequest, interpreter: Interpreter, listings: Listings
    ) -> Resolution:
        """Find the pins. Raises as `resolve_traced`."""
        return (await self.resolve_traced(request, interpreter, listings)).resolution

    async def resolve_traced(
        self, request: ResolveRequest, interpreter: Interpreter, listings: Listings
    ) -> Resolved:
        """Find the pins, and tell what they were found from.

        Requirements of sources have been exchanged for those of the wheels that came of them.
        Raises ResolveError, FetchError, BuildError, RequestError, and BrokenWheel of a file that
        the request itself names.
        """
        target = target_view(interpreter)
        policy = _policy(request, target)
        interests = dict(_interests(policy))
        if request.require_hashes:
            _check_hashes_given(policy, interests)
        crawl = Crawl(listings, target, self._memory, interests, request.formats)
        try:
            solved = await self._solve(_Solving(crawl, target, policy, self._limits))
        except HashMismatch as error:
            raise _told(error, interests.values()) from error
        resolution = _Answer(solved, interests).resolution()
        if request.require_hashes:
            _check_all_hashed(resolution.pins)
        return Resolved(
            resolution=resolution,
            projects=frozenset(crawl.read),
            files=tuple(_files_known(crawl)),
            built=crawl.built,
        )

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False)

    async def _solve(self, solving: "_Solving") -> "_Solved":
        """Solve in a thread; nothing of it is left when this returns or is cancelled."""
        crawl = solving.crawl
        work: asyncio.Future[_Solved] | None = None
        try:
            crawl.start(asked.name for asked in solving.policy.roots)
            await crawl.settle()
            work = asyncio.get_running_loop().run_in_executor(self._threads, solving)
            return await asyncio.shield(work)
        finally:
            await crawl.close()
            if work is not None:
                await _ended(work)


@dataclass(frozen=True, slots=True)
class _Solved:
    pins: Mapping[Package, int]
    provider: Provider


@dataclass(frozen=True, slots=True)
class _Solving:
    """The part that runs in a thread."""

    crawl: Crawl
    target: TargetView
    policy: Policy
    limits: Limits

    def __call__(self) -> _Solved:
        grants = Grants()
        for _ in range(_MAX_STARTS):
            provider = Provider(self.crawl, self.target, self.policy, grants)
            try:
                pins = solve(provider, tuple(provider.roots()), self.limits, self.crawl.stop)
                if not provider.leaked(pins):
                    return _Solved(pins, provider)
            except StartAgain:
                continue
            except Conflict as conflict:
                if not provider.grant(prereleases_left(conflict.facts, provider)):
                    raise explain(conflict.facts, provider) from conflict
        raise ResolutionLimit(limit=f"{_MAX_STARTS} starts")


def _files_known(crawl: Crawl) -> Iterator[DistFile]:
    for project in (*crawl.projects.values(), *crawl.former):
        view = project.view
        for file, metadata in zip(view.files, view.metadata, strict=True):
            if metadata is not None:
                yield file


async def _ended(work: asyncio.Future[_Solved]) -> None:
    """Wait for the thread, whatever happens meanwhile; its outcome is not wanted any more."""
    while not work.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([work])
    if not work.cancelled():
        work.exception()


def _policy(request: ResolveRequest, target: TargetView) -> Policy:
    roots = tuple(_active(request.requirements, target))
    return Policy(
        roots=roots,
        roots_by_name=group_by_name(roots),
        constraints=group_by_name(_active(request.constraints, target)),
        preferred=request.preferred,
        upgraded=frozenset(filter(request.upgrades, request.preferred)),
        prerelease=request.prerelease,
        no_deps=request.no_deps,
    )


def _active(every: Iterable[Asked], target: TargetView) -> Iterator[Asked]:
    for asked in every:
        if asked.marker is None or target.marker_holds(asked.marker, str(asked.marker)):
            yield asked


def _interests(policy: Policy) -> Iterator[tuple[NormalizedName, Interest]]:
    for name in {*policy.roots_by_name, *policy.constraints, *policy.preferred}:
        asked = policy.asked(name)
        direct = {each.url: direct_file(each.url, each.hashes) for each in asked if each.url}
        yield (
            name,
            Interest(
                asked=asked,
                hashes=common_hashes(asked),
                direct=tuple(direct.values()),
                direct_only=bool(direct),
                preferred=None if name in policy.upgraded else policy.preferred.get(name),
            ),
        )


def _told(error: HashMismatch, interests: Iterable[Interest]) -> HashMismatch:
    """A file that the request itself names is read to resolve: its hash is the request's own."""
    for interest in interests:
        if any(file.filename == error.filename for file in interest.direct):
            return error.required_by(interest.hashes, interest.hashes_from)
    return error


def _check_hashes_given(policy: Policy, interests: Mapping[NormalizedName, Interest]) -> None:
    """With required hashes each requirement has some, and names one exact thing."""
    for asked in policy.roots:
        every = policy.asked(asked.name)
        if not any(each.url or is_pin(each.specifier) for each in every):
            reason = "hashes are required, so it must be pinned with =="
        elif not interests[asked.name].hashes:
            reason = "hashes are required, and it has none"
        else:
            continue
        raise UnhashedRequirement(requirement=asked.text, reason=reason, origin=asked.origin)


def _check_all_hashed(pins: Iterable[Pin]) -> None:
    missing = [f"{pin.name}=={pin.version}" for pin in pins if not pin.required_hashes]
    if missing:
        explanation = (
            "hashes are required, but these are wanted by other distributions and have none "
            f"in the requirements: {', '.join(missing)}"
        )
        raise Unsolvable(explanation=explanation)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was solved, in the words of those who asked."""

    solved: _Solved
    interests: Mapping[NormalizedName, Interest]

    def resolution(self) -> Resolution:
        pins: list[Pin] = []
        warnings: list[str] = []
        provider = self.solved.provider
        for package, index in self.solved.pins.items():
            name, extra = provider.split(package)
            if extra:
                warnings.extend(self._missing_extra(name, extra, index))
                continue
            pin = self._pin(name, index)
            pins.append(pin)
            if pin.file.yanked:
                reason = f": {pin.file.yanked}" if isinstance(pin.file.yanked, str) else ""
                warnings.append(f"{name} {pin.version} is yanked{reason}")
        pins.sort(key=lambda pin: pin.name)
        return Resolution(pins=tuple(pins), warnings=tuple(sorted(warnings)))

    def _pin(self, name: NormalizedName, index: int) -> Pin:
        provider = self.solved.provider
        view = provider.selection(name).view
        file = view.files[index]
        is_direct = index >= view.ordered
        interest = self.interests.get(name)
        hashes: Hashes = interest.hashes if interest is not None else {}
        if is_direct and not hashes:
            hashes = {algorithm: frozenset({each}) for algorithm, each in file.hashes.items()}
        return Pin(
            name=name,
            version=view.versions[index],
            file=file,
            requested=name in provider.policy.roots_by_name,
            direct_url=direct_url(file) if is_direct else None,
            required_hashes=hashes,
            hashes_from=interest.hashes_from if interest is not None else None,
        )

    def _missing_extra(self, name: NormalizedName, extra: str, index: int) -> Iterator[str]:
        provider = self.solved.provider
        selection = provider.selection(name)
        metadata = provider.metadata(selection, index)
        if extra not in metadata.extras and not metadata.dependencies(provider.target, extra):
            yield f"{name} {selection.view.versions[index]} has no extra {extra!r}"
