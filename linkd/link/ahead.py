"""Keeps the pool filled: has one tree after the other made, while nobody is waiting for anything."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from linkd.errors import StoreError
from linkd.link.ahead_process import Answer, Job, ShapeFacts
from linkd.link.ahead_worker import Worker
from linkd.link.pool import Order, Pool, Staged

_log = structlog.get_logger(__name__)

_LINGER_S: Final = 10.0
"""How long the process stays when there is nothing to do: it holds some 30 MB."""
_LOOK_S: Final = 0.02
_PATIENCE_S: Final = 2.0
"""How long one tree waits for a quiet moment; a daemon that is never idle needs its pool most."""
_ATTEMPTS: Final = 2
"""At one job, if the process ends over it: somebody may have killed it."""
_FAILURES: Final = 3
"""Jobs in a row over which the process ended or hung, after which the fault is not theirs."""
_FAULTS: Final = 1000
"""Reasons that are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AheadPolicy:
    """When the background work of the pool is done."""

    busy: Callable[[], bool]
    """Whether somebody is waiting for something else."""
    check_every: float = 0
    """Seconds after which every tree is looked at again; 0 is never."""


class Ahead:
    """The background work of the pool, in the event loop; what costs anything is done elsewhere."""

    def __init__(
        self,
        pool: Pool,
        worker: Worker,
        policy: AheadPolicy,
        *,
        quarantine: Callable[[str], Awaitable[None]],
        discard: Callable[[str], None],
    ) -> None:
        """`quarantine` takes a wheel away if it is damaged. Raises StoreError."""
        self.pool = pool
        self._worker = worker
        self._policy = policy
        self._quarantine = quarantine
        self._discard = discard
        self._unseen: deque[Staged] = deque()
        """What an earlier daemon left; nobody gets it before it was looked at."""
        self._rounds: deque[Staged] = deque()
        """Trees that are ready and are to be looked at again."""
        self._next_round = time.monotonic() + policy.check_every
        self._faults: dict[str, str] = {}
        self._failures = 0
        self._working = False
        self._work = asyncio.Event()
        self._step = asyncio.Event()
        """Set, and replaced by another, whenever something was done."""
        self._task: asyncio.Task[None] | None = None

    @property
    def pending(self) -> int:
        """Trees that are to be made or looked at."""
        waiting = len(self._unseen) + len(self._rounds) + self.pool.lacking
        return max(waiting, self._working)

    def start(self) -> None:
        """Look at what an earlier daemon left, then go on for ever."""
        self._working = True
        self._task = asyncio.create_task(self._run())

    def want(self, orders: Iterable[Order], *, depth: int = 0) -> None:
        """Have these ready as soon as nobody is waiting for anything.

        Without any, what was taken from the pool is made again.
        """
        orders = list(orders)
        for order in orders:
            self._faults.pop(order.key, None)
        self.pool.want(orders, depth=depth)
        self._work.set()

    async def ready(self, orders: Sequence[Order], report: Callable[[int], None]) -> dict[str, str]:
        """Wait until all of these are made that will be; for the others the reasons, by key.

        `report` is told how many are not waited for any more.
        """
        keys = {order.key for order in orders}
        while True:
            step = self._step
            lacking = self.pool.lacks(keys)
            report(len(keys) - len(lacking))
            if not lacking:
                return {key: self._faults[key] for key in keys if key in self._faults}
            await step.wait()

    async def quarantine(self, sha256: str) -> None:
        """Have a wheel that was found damaged, and all trees of it, used no more. Raises StoreError."""
        await asyncio.to_thread(self.pool.drop_wheel, sha256)
        await self._quarantine(sha256)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._worker.dismiss()

    async def _run(self) -> None:
        await self._attempt(self._find())
        while True:
            work = self._next()
            if work is None:
                await self._rest()
            else:
                await self._attempt(work)

    async def _attempt(self, work: Awaitable[None]) -> None:
        """Whatever goes wrong, the next thing is done after it."""
        self._working = True
        try:
            await work
        except Exception as error:  # noqa: BLE001 - the pool must not end with one odd folder
            _log.exception("staging ahead failed")
            self._give_up(str(error))
        finally:
            self._working = False
            self._step.set()
            self._step = asyncio.Event()

    async def _find(self) -> None:
        self._unseen.extend(await asyncio.to_thread(self.pool.found))

    def _next(self) -> Awaitable[None] | None:
        if self._unseen:
            return self._look(self._unseen.popleft(), unseen=True)
        order = self.pool.next_order()
        if order is not None:
            return self._make(order)
        if not self._rounds and self._is_round_due():
            self._rounds.extend(self.pool.trees())
        return self._look(self._rounds.popleft(), unseen=False) if self._rounds else None

    async def _make(self, order: Order) -> None:
        key = order.key
        for attempt in range(_ATTEMPTS):
            where = self.pool.new_name(key)
            making = ShapeFacts.of(order.shape)
            answer = await self._do(
                Job(
                    sha256=order.sha256,
                    where=where,
                    shape_digest=order.shape.digest,
                    making=making,
                )
            )
            if answer.folders:
                self._failures = 0
                await asyncio.to_thread(self.pool.put, key, where, answer.folders)
                return
            await asyncio.to_thread(self._discard, where)
            if not answer.failed or attempt + 1 == _ATTEMPTS:
                break
        await self._failed(order, answer)

    async def _failed(self, order: Order, answer: Answer) -> None:
        _log.warning("not staged ahead", wheel=order.sha256, reason=answer.reason)
        self._failures = self._failures + 1 if answer.failed else 0
        if answer.damaged:
            with contextlib.suppress(StoreError):  # it is found again the next time
                await self.quarantine(order.sha256)
        elif answer.gone:
            await asyncio.to_thread(self.pool.drop_wheel, order.sha256)
        elif answer.scarce or self._failures >= _FAILURES:
            self._failures = 0
            self._give_up(answer.reason)
        else:
            self.pool.give_up([order.key])
        self._remember_fault(order.key, answer.reason)

    def _give_up(self, reason: str) -> None:
        """Of everything that is to be made, until it is wanted again."""
        for order in self.pool.give_up():
            self._remember_fault(order.key, reason)

    def _remember_fault(self, key: str, reason: str) -> None:
        self._faults[key] = reason
        while len(self._faults) > _FAULTS:
            del self._faults[next(iter(self._faults))]

    async def _look(self, tree: Staged, *, unseen: bool) -> None:
        job = Job(sha256=tree.sha256, where=tree.path, shape_digest=tree.shape_digest)
        for _ in range(_ATTEMPTS):
            answer = await self._do(job)
            if not answer.failed:
                break
        if answer.folders:
            if unseen:
                await asyncio.to_thread(self.pool.adopt, tree, answer.folders)
        elif not answer.failed:
            _log.info("a tree is thrown away", tree=tree.path, reason=answer.reason)
            await asyncio.to_thread(self.pool.expel, tree)

    async def _do(self, job: Job) -> Answer:
        await self._until_quiet()
        return await self._worker.do(job)

    async def _until_quiet(self) -> None:
        end = time.monotonic() + _PATIENCE_S
        while self._policy.busy() and time.monotonic() < end:  # noqa: ASYNC110 - a look is cheap
            await asyncio.sleep(_LOOK_S)

    def _is_round_due(self) -> bool:
        if not self._policy.check_every or time.monotonic() < self._next_round:
            return False
        self._next_round = time.monotonic() + self._policy.check_every
        return True

    async def _rest(self) -> None:
        """Until there is something to do; without the process, if that takes long."""
        self._work.clear()
        every = self._policy.check_every
        until_round = max(self._next_round - time.monotonic(), 0) if every else None
        if until_round is not None and until_round <= _LINGER_S:
            await self._called(until_round)
        elif not await self._called(_LINGER_S):
            await self._worker.dismiss()
            await self._called(None if until_round is None else until_round - _LINGER_S)

    async def _called(self, seconds: float | None) -> bool:
        """Whether somebody wants something before the time is over; None is no end."""
        try:
            await asyncio.wait_for(self._work.wait(), seconds)
        except TimeoutError:
            return False
        return True
