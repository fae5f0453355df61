"""What the daemon is doing: requests under way and work in the background."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Final

_POLL_S: Final = 0.01


class Activity:
    """Counts work, so that the daemon never ends in the middle of it."""

    def __init__(self, background: Callable[[], int]) -> None:
        self._background = background
        self._last = time.monotonic()
        self.active = 0
        self.total = 0
        self._waiting = 0
        self.stopping = False
        """Set when the daemon shall end after the last answer."""

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """One request, from its first byte to the last of its answer."""
        self.active += 1
        self.total += 1
        try:
            yield
        finally:
            self.active -= 1
            self._last = time.monotonic()

    @property
    def busy(self) -> bool:
        """Whether somebody waits for more than the end of background work."""
        return self.active > self._waiting

    @property
    def pending(self) -> int:
        """Pieces of background work that are not done."""
        return self._background()

    @property
    def idle_s(self) -> float:
        """Seconds since the last work ended; 0 while there is some."""
        return 0.0 if self.active or self.pending else time.monotonic() - self._last

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """A request that waits for background work, which is not to wait for it."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def background_done(self) -> None:
        """Wait for the end of all background work, which does not wait for who waits here."""
        with self.waiting():
            while self.pending:  # noqa: ASYNC110 - it is counted in other threads; a look is cheap
                await asyncio.sleep(_POLL_S)
