"""The background work of a pool, with the real process, for tests of staging ahead.

async with background(store) as ahead:
    await ahead.fill(environment, wheel)
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

from linkd.core.target import Target
from linkd.core.wheel import StoredWheel
from linkd.errors import StoreError
from linkd.link.ahead import Ahead, AheadPolicy
from linkd.link.ahead_worker import Worker
from linkd.link.blueprint import Shape
from linkd.link.pool import Order, Pool, PoolLimits
from linkd.store.entry import retire
from tests.support.daemon import PATIENCE_S
from tests.support.stored import Environment, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    limits: PoolLimits = field(default_factory=PoolLimits)
    min_free: float = 0
    patience: float = PATIENCE_S
    check_every: float = 0
    busy: Callable[[], bool] = lambda: False


@dataclass(slots=True)
class Background:
    store: Store
    pool: Pool
    worker: Worker
    ahead: Ahead
    quarantined: list[str] = field(default_factory=list)

    async def idle(self) -> None:
        """Wait until all is done."""
        await until(lambda: not self.ahead.pending)

    async def fill(self, environment: Environment, *wheels: StoredWheel, depth: int = 0) -> None:
        """Have these ready, as what the environment's requests name."""
        self.ahead.want([order_of(wheel, environment.target) for wheel in wheels], depth=depth)
        await self.idle()

    def trees(self) -> list[str]:
        """The names in the pool's folder."""
        return sorted(os.listdir(self.store.layout.pool))

    async def quarantine(self, sha256: str) -> None:
        """As the store does it. Raises StoreError."""
        self.quarantined.append(sha256)
        try:
            retire(self.store.layout, sha256)
        except OSError as error:
            raise StoreError from error


@contextlib.asynccontextmanager
async def background(
    store: Store, circumstances: Circumstances | None = None
) -> AsyncIterator[Background]:
    """A pool that the store's requests take from, filled as the daemon does it."""
    given = circumstances or Circumstances()
    pool = Pool(store.layout.pool, given.limits, store.workspaces.sweep)
    worker = Worker(str(store.layout.root), min_free=given.min_free, patience=given.patience)
    work: Background

    async def quarantine(sha256: str) -> None:
        await work.quarantine(sha256)

    ahead = Ahead(
        pool,
        worker,
        AheadPolicy(busy=given.busy, check_every=given.check_every),
        quarantine=quarantine,
        discard=store.workspaces.sweep,
    )
    work = Background(store, pool, worker, ahead)
    store.stager = replace(store.stager, pool=pool)
    ahead.start()
    try:
        yield work
    finally:
        await ahead.close()


def order_of(wheel: StoredWheel, target: Target, *, requested: bool = True) -> Order:
    shape = Shape.of(target, requested=requested)
    return Order(wheel.manifest.sha256, shape)


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds; fail if it never does."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - anything may make it hold
            await asyncio.sleep(0.005)
