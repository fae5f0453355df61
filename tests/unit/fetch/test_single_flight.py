import asyncio
import gc

import pytest

from linkd.fetch.single_flight import SingleFlight


class Work:
    """Counts its runs and ends when it is told to."""

    def __init__(self) -> None:
        self.started = 0
        self.cancelled = 0
        self.running = 0
        self.most_running = 0
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.started += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await self.go.wait()
            if self.error is not None:
                raise self.error
            return self.started
        except asyncio.CancelledError:
            self.cancelled += 1
            await asyncio.sleep(0)
            raise
        finally:
            self.running -= 1


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_many_waiters_share_one_run() -> None:
    """Sixteen who ask for one key at once get the result of one run."""
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    waiters = [asyncio.create_task(flights.run("key", work)) for _ in range(16)]
    await settle()
    work.go.set()
    assert await asyncio.gather(*waiters) == [1] * 16
    assert len(flights) == 0


async def test_keys_do_not_share() -> None:
    """Two keys are two runs."""
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    work.go.set()
    await asyncio.gather(flights.run("a", work), flights.run("b", work))
    assert work.started == 2


async def test_nothing_is_remembered() -> None:
    """Who asks after the end starts another run."""
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    work.go.set()
    assert [await flights.run("key", work), await flights.run("key", work)] == [1, 2]


async def test_an_exception_reaches_every_waiter() -> None:
    """All waiters get the one exception that the run raised."""
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    work.error = ValueError("no")
    waiters = [asyncio.create_task(flights.run("key", work)) for _ in range(3)]
    await settle()
    work.go.set()
    assert await asyncio.gather(*waiters, return_exceptions=True) == [work.error] * 3


async def test_one_cancelled_waiter_leaves_the_run_to_the_others() -> None:
    """The run goes on as long as one waiter is left."""
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    first, second = (asyncio.create_task(flights.run("key", work)) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    work.go.set()
    assert await second == 1
    assert (first.cancelled(), work.cancelled) == (True, 0)


async def test_the_last_cancelled_waiter_cancels_the_run() -> None:
    """The run has ended by the time that its last waiter's cancellation is through."""
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    waiters = [asyncio.create_task(flights.run("key", work)) for _ in range(2)]
    await settle()
    for waiter in waiters:
        waiter.cancel()
    await asyncio.wait(waiters)
    assert (work.cancelled, work.running, len(flights)) == (1, 0, 0)


async def test_a_new_run_waits_for_the_end_of_an_abandoned_one() -> None:
    """Two runs of one key are never under way at once."""
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    abandoned = asyncio.create_task(flights.run("key", work))
    await settle()
    abandoned.cancel()
    await asyncio.sleep(0)
    successor = asyncio.create_task(flights.run("key", work))
    await settle()
    work.go.set()
    assert await successor == 2
    assert (work.most_running, work.cancelled) == (1, 1)


async def test_an_unseen_exception_is_not_complained_of() -> None:
    """A run that fails after its last waiter has gone makes no noise."""
    flights: SingleFlight[str, int] = SingleFlight()
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    async def fails_when_cancelled() -> int:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ValueError("late") from None
        return 0

    waiter = asyncio.create_task(flights.run("key", fails_when_cancelled))
    await settle()
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    gc.collect()
    assert complaints == []
