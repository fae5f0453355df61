"""Keeps the pool filled: has one tree after the other made, while nobody is waiting for anything."""

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import msgspec
import structlog

from linkd.errors import StoreError
from linkd.link.ahead_process import Answer, Job
from linkd.link.pool import Order, Pool, key_of

_log = structlog.get_logger(__name__)

_LINGER_S: Final = 10.0
"""How long the process stays when there is nothing to do: it holds some 30 MB."""
_LOOK_S: Final = 0.02
_PATIENCE_S: Final = 2.0
"""How long one tree waits for a quiet moment; a daemon that is never idle needs its pool most."""

_ANSWERS: Final = msgspec.json.Decoder(Answer)


class Ahead:
    """The background work of the pool, in the event loop; what costs anything is done elsewhere."""

    def __init__(
        self,
        pool: Pool,
        cache: str,
        *,
        busy: Callable[[], bool],
        retire: Callable[[str], Awaitable[None]],
        discard: Callable[[str], None],
    ) -> None:
        """`busy` tells whether a request is under way; `retire` takes a damaged wheel away."""
        self._pool = pool
        self._cache = cache
        self._busy = busy
        self._retire = retire
        self._discard = discard
        self._found: deque[tuple[str, str]] = deque()
        self._working = False
        self._work = asyncio.Event()
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def pending(self) -> int:
        """Trees that are to be made or looked at."""
        return max(len(self._found) + self._pool.lacking, self._working)

    def start(self) -> None:
        """Look at what an earlier daemon left, then go on for ever."""
        self._found.extend(self._pool.found())
        self._work.set()
        self._task = asyncio.create_task(self._run())

    def want(self, orders: Iterable[Order], *, depth: int | None = None) -> None:
        """Have these ready as soon as nobody is waiting for anything."""
        self._pool.want(orders, depth=depth)
        self._work.set()

    async def quarantine(self, sha256: str) -> None:
        """Have a damaged wheel, and all trees of it, used no more. Raises StoreError."""
        self._pool.drop_wheel(sha256)
        await self._retire(sha256)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._dismiss()

    async def _run(self) -> None:
        while True:
            job = self._next_job()
            if job is None:
                await self._rest()
                continue
            self._working = True
            try:
                await self._until_quiet()
                await self._carry_out(job)
            finally:
                self._working = False

    def _next_job(self) -> Job | None:
        if self._found:
            return Job.look(*self._found.popleft())
        order = self._pool.next_order()
        if order is None:
            return None
        return Job.make(order.sha256, order.shape, self._pool.new_name(order.key))

    async def _carry_out(self, job: Job) -> None:
        key = key_of(job.where)
        answer = await self._ask(job)
        if answer.folders:
            self._pool.put(key, job.where, answer.folders)
            return
        _log.info("not staged ahead", wheel=job.sha256, reason=answer.reason)
        self._discard(job.where)
        if answer.damaged:
            with contextlib.suppress(StoreError):  # it is found again the next time
                await self.quarantine(job.sha256)
        elif not job.there:
            self._pool.drop(key)

    async def _until_quiet(self) -> None:
        end = asyncio.get_running_loop().time() + _PATIENCE_S
        while self._busy() and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110 - a look is cheap
            await asyncio.sleep(_LOOK_S)

    async def _rest(self) -> None:
        self._work.clear()
        try:
            await asyncio.wait_for(self._work.wait(), _LINGER_S)
        except TimeoutError:
            await self._dismiss()
            await self._work.wait()

    async def _ask(self, job: Job) -> Answer:
        process = self._process or await self._hire()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(job) + b"\n")
            await process.stdin.drain()
            line = await process.stdout.readline()
            return _ANSWERS.decode(line)
        except (OSError, msgspec.DecodeError) as error:
            await self._dismiss()
            return Answer(reason=f"the staging process failed: {error}")

    async def _hire(self) -> Process:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "linkd.link.ahead_process", self._cache, stdin=PIPE, stdout=PIPE
        )
        return self._process

    async def _dismiss(self) -> None:
        """End the process; what it was just making is cleared at the next start."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
