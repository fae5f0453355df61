"""What is under way in which environment: who may go when, and who claims which paths.

Nothing is locked here but what must be: two requests that change the same distribution of the
same environment take turns. Besides that, a folder that one request may move out or exchange
*whole* is told to those that come later, who wait for that request if they have something to put
below it. Everything else runs at the same time.

What a request knows of the environment was read at the beginning of its turn. As long as anybody
is at work there, what has been committed since stands here and takes precedence over that.

A path that several have is put right by each of them at its end, one after the other: whoever is
the last to touch it sees what has become of all the others.

Everything is changed in the event loop's thread alone. The threads that graft ask `Standing`; what
it looks at is replaced as a whole, never changed in place.
"""

import asyncio
import contextlib
import threading
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from packaging.utils import NormalizedName

from linkd.core.wheel import StoredWheel
from linkd.link.footprint import Footprint, ancestors, same_content, shared_paths
from linkd.link.journal import Inherits, Journal
from linkd.link.shared import Shared

Identity = tuple[int, int]
"""Device and inode of an environment's site-packages."""
Contents = frozenset[str | None]
"""What those who have a path record for it."""


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
    done: asyncio.Event = field(default_factory=asyncio.Event)
    environment: "_Environment | None" = None
    """Set by the ledger; without it nobody else is at work."""
    _journal: Journal | None = None
    _inherited: list[Inherits] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _by_top: dict[str, list[NormalizedName]] | None = None

    def needed_by_others(self, path: str) -> bool:
        """Whether a distribution that this request does not change has the path too.

        What somebody else is just removing has it until that is done: it may be undone.
        """
        if any(path in footprint.paths for _, footprint in self._others_near(path)):
            return True
        return self.environment is not None and self.environment.flying(path, self)

    def left_to_others(self, paths: Iterable[str]) -> set[str]:
        """Of the paths that this request would remove, those that others need.

        Those who are just at work there have it on record, before this request ends: should they
        be killed, nobody else would know that what lies there was a distribution's.
        """
        needed = {path for path in paths if self.needed_by_others(path)}
        if needed and self.environment is not None:
            own = self.own()
            self.environment.leave_behind(
                {
                    path: frozenset(it.paths[path] for _, it in own if path in it.paths)
                    for path in needed
                },
                self,
            )
        return needed

    def keep_journal(self, journal: Journal) -> None:
        """From now on what this request inherits goes on record. Raises OSError."""
        with self._guard:
            self._journal = journal
            if self._inherited:
                journal.tell(self._inherited)

    def inherit(self, files: Mapping[str, Contents]) -> None:
        """Raises OSError where that cannot be put on record."""
        inherited = [Inherits(path, tuple(files[path])) for path in sorted(files)]
        with self._guard:
            self._inherited += inherited
            if self._journal is not None:
                # Without its journal's folder it has ended, and settled what it inherited.
                with contextlib.suppress(FileNotFoundError):
                    self._journal.tell(inherited)

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
            path in footprint.paths for footprint in (*near, *(it for _, it in seen))
        )

    def alone(self, folder: str) -> bool:
        """Whether the folder is below something that only this request's distributions have."""
        return folder in self.reserved or any(top in self.reserved for top in ancestors(folder))

    def own(self) -> tuple[tuple[NormalizedName, Footprint], ...]:
        """What it brings and what it takes away."""
        return (*self.coming.items(), *self.going.items())

    def stayed(self, tops: Iterable[str]) -> Iterator[tuple[NormalizedName, Footprint]]:
        """Those near the tops whom it found installed, and whom nobody has changed since."""
        changed = self.environment.changed if self.environment is not None else {}
        by_top = self.read_tops()
        near = {name for top in tops for name in by_top.get(top, ())}
        for name in near - changed.keys():
            yield name, self.staying[name]

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
        tops = (path, *ancestors(path))
        yield from self.stayed(tops)
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
    seen: tuple[tuple[NormalizedName, Footprint], ...] = ()
    """Of all that came or went in this time, also in requests that failed."""
    removed: tuple[Footprint, ...] = ()
    """Of what was uninstalled or replaced in this time."""
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

    def leave_behind(self, files: Mapping[str, Contents], leaving: Standing) -> None:
        """Have those at work inherit what they have too. Raises OSError."""
        for standing in self.standings:
            if standing is not leaving:
                footprints = [footprint for _, footprint in standing.own()]
                have = [path for path in files if any(path in it.paths for it in footprints)]
                if have:
                    standing.inherit({path: files[path] for path in have})

    def enter(self, standing: Standing) -> None:
        standing.environment = self
        standing.reserved = self._reservable(standing)
        self.standings += (standing,)

    def leave(self, standing: Standing, *, committed: bool) -> None:
        if standing not in self.standings:
            return
        self.standings = tuple(other for other in self.standings if other is not standing)
        # Who read the environment meanwhile may have seen what is undone, and not what is back.
        came, went = standing.coming, standing.going
        if not committed:
            came, went = went, came
        now: dict[NormalizedName, _Present | None] = dict.fromkeys(went)
        for name, footprint in came.items():
            now[name] = _Present(footprint, standing.wheels[name] if committed else None)
        self.changed = {**self.changed, **now}
        self.seen += standing.own()
        if committed:
            self.removed += (*standing.going.values(),)

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

    def shared(self, standing: Standing) -> tuple[Shared, ...]:
        """The paths of a request that has just left which may not be as they have to be.

        With nobody else at work, those are what it took away and others have with other content.
        """
        rivals = self._rivals(standing)
        paths = {
            path
            for name, footprint in standing.own()
            for rival, other in rivals
            if rival != name
            for path in shared_paths(footprint, other)
        }
        paths.update(
            path
            for footprint in standing.going.values()
            for _, other in standing.stayed(footprint.tops)
            for path in shared_paths(footprint, other)
            if not same_content(path, (footprint, other))
        )
        concerned = [it for _, it in (*rivals, *standing.own())]
        found = [self._shared(path, standing, concerned) for path in sorted(paths)]
        # What nobody has is left to those who bring or remove it just now.
        left = {
            one.path: one.contents
            for one in found
            if one.owner is None and self.flying(one.path, standing)
        }
        # All is done by now: that it cannot be put on record matters only if somebody is killed.
        with contextlib.suppress(OSError):
            self.leave_behind(left, standing)
        return tuple(one for one in found if one.path not in left)

    def _rivals(self, standing: Standing) -> list[tuple[NormalizedName, Footprint]]:
        """All others that have come or gone since the first of those at work began, or do now."""
        own = {id(footprint) for _, footprint in standing.own()}
        everybody = (*self.seen, *(one for other in self.standings for one in other.own()))
        return [one for one in everybody if id(one[1]) not in own]

    def _shared(self, path: str, standing: Standing, concerned: Collection[Footprint]) -> Shared:
        have = {
            name: _Present(footprint)
            for name, footprint in standing.stayed((path, *ancestors(path)))
            if path in footprint.paths
        }
        have.update(
            (name, present)
            for name, present in self.changed.items()
            if present is not None and path in present.footprint.paths
        )
        owner = max(have, default=None)
        recorded = (*concerned, *(present.footprint for present in have.values()))
        return Shared(
            path=path,
            owner=owner,
            sha256=None if owner is None else have[owner].footprint.paths[path],
            wheel=None if owner is None else have[owner].wheel,
            contents=frozenset(it.paths[path] for it in recorded if path in it.paths),
            removed=any(path in it.paths for it in self.removed),
        )

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
    ) -> AsyncIterator[tuple[Shared, ...]]:
        """The paths to look at because others brought or removed them too, or stay with them.

        To be entered at the end of every request, before its standing ends; one at a time.
        """
        environment = self._environments[identity]
        async with environment.settling:
            environment.leave(standing, committed=committed)
            alone = not standing.going and len(environment.seen) == len(standing.own())
            if alone and not environment.standings:
                yield ()
            else:
                yield await asyncio.to_thread(environment.shared, standing)

    def _forget_idle(self, identity: Identity) -> None:
        environment = self._environments.get(identity)
        if environment is not None and environment.idle:
            del self._environments[identity]
