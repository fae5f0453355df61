"""Carries out one environment's plan: takes its turn, claims its paths, grafts, and settles.

Shared by every use case that changes an environment. The plan is made again when the turn has
come, because others may have changed the same distributions meanwhile.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from packaging.utils import NormalizedName

from linkd.core.installed import InstalledDistribution
from linkd.core.progress import Reporter
from linkd.core.receipt import Collision
from linkd.core.target import Target
from linkd.core.wheel import StoredWheel
from linkd.errors import CollisionRefused
from linkd.link.change import Addition, Change, Outcome
from linkd.link.collisions import find_collisions
from linkd.link.footprint import RecordedFootprint, Roots, StayingFootprint, WheelFootprint
from linkd.link.ledger import Ledger, Standing
from linkd.link.modes import LinkPolicy
from linkd.link.settling import settle
from linkd.link.stage import Marks
from linkd.link.transaction import carry_out
from linkd.link.workspace import Workspaces

R = TypeVar("R")
Ts = TypeVarTuple("Ts")

Installed = Mapping[NormalizedName, InstalledDistribution]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What shall be done to an environment, all of it ready."""

    target: Target
    installed: Installed
    additions: tuple[tuple[StoredWheel, Marks], ...] = ()
    removals: tuple[InstalledDistribution, ...] = ()
    policy: LinkPolicy = field(default_factory=LinkPolicy)
    refuse_collisions: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    outcome: Outcome
    collisions: tuple[Collision, ...]


class Changer:
    """Grafts intents; the only user of the transaction."""

    def __init__(self, ledger: Ledger, workspaces: Workspaces, executor: Executor) -> None:
        self.ledger = ledger
        self._workspaces = workspaces
        self._executor = executor

    async def change(self, intent: Intent, reporter: Reporter) -> Changed:
        """Do it, whole or not at all. To be called within the turn of the distributions.

        Once the first file may have moved, cancelling waits for the end.
        """
        standing = _standing(intent)
        collisions = await self._in_thread(_collisions, intent, standing)
        change = Change(
            target=intent.target,
            additions=tuple(
                Addition(wheel=wheel, marks=marks) for wheel, marks in intent.additions
            ),
            removals=intent.removals,
            collisions=collisions,
            policy=intent.policy,
        )
        identity = intent.target.identity
        async with self.ledger.stand(identity, standing):
            committed = False
            try:
                work = self._in_thread(carry_out, change, standing, self._workspaces, reporter)
                outcome = await _uninterrupted(work)
                committed = True
            finally:
                async with self.ledger.settling(identity, standing, committed=committed) as paths:
                    if paths:
                        await _uninterrupted(
                            self._in_thread(settle, change, paths, self._workspaces)
                        )
        return Changed(outcome=outcome, collisions=collisions)

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


async def _uninterrupted(work: Coroutine[Any, Any, R]) -> R:
    """Wait for the end of the work whatever happens; a cancellation takes effect then."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
