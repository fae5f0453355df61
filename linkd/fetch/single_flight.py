"""Work in flight is done once and shared by everybody who asks for it."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True, eq=False)
class _Flight(Generic[V]):
    task: asyncio.Task[V]
    waiters: int = 0
    abandoned: bool = False


class SingleFlight(Generic[K, V]):
    """Runs at most one task a key; belongs to one event loop.

    Nothing is remembered: who asks after the task's end starts another. The task is cancelled only
    when its last waiter is, and that waiter does not return before the task has ended. Who asks
    for a key while its abandoned task is still ending gets a task of his own after it.
    """

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[V]] = {}

    def __contains__(self, key: K) -> bool:
        return key in self._flights

    def __len__(self) -> int:
        return len(self._flights)

    async def run(self, key: K, factory: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Wait for the key's task, starting it with the factory if there is none.

        Raises what the task raises, each waiter the same exception.
        """
        flight = self._flights.get(key)
        if flight is None or flight.abandoned:
            flight = self._start(key, factory, flight)
        flight.waiters += 1
        try:
            await asyncio.wait([flight.task])
        except asyncio.CancelledError:
            if flight.waiters == 1 and not flight.task.done():
                flight.abandoned = True
                flight.task.cancel()
                await asyncio.wait([flight.task])
            raise
        finally:
            flight.waiters -= 1
        return flight.task.result()

    def _start(
        self,
        key: K,
        factory: Callable[[], Coroutine[Any, Any, V]],
        predecessor: _Flight[V] | None,
    ) -> _Flight[V]:
        task = asyncio.create_task(_fly(factory, predecessor))
        flight = _Flight(task)
        self._flights[key] = flight

        def landed(task: asyncio.Task[V]) -> None:
            if self._flights.get(key) is flight:
                del self._flights[key]
            if not task.cancelled():
                task.exception()  # seen, whether or not a waiter is left to raise it

        task.add_done_callback(landed)
        return flight


async def _fly(factory: Callable[[], Coroutine[Any, Any, V]], predecessor: _Flight[V] | None) -> V:
    if predecessor is not None:
        await asyncio.wait([predecessor.task])
    return await factory()
