"""What is under way in which environment: who may go when, and who claims which paths.

Nothing is locked here but what must be: two requests that change the same distribution of the
same environment take turns. Besides that, a folder that one request may move out or exchange
*whole* is told to those that come later, who wait for that request if they have something to put
below it. Everything else runs at the same time.

What a request knows of the environment was read at the beginning of its turn. As long as anybody
is at work there, what has been committed since stands here and takes precedence over that.

Everything is changed in the event loop's thread alone. The threads that graft ask `Standing`; what
it looks at is replaced as a whole, never changed in place.
"""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from packaging.utils import NormalizedName

from linkd.core.wheel import StoredWheel
from linkd.link.footprint import Footprint, ancestors, shared_paths

Identity = tuple[int, int]
"""Device and inode of an environment's site-packages."""

Orphan = frozenset[str]
"""A file that nobody has any more, by the SHA-256 that it may have; empty if any."""

Correction = Mapping[str, StoredWheel | Orphan]
"""Whose content has to lie at a path, or that nothing has to."""


@dataclass(frozen=True, slots=True)
class _Present:
    """A distribution that was committed, or came back, while others were at work."""

    footprint: Footprint
    wheel: StoredWheel | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Standing:
    """One request's place among the others of its environment, while it grafts."""

    coming: Mapping[NormalizedName, Footprint]
    going: Mapping[NormalizedName, Footprint]
    staying: Mapping[NormalizedName, Footprint]
    """Installed and not changed by this request, as read within its turn."""
    wheels: Mapping[NormalizedName, StoredWheel]
    """Where the content of what comes is."""
    site: str = ""
    """Site-packages relative to the prefix. A folder may be an environment's site-packages and a
    placement's prefix: then two requests have different names for the same paths."""
    reserved: frozenset[str] = frozenset()
    """Tops below which this request may move and exchange folders whole."""
    left: set[str] = field(default_factory=set)
    """Paths of what went that stayed because somebody else needed them."""
    done: asyncio.Event = field(default_factory=asyncio.Event)
    environment: "_Environment | None" = None
    """Set by the ledger; without it nobody else is at work."""
    _by_top: dict[str, list[NormalizedName]] | None = None

    def needed_by_others(self, path: str) -> bool:
        """Whether a distribution that this request does not change has the path too.

        What somebody else is just removing has it until that is done: it may be undone.
        """
        if any(path in footprint.paths for _, footprint in self._others_near(path)):
            return True
        return self.environment is not None and self.environment.flying(path, self)

    def was_recorded(self, path: str) -> bool:
        """Whether any distribution has had the path since the first of those at work began.

        What lies there is then some distribution's, even if that has gone by now.
        """
        near = (
            self.staying[name]
            for top in (path, *ancestors(path))
            for name in self.read_tops().get(top, ())
        )
        seen = self.environment.seen if self.environment is not None else ()
        return self.needed_by_others(path) or any(
            path in footprint.paths for footprint in (*near, *seen)
        )

    def alone(self, folder: str) -> bool:
        """Whether the folder is below something that only this request's distributions have."""
        return folder in self.reserved or any(top in self.reserved for top in ancestors(folder))

    def holders(self, path: str) -> set[NormalizedName]:
        """Who else has the path and is there to stay."""
        return {name for name, footprint in self._others_near(path) if path in footprint.paths}

    def has(self, path: str, *, committed: bool) -> bool:
        """Whether a distribution of this request has the path in the end."""
        own = self.coming if committed else self.going
        return any(path in footprint.paths for footprint in own.values())

    def read_tops(self) -> Mapping[str, list[NormalizedName]]:
        """Who stays, by tops. Reads every RECORD the first time."""
        if self._by_top is None:
            by_top = defaultdict(list)
            for name in self.staying.keys() - self.coming.keys() - self.going.keys():
                for top in self.staying[name].tops:
                    by_top[top].append(name)
            self._by_top = by_top
        return self._by_top

    def _others_near(self, path: str) -> Iterator[tuple[NormalizedName, Footprint]]:
        """Who stays or was committed meanwhile, and has something below one of its folders."""
        changed = self.environment.changed if self.environment is not None else {}
        by_top = self.read_tops()
        tops = (path, *ancestors(path))
        for top in tops:
            for name in by_top.get(top, ()):
                if name not in changed:
                    yield name, self.staying[name]
        for name, present in changed.items():
            if present is None or name in self.coming or name in self.going:
                continue
            if not present.footprint.tops.isdisjoint(tops):
                yield name, present.footprint


@dataclass(slots=True)
class _Environment:
    turns: dict[NormalizedName, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )
    waiting: Counter[NormalizedName] = field(default_factory=Counter)
    standings: tuple[Standing, ...] = ()
    changed: Mapping[NormalizedName, _Present | None] = field(default_factory=dict)
    """What was committed since the first of those who are at work began; None is gone."""
    seen: tuple[Footprint, ...] = ()
    """Of all that came or went in this time."""
    contested: dict[str, set[NormalizedName]] = field(default_factory=dict)
    """Paths that requests under way at the same time bring with different content."""
    left: dict[str, Orphan] = field(default_factory=dict)
    """Paths whose last owner may yet turn out to be gone."""
    settling: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def idle(self) -> bool:
        return not self.waiting and not self.standings

    def flying(self, path: str, asking: Standing) -> bool:
        """Whether something that comes or goes in another request has the path."""
        tops = {path, *ancestors(path)}
        return any(
            path in footprint.paths
            for standing in self.standings
            if standing is not asking
            for footprint in (*standing.coming.values(), *standing.going.values())
            if not footprint.tops.isdisjoint(tops)
        )

    def enter(self, standing: Standing) -> None:
        standing.environment = self
        standing.reserved = self._reservable(standing)
        self._note_contests(standing)
        self.standings += (standing,)

    def leave(self, standing: Standing, *, committed: bool) -> None:
        if standing not in self.standings:
            return
        self.standings = tuple(other for other in self.standings if other is not standing)
        if committed:
            now: dict[NormalizedName, _Present | None] = dict.fromkeys(standing.going)
            for name, footprint in standing.coming.items():
                now[name] = _Present(footprint, standing.wheels[name])
            self.left.update(dict.fromkeys(standing.left, Orphan()))
        else:
            # Who read the environment meanwhile has not seen them.
            now = {name: _Present(footprint) for name, footprint in standing.going.items()}
            self._leave_to_others(standing)
        self.changed = {**self.changed, **now}
        self.seen += (*standing.coming.values(), *standing.going.values())

    def blocker(self, standing: Standing) -> Standing | None:
        """Who has reserved something below which this one has to put files, or names it otherwise."""
        tops = frozenset().union(*(footprint.tops for footprint in standing.coming.values()))
        return next(
            (
                other
                for other in self.standings
                if other.site != standing.site or not tops.isdisjoint(other.reserved)
            ),
            None,
        )

    def corrections(self, standing: Standing, *, committed: bool) -> Correction:
        """What has to be put right after a request that has just left."""
        own = standing.coming.keys() | standing.going.keys()
        right: dict[str, StoredWheel | Orphan] = {}
        for path, rivals in self.contested.items():
            if not rivals.isdisjoint(own):
                committed_rivals = {name for name in rivals if self._has(name, path)}
                winner = max(committed_rivals | standing.holders(path), default=None)
                kept = self.changed.get(winner) if winner is not None else None
                if kept is not None and kept.wheel is not None:
                    right[path] = kept.wheel
        self._forget_contests()
        for path in [path for path in self.left if not self.flying(path, standing)]:
            orphan = self.left.pop(path)
            if not standing.holders(path) and not standing.has(path, committed=committed):
                right[path] = orphan
        return right

    def _leave_to_others(self, standing: Standing) -> None:
        """Paths of a request that failed: while others bring them too, whose is there is open."""
        for footprint in standing.coming.values():
            for path, sha256 in footprint.paths.items():
                if sha256 is not None and self.flying(path, standing):
                    known = self.left.get(path)
                    if known != Orphan():
                        self.left[path] = (known or Orphan()) | {sha256}

    def _has(self, name: NormalizedName, path: str) -> bool:
        present = self.changed.get(name)
        return present is not None and path in present.footprint.paths

    def _forget_contests(self) -> None:
        flying = {name for standing in self.standings for name in standing.coming}
        for path, rivals in list(self.contested.items()):
            if rivals.isdisjoint(flying):
                del self.contested[path]

    def _note_contests(self, standing: Standing) -> None:
        rivals = [item for other in self.standings for item in other.coming.items()]
        rivals += [
            (name, present.footprint)
            for name, present in self.changed.items()
            if present is not None and name not in standing.going and name not in standing.coming
        ]
        for name, footprint in standing.coming.items():
            for rival, rivals_footprint in rivals:
                for path in shared_paths(footprint, rivals_footprint):
                    content = footprint.paths[path]
                    if content is None or content != rivals_footprint.paths[path]:
                        self.contested.setdefault(path, set()).update((name, rival))

    def _reservable(self, standing: Standing) -> frozenset[str]:
        if not standing.going:
            return frozenset()
        own = {top for footprint in standing.going.values() for top in footprint.tops}
        taken = {
            top
            for other in self.standings
            for footprint in (*other.coming.values(), *other.going.values())
            for top in footprint.tops
        }
        taken.update(
            top
            for top, names in standing.read_tops().items()
            if any(name not in self.changed for name in names)
        )
        for name, present in self.changed.items():
            if present is not None and name not in standing.going:
                taken |= present.footprint.tops
        return frozenset(own - taken)


class Ledger:
    """The daemon's one."""

    def __init__(self) -> None:
        self._environments: dict[Identity, _Environment] = {}

    @contextlib.asynccontextmanager
    async def turn(
        self, identity: Identity, names: Collection[NormalizedName]
    ) -> AsyncIterator[None]:
        """Wait until nobody else changes one of these distributions of this environment."""
        environment = self._environments.setdefault(identity, _Environment())
        environment.waiting.update(names)
        try:
            async with contextlib.AsyncExitStack() as stack:
                # Sorted, so that two requests cannot wait for each other.
                for name in sorted(names):
                    await stack.enter_async_context(environment.turns[name])
                yield
        finally:
            environment.waiting.subtract(names)
            environment.waiting = +environment.waiting
            for name in names:
                if name not in environment.waiting:
                    environment.turns.pop(name, None)
            self._forget_idle(identity)

    @contextlib.asynccontextmanager
    async def stand(self, identity: Identity, standing: Standing) -> AsyncIterator[None]:
        """Claim what comes and goes, first waiting for those who have reserved a part of it.

        To be entered within the turn of the distributions.
        """
        if standing.going:
            await asyncio.to_thread(standing.read_tops)
        environment = self._environments.setdefault(identity, _Environment())
        while blocker := environment.blocker(standing):
            await blocker.done.wait()
        environment.enter(standing)
        try:
            yield
        finally:
            environment.leave(standing, committed=False)
            standing.done.set()
            self._forget_idle(identity)

    @contextlib.asynccontextmanager
    async def settling(
        self, identity: Identity, standing: Standing, *, committed: bool
    ) -> AsyncIterator[Correction]:
        """What has to be put right where several brought, or removed, one path at once.

        Of those who have committed, the content of the one whose name sorts last has to lie there,
        whoever came first; what nobody has any more has to go. To be entered at the end of every
        request, before its standing ends; one at a time.
        """
        environment = self._environments[identity]
        async with environment.settling:
            environment.leave(standing, committed=committed)
            yield environment.corrections(standing, committed=committed)

    def _forget_idle(self, identity: Identity) -> None:
        environment = self._environments.get(identity)
        if environment is not None and environment.idle:
            del self._environments[identity]
