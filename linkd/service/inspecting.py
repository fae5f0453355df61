"""How the daemon is."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from linkd import __version__
from linkd.service.activity import Activity
from linkd.service.ports import PoolFacts, StoreFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The daemon at one moment."""

    version: str
    pid: int
    uptime_s: float
    rss_bytes: int
    active: int
    total: int
    pending: int
    wheels: int
    wheel_bytes: int
    unpacked: int
    staged: int
    pool_hits: int
    pool_misses: int
    environments: int
    socket: str
    cache_dir: str
    warnings: tuple[str, ...]
    """What is wrong with the daemon, although it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStatus:
    activity: Activity
    store: StoreFacts
    pool: PoolFacts
    environments: Callable[[], int]
    warnings: Callable[[], tuple[str, ...]]
    socket: str
    cache_dir: str
    started: float
    """As `time.monotonic` has it."""

    async def __call__(self, *, wait_idle: bool) -> Status:
        if wait_idle:
            await self.activity.background_done()
        facts = await self.store.stats()
        return Status(
            version=__version__,
            pid=os.getpid(),
            uptime_s=time.monotonic() - self.started,
            rss_bytes=_resident_bytes(),
            active=self.activity.active,
            total=self.activity.total,
            pending=self.activity.pending,
            wheels=facts.wheels,
            wheel_bytes=facts.bytes,
            unpacked=facts.unpacked,
            staged=self.pool.staged,
            pool_hits=self.pool.hits,
            pool_misses=self.pool.misses,
            environments=self.environments(),
            socket=self.socket,
            cache_dir=self.cache_dir,
            warnings=self.warnings(),
        )


def _resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as facts:
        return int(facts.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
