"""Carries out one environment's plan: takes its turn, claims its paths, grafts, and settles.

Shared by every use case that changes an environment. The plan is made again when the turn has
come, because others may have changed the same distributions meanwhile.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar, TypeVarTuple

import structlog
from packaging.utils import NormalizedName

from linkd.core.bytecode import BytecodeWish
from linkd.core.installed import InstalledDistribution
from linkd.core.progress import Reporter
from linkd.core.receipt import Collision
from linkd.core.target import SchemeKey, Target
from linkd.core.wheel import StoredWheel
from linkd.errors import CacheUnusable, CollisionRefused, LinkdError, reason_of
from linkd.link.change import Addition, Change, Outcome
from linkd.link.collisions import find_collisions
from linkd.link.cooperation import shared_lock
from linkd.link.footprint import RecordedFootprint, Roots, StayingFootprint, WheelFootprint
from linkd.link.journal import Forgets, Journal
from linkd.link.ledger import Ledger, Standing
from linkd.link.modes import LinkPolicy
from linkd.link.pool import Order
from linkd.link.settling import contested, find_wrong, settle
from linkd.link.shared import Shared
from linkd.link.stage import Marks
from linkd.link.stager import Stager
from linkd.link.transaction import Course, carry_out
from linkd.link.workspace import Workspace
from linkd.service.inheritance import Inheritance
from linkd.service.ports import Anticipating, Compiling, Finding, Installed, Remembering

_log = structlog.get_logger(__name__)

R = TypeVar("R")
Ts = TypeVarTuple("Ts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What shall be done to an environment, all of it ready."""

    target: Target
    installed: Installed
    additions: tuple[tuple[StoredWheel, Marks], ...] = ()
    removals: tuple[InstalledDistribution, ...] = ()
    policy: LinkPolicy = field(default_factory=LinkPolicy)
    bytecode: BytecodeWish = BytecodeWish.AUTO
    refuse_collisions: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    outcome: Outcome
    collisions: tuple[Collision, ...]
    warnings: tuple[str, ...] = ()


class Changer:
    """Grafts intents; the only user of the transaction."""

    def __init__(
        self,
        ledger: Ledger,
        stager: Stager,
        ahead: Anticipating,
        compiling: Compiling,
        executor: Executor,
        *,
        memory: Remembering,
        store: Finding,
    ) -> None:
        self.ledger = ledger
        self.ahead = ahead
        self.compiling = compiling
        self._stager = stager
        self._executor = executor
        self._memory = memory
        self._inheritance = Inheritance(memory=memory, store=store)

    @contextlib.asynccontextmanager
    async def turn(self, target: Target, names: Collection[NormalizedName]) -> AsyncIterator[None]:
        """Within it nobody else changes these distributions, and uv nothing at all.

        What is installed has to be read within it: either may have changed that before. Raises
        EnvironmentBusy.
        """
        async with self.ledger.turn(target.identity, names), shared_lock(str(target.prefix)):
            yield

    async def change(self, intent: Intent, reporter: Reporter) -> Changed:
        """Do it, whole or not at all. To be called within the turn of the distributions.

        Once the first file may have moved, cancelling waits for the end.
        """
        standing = _standing(intent)
        collisions = await self._in_thread(_collisions, intent, standing)
        change = Change(
            target=intent.target,
            additions=tuple(self._additions(intent, collisions)),
            removals=intent.removals,
            collisions=collisions,
            policy=intent.policy,
        )
        orders: tuple[Order, ...] = ()
        try:
            async with self.ledger.stand(intent.target.identity, standing):
                outcome, warnings = await self._carry_out(change, standing, reporter)
            orders = outcome.orders
        finally:
            # What a request took that failed is made again, too.
            self.ahead.want(orders)
        if intent.bytecode is not BytecodeWish.OFF:
            wheels = (wheel for wheel, _ in intent.additions)
            self.compiling.want(wheels, intent.target.interpreter)
        return Changed(outcome=outcome, collisions=collisions, warnings=warnings)

    def _additions(self, intent: Intent, collisions: Iterable[Collision]) -> Iterator[Addition]:
        """With their bytecode, as far as it is wanted and ready.

        Who shares a module comes without: one file of bytecode cannot be valid for the sources of
        several, and each one's RECORD would name it.
        """
        sharing = {
            name
            for collision in collisions
            if collision.path.endswith(".py")
            for name in collision.distributions
        }
        cache_tag = intent.target.interpreter.cache_tag
        for wheel, marks in intent.additions:
            is_off = intent.bytecode is BytecodeWish.OFF or wheel.manifest.name in sharing
            wanted = None if is_off else cache_tag
            ready = wanted and self._stager.bytecode.is_ready(wheel.manifest.sha256, cache_tag)
            yield Addition(
                wheel=wheel, marks=marks, bytecode=wanted if ready else None, awaited=wanted
            )

    async def _carry_out(
        self, change: Change, standing: Standing, reporter: Reporter
    ) -> tuple[Outcome, tuple[str, ...]]:
        course = Course()
        work = asyncio.ensure_future(
            self._in_thread(carry_out, change, standing, self._stager, reporter, course)
        )
        warnings: tuple[str, ...] = ()
        try:
            outcome = await _uninterrupted(work, course.stop)
        finally:
            # A cancelled request may have been carried out all the same.
            committed = not work.cancelled() and work.exception() is None
            # What is booked and settled half would be wrong for all others.
            ending = self._end(change, standing, course.workspace, committed=committed)
            warnings = await _uninterrupted(asyncio.ensure_future(ending))
        return outcome, warnings

    async def _end(
        self, change: Change, standing: Standing, workspace: Workspace | None, *, committed: bool
    ) -> tuple[str, ...]:
        journal = workspace.journal if workspace is not None and committed else None
        try:
            return await self._settle(change, standing, journal)
        finally:
            await self._discard(workspace)

    async def _discard(self, workspace: Workspace | None) -> None:
        if workspace is None:
            return
        if workspace.in_cache:  # no more than a rename
            self._stager.workspaces.discard(workspace)
        else:
            await self._in_thread(self._stager.workspaces.discard, workspace)

    async def _settle(
        self, change: Change, standing: Standing, journal: Journal | None
    ) -> tuple[str, ...]:
        """Put shared paths right, after what others did meanwhile and for those who remain.

        `journal` is that of a request that has been carried out.

        The request has been carried out or undone by now: what goes wrong here is told, and
        changes nothing of that.
        """
        warnings: list[str] = []
        identity = change.target.identity
        committed = journal is not None
        async with self.ledger.settling(identity, standing, committed=committed) as shared:
            if journal is not None:
                # Before anything is put right: who settles later finds its contents by this.
                try:
                    await asyncio.to_thread(self._remember, change, journal)
                except LinkdError as error:
                    _log.warning("not remembered", code=error.code, detail=error.detail)
                    warnings.append(f"what was done could not be remembered: {error.detail}")
            try:
                warnings += await self._put_right(change, standing, shared)
            except (LinkdError, OSError) as error:
                detail = error.detail if isinstance(error, LinkdError) else reason_of(error)
                _log.warning("not settled", detail=detail)
                warnings.append(f"files that several distributions share: {detail}")
        return tuple(warnings)

    async def _put_right(
        self, change: Change, standing: Standing, shared: tuple[Shared, ...]
    ) -> list[str]:
        if not shared:
            return []
        wrong = await self._in_thread(find_wrong, change.target, shared)
        corrections, warnings = await self._inheritance.contents(change.target, wrong)
        modules = contested(shared)
        if corrections or modules:
            await self._in_thread(
                settle, change, standing, corrections, self._stager.workspaces, modules
            )
        return warnings

    def _remember(self, change: Change, journal: Journal) -> None:
        target = change.target
        gone = [gone.name for gone in change.removals]
        origins = {name: self._memory.installed_from(target.identity, name) for name in gone}
        known = tuple((name, sha256) for name, sha256 in origins.items() if sha256 is not None)
        if known:
            try:
                journal.tell([Forgets(known)])
            except OSError as error:
                raise CacheUnusable(path=journal.folder, reason=reason_of(error)) from error
        self._memory.remember_environment(str(target.prefix), target.identity)
        self._memory.remember_installed(
            target.identity,
            {addition.name: addition.wheel.manifest.sha256 for addition in change.additions},
            gone,
        )

    async def _in_thread(self, function: Callable[[*Ts], R], *arguments: *Ts) -> R:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, partial(function, *arguments))


def _standing(intent: Intent) -> Standing:
    roots = Roots.of(intent.target)
    changing = {wheel.manifest.name for wheel, _ in intent.additions}
    changing.update(gone.name for gone in intent.removals)
    return Standing(
        coming={
            wheel.manifest.name: WheelFootprint(wheel.manifest, roots)
            for wheel, _ in intent.additions
        },
        going={
            gone.name: RecordedFootprint(gone, intent.target, roots) for gone in intent.removals
        },
        staying={
            name: StayingFootprint(distribution, intent.target, roots)
            for name, distribution in intent.installed.items()
            if name not in changing
        },
        wheels={wheel.manifest.name: wheel for wheel, _ in intent.additions},
        site=roots[SchemeKey.PURELIB],
    )


def _collisions(intent: Intent, standing: Standing) -> tuple[Collision, ...]:
    """What comes against itself and against what is there. Raises CollisionRefused, NoRecord."""
    for going in standing.going.values():
        # What goes must say now which files are its own, before anything is touched.
        len(going.paths)
    prefix = intent.target.prefix
    tops = {top for footprint in standing.coming.values() for top in footprint.tops}
    # A name that is not there cannot be shared with what is installed: in a fresh environment
    # nobody's RECORD has to be read.
    occupied = any(os.path.lexists(os.path.join(prefix, top)) for top in tops)
    found = find_collisions(standing.coming, standing.staying if occupied else {})
    different = [collision for collision in found if not collision.identical]
    if intent.refuse_collisions and different:
        raise CollisionRefused(
            collisions=tuple(
                f"{collision.path} ({', '.join(collision.distributions)})"
                for collision in different
            )
        )
    return found


async def _uninterrupted(work: asyncio.Future[R], stop: threading.Event | None = None) -> R:
    """Wait for the end of the work whatever happens; a cancellation takes effect then.

    `stop` tells the work of the cancellation, so that it may end early if it still can.
    """
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        if stop is not None:
            stop.set()
        while not work.done():
            # Whoever is impatient cancels again; it still has to end.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        if not work.cancelled():
            work.exception()  # seen: nobody is left to be told
        raise
