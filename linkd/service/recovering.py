"""Undoes what was cut off when a daemon was killed, before anybody looks at the environment again."""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar, TypeVarTuple

import structlog
from packaging.utils import NormalizedName

from linkd.core.target import Placement, Target
from linkd.errors import LinkdError, RecoveryFailed, reason_of
from linkd.link.change import Change
from linkd.link.cooperation import shared_lock
from linkd.link.footprint import Roots, StayingFootprint
from linkd.link.journal import Entries, Forgets, Purpose, read_journal
from linkd.link.ledger import Standing
from linkd.link.recovery import Undone, Whereabouts, find_crashed, undo, whereabouts
from linkd.link.settling import find_wrong, settle
from linkd.link.shared import Shared
from linkd.link.workspace import Workspaces
from linkd.service.inheritance import Inheritance
from linkd.service.ports import Probing
from linkd.venv.installed import read_installed

KEEP_S: Final = 30 * 24 * 3600.0
"""How long what was cut off waits for an environment that is not there."""

_Birth = tuple[int, int]
"""Inode and time of birth of an environment's site-packages: the same under every path."""

_NAMED: Final = 3
"""Distributions that are told by name."""

_log = structlog.get_logger(__name__)

R = TypeVar("R")
Ts = TypeVarTuple("Ts")


class Recovery:
    """Belongs to one event loop, and to the daemon that holds the cache."""

    def __init__(
        self,
        workspaces: Workspaces,
        executor: Executor,
        *,
        prober: Probing,
        inheritance: Inheritance,
        fleeting: str,
    ) -> None:
        """What lies below the folder `fleeting` is not worth recovering: it is removed anyway."""
        self._workspaces = workspaces
        self._executor = executor
        self._prober = prober
        self._inheritance = inheritance
        self._fleeting = os.path.join(fleeting, "")
        self._crashed: dict[_Birth, list[Entries]] = {}
        self._running: dict[_Birth, asyncio.Task[None]] = {}
        self._news: defaultdict[_Birth, list[str]] = defaultdict(list)

    @property
    def pending(self) -> int:
        """Environments that are being put right."""
        return len(self._running)

    async def start(self) -> None:
        """Find what was cut off, before the first request; begin to undo it. Raises CacheUnusable."""
        for entries in await asyncio.to_thread(self._find):
            birth = (entries.place.inode, entries.place.born_ns)
            self._crashed.setdefault(birth, []).append(entries)
        for birth, crashed in list(self._crashed.items()):
            if await asyncio.to_thread(_whereabouts, crashed[0]) is Whereabouts.THERE:
                _ = self._begin(birth, crashed[0].place.prefix)

    async def close(self) -> None:
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def ready(self, prefix: str, site: str) -> None:
        """Wait until nothing is half-done in an environment. Raises RecoveryFailed, EnvironmentBusy."""
        if not self._crashed:
            return
        birth = await asyncio.to_thread(self._birth, prefix, site)
        # It may have been put right while it was looked for.
        if birth in self._crashed:
            await asyncio.shield(self._begin(birth, prefix))

    def news(self, target: Target) -> tuple[str, ...]:
        """What was undone in an environment; told once."""
        if not self._news:
            return ()
        told = [birth for birth in self._news if birth[0] == target.identity[1]]
        return tuple(text for birth in told for text in self._news.pop(birth))

    def _birth(self, prefix: str, site: str) -> _Birth | None:
        """Of the environment, if something was cut off in it."""
        for birth, crashed in list(self._crashed.items()):
            place = replace(crashed[0].place, prefix=prefix, site=site)
            if _whereabouts(replace(crashed[0], place=place)) is Whereabouts.THERE:
                return birth
        return None

    def _begin(self, birth: _Birth, prefix: str) -> asyncio.Task[None]:
        task = self._running.get(birth)
        if task is None:
            task = self._running[birth] = asyncio.create_task(self._recover(birth, prefix))
            task.add_done_callback(lambda _: self._running.pop(birth))
            task.add_done_callback(_tell_failure)
        return task

    async def _recover(self, birth: _Birth, prefix: str) -> None:
        found = self._crashed[birth]
        async with shared_lock(prefix):
            crashed = await self._in_thread(_at, found, prefix)
            undone = await self._in_thread(_undo, crashed)
            await self._settle(prefix, crashed, undone)
            for entries in crashed:
                await self._in_thread(self._workspaces.clear_away, entries)
        del self._crashed[birth]
        for entries in crashed:
            steps = undone.steps[entries.folder]
            if steps and entries.purpose is not None:
                text = _story(entries.purpose)
                _log.warning("undone", environment=prefix, steps=steps, detail=text)
                self._news[birth].append(text)

    async def _settle(self, prefix: str, crashed: Sequence[Entries], undone: Undone) -> None:
        """Have each file that was to come or go, and others have or had too, as its owner has it.

        Others may have come and gone while the transaction was under way.
        """
        try:
            target = await self._prober.probe(prefix)
            await asyncio.to_thread(self._remember, target, crashed)
            shared = await self._in_thread(_shared, target, undone, _going(crashed))
            if not shared:
                return
            wrong = await self._in_thread(find_wrong, target, shared)
            corrections, warnings = await self._inheritance.contents(target, wrong)
            standing = Standing(coming={}, going={}, staying={}, wheels={})
            change = Change(target=target)
            await self._in_thread(settle, change, standing, corrections, self._workspaces)
        except LinkdError as error:
            warnings = [error.detail]
        for warning in warnings:
            _log.warning("not settled", environment=prefix, detail=warning)

    def _remember(self, target: Target, crashed: Sequence[Entries]) -> None:
        """Of those that are back, what was forgotten when they had gone."""
        back = {
            name: sha256
            for entries in crashed
            for intention in entries.intentions
            if isinstance(intention, Forgets)
            for name, sha256 in intention.origins
        }
        if back:
            self._inheritance.memory.remember_installed(target.identity, back, ())

    def _find(self) -> list[Entries]:
        crashed, leftovers = find_crashed(self._workspaces.pool)
        for folder in leftovers:
            self._workspaces.sweep(folder)
        return [entries for entries in crashed if self._is_worth_it(entries)]

    def _is_worth_it(self, entries: Entries) -> bool:
        """Whether something has to be undone, and may be some day. Of the rest nothing is left."""
        is_fleeting = entries.place.prefix.startswith(self._fleeting)
        where = _whereabouts(entries)
        if where is Whereabouts.ABSENT and not is_fleeting:
            useless = os.stat(entries.folder).st_mtime < time.time() - KEEP_S
        else:
            useless = is_fleeting or entries.ended or where is Whereabouts.REPLACED
        if useless:
            self._workspaces.clear_away(entries)
        return not useless

    async def _in_thread(self, function: Callable[[*Ts], R], *arguments: *Ts) -> R:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, partial(function, *arguments))


def _tell_failure(task: asyncio.Task[None]) -> None:
    """Nobody may have waited for it. Whoever comes next tries again."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("not undone", detail=str(error))


def _whereabouts(entries: Entries) -> Whereabouts:
    try:
        return whereabouts(entries)
    except OSError:
        return Whereabouts.ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """Probes environments once nothing is half-done in them any more."""

    prober: Probing
    recovery: Recovery

    async def probe(self, environment: str, placement: Placement | None = None) -> Target:
        """Raises TargetError."""
        target = await self.prober.probe(environment, placement)
        await self.recovery.ready(str(target.prefix), _site(target))
        return target


def _site(target: Target) -> str:
    return os.path.relpath(target.site_packages, target.prefix)


def _at(found: Sequence[Entries], prefix: str) -> list[Entries]:
    """The journals with the paths that their environment has now."""
    try:
        read = [read_journal(entries.folder, prefix) for entries in found]
    except (OSError, ValueError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        raise RecoveryFailed(environment=prefix, path="", reason=reason) from error
    return [entries for entries in read if entries is not None]


def _undo(crashed: Sequence[Entries]) -> Undone:
    prefix = crashed[0].place.prefix
    try:
        return undo(crashed)
    except OSError as error:
        path = str(error.filename or "")
        raise RecoveryFailed(environment=prefix, path=path, reason=reason_of(error)) from error


def _going(crashed: Sequence[Entries]) -> frozenset[str]:
    purposes = [entries.purpose for entries in crashed if entries.purpose is not None]
    return frozenset(name for purpose in purposes for name, _ in purpose.going)


def _shared(target: Target, undone: Undone, went: Collection[str]) -> tuple[Shared, ...]:
    """The files that were to come or go and that are known with different contents.

    And those that were left for the transaction, and that nobody has.
    """
    roots = Roots.of(target)
    have: defaultdict[str, dict[NormalizedName, str | None]] = defaultdict(dict)
    installed = {
        name: StayingFootprint(distribution, target, roots).paths
        for name, distribution in read_installed(target).items()
    }
    concerned = set(undone.contents).union(undone.inherited)
    concerned.update(path for name in installed.keys() & went for path in installed[name])
    for name, paths in installed.items():
        for path in paths.keys() & concerned:
            have[path][name] = paths[path]
    found = (_contested(path, have[path], undone) for path in sorted(have))
    ownerless = (_ownerless(path) for path in sorted(undone.inherited - have.keys()))
    return (*(one for one in found if len(one.contents) > 1), *ownerless)


def _ownerless(path: str) -> Shared:
    return Shared(
        path=path, owner=None, sha256=None, wheel=None, contents=frozenset(), removed=True
    )


def _contested(path: str, have: Mapping[NormalizedName, str | None], undone: Undone) -> Shared:
    brought = undone.contents.get(path, frozenset()) | undone.inherited.get(path, frozenset())
    owner = max(have)
    return Shared(
        path=path,
        owner=owner,
        sha256=have[owner],
        wheel=None,
        contents=brought.union(have.values()),
        removed=False,
    )


def _story(purpose: Purpose) -> str:
    what = "install" if purpose.coming else "uninstall"
    names = [f"{one.name} {one.version}" for one in purpose.coming]
    names = names or [f"{name} {version}" for name, version in purpose.going]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(purpose.began))
    return f"an {what} of {', '.join(names[:_NAMED])}{more} was cut off at {when} and was undone"
