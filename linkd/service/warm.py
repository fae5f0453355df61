"""Warm: fetch, unpack and stage ahead what an install will want; nothing is installed."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Final

from packaging.utils import NormalizedName

from linkd.core.progress import Phase, Progress, Reporter
from linkd.core.receipt import Timings
from linkd.core.target import Placement, SchemeKey, Target
from linkd.core.wheel import Pin, StoredWheel
from linkd.errors import CompilationFailed
from linkd.link.blueprint import Shape
from linkd.link.pool import Order
from linkd.service.asked import Asked, read_asked
from linkd.service.fetching import Fetched, fetch_wheels
from linkd.service.locked import read_locked
from linkd.service.ports import (
    Building,
    Compiling,
    Indexing,
    Probing,
    Readying,
    Resolving,
    Supplying,
)
from linkd.service.request import InstallRequest, WarmRequest
from linkd.service.sources import exchange_sources, with_origins
from linkd.service.supply import open_supply

_TO_BE: Final = Placement(folder="/environment", flat=False)
"""Any environment that is still to be made: only the folders below it matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmEntry:
    """One distribution."""

    name: NormalizedName
    version: str
    files: int
    bytes: int
    fetched: bool
    staged: int
    """Trees that were made meanwhile."""
    ready: int
    """Trees that are ready now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmed:
    """The outcome; the entries are sorted by name."""

    interpreter: str
    entries: tuple[WarmEntry, ...]
    downloaded: int
    warnings: tuple[str, ...]
    timings: Timings


@dataclass(slots=True)
class _Run:
    """What is gathered on the way of one request."""

    downloaded: int = 0
    fetched: set[NormalizedName] = field(default_factory=set)
    before: dict[str, int] = field(default_factory=dict)
    """Trees that were ready, by key."""
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Warm:
    """The use case, with what it needs of the world."""

    prober: Probing
    indexes: Indexing
    resolver: Resolving
    building: Building
    ahead: Readying
    compiling: Compiling
    compiles: bool
    """Whether wheels are compiled without being asked for it."""
    is_compiled: Callable[[str, str], bool]
    """Whether there is bytecode of a wheel (sha256) for a cache tag."""
    obstacle: Callable[[str | None], str | None]
    """Why trees staged ahead are of no use in this folder, or anywhere."""
    waiting: Callable[[], AbstractContextManager[None]]
    interpreter: str
    """Whose environments are meant where nothing else is said."""

    async def __call__(self, request: WarmRequest, reporter: Reporter) -> Warmed:
        """Raises any LinkdError that an install raises before it changes anything."""
        begun = time.perf_counter()
        run = _Run()
        wanted = replace(request.wanted, environment=request.wanted.environment or self.interpreter)
        asked = read_asked(wanted, self.indexes.without_credentials)
        target = await self._target(wanted.environment)
        supply = open_supply(
            self.indexes, self.building, asked, target, request=wanted, reporter=reporter
        )
        reporter.report(Progress(Phase.RESOLVE, ""))
        pins = await self._pins(asked, target, supply, wanted, run)
        resolved = time.perf_counter()
        fetched = await self._fetch(supply, pins, reporter, run)
        arrived = time.perf_counter()
        await self._compile(fetched, target, reporter, run)
        compiled = time.perf_counter()
        orders = self._orders(pins, fetched, target)
        if await self._may_stage(target, wanted.environment, run):
            faults = await self._stage(orders, request.copies, reporter, run)
            if names := ", ".join(
                name for name, wheel in fetched.wheels.items() if _is_gone(wheel)
            ):
                run.warnings.append(f"damaged in the cache, and fetched anew: {names}")
                fetched = await self._fetch(supply, pins, reporter, run)
                faults = await self._stage(orders, request.copies, reporter, run)
            run.warnings.extend(self._lacking(orders, request.copies, faults))
        end = time.perf_counter()
        return Warmed(
            interpreter=target.interpreter.executable,
            entries=tuple(self._entry(pin, fetched, orders[pin.name], run) for pin in pins),
            downloaded=run.downloaded,
            warnings=tuple(run.warnings),
            timings=Timings(
                resolve=(resolved - begun) * 1e3,
                fetch=(arrived - resolved) * 1e3,
                compile=(compiled - arrived) * 1e3,
                stage=(end - compiled) * 1e3,
                total=(end - begun) * 1e3,
            ),
        )

    async def _target(self, environment: str) -> Target:
        """The environment; of a bare interpreter, one that is made of it."""
        if not _is_interpreter(environment):
            return await self.prober.probe(environment)
        target = await self.prober.probe(environment, _TO_BE)
        paths = target.interpreter.scheme
        if paths[SchemeKey.PLATLIB].replace("lib64/", "lib/", 1) != paths[SchemeKey.PURELIB]:
            return target
        # In an environment lib64 is a link to lib.
        return replace(target, scheme=replace(target.scheme, platlib=target.scheme.purelib))

    async def _pins(
        self,
        asked: Asked,
        target: Target,
        supply: Supplying,
        wanted: InstallRequest,
        run: _Run,
    ) -> tuple[Pin, ...]:
        """What an environment that is empty would get, sorted by name."""
        if asked.locks:
            formats = asked.resolving.formats
            locked = await read_locked(asked.locks, target.interpreter, supply, wanted, formats)
            return locked.pins
        exchanged = await exchange_sources(asked.resolving, supply, target.interpreter)
        resolution = await self.resolver.resolve(exchanged.resolving, target.interpreter, supply)
        run.warnings.extend(resolution.warnings)
        pins = with_origins(resolution.pins, supply)
        return tuple(sorted(pins, key=lambda pin: pin.name))

    async def _fetch(
        self, supply: Supplying, pins: Sequence[Pin], reporter: Reporter, run: _Run
    ) -> Fetched:
        fetched = await fetch_wheels(supply, pins, reporter)
        run.downloaded += fetched.downloaded
        run.fetched |= fetched.came
        return fetched

    async def _compile(
        self, fetched: Fetched, target: Target, reporter: Reporter, run: _Run
    ) -> None:
        if self.compiles:
            reporter.report(Progress(Phase.COMPILE, ""))
            try:
                with self.waiting():
                    await self.compiling.ensure(fetched.wheels.values(), target.interpreter)
            except CompilationFailed as error:
                run.warnings.append(error.detail)

    def _orders(
        self, pins: Sequence[Pin], fetched: Fetched, target: Target
    ) -> dict[NormalizedName, Order]:
        shapes = {requested: Shape.of(target, requested=requested) for requested in (False, True)}
        awaited = target.interpreter.cache_tag
        orders = {
            pin.name: Order(
                fetched.wheels[pin.name].manifest.sha256, shapes[pin.requested], awaited
            )
            for pin in pins
        }
        return {
            name: order.renewed() if self.is_compiled(order.sha256, awaited) else order
            for name, order in orders.items()
        }

    async def _may_stage(self, target: Target, environment: str, run: _Run) -> bool:
        site = None if _is_interpreter(environment) else str(target.site_packages)
        reason = await asyncio.to_thread(self.obstacle, site)
        if not self.ahead.pool.limits.depth:
            reason = "the pool is off (pool_depth is 0)"
        if reason is not None:
            run.warnings.append(f"nothing was staged: {reason}")
        return reason is None

    async def _stage(
        self,
        orders: dict[NormalizedName, Order],
        copies: int,
        reporter: Reporter,
        run: _Run,
    ) -> dict[str, str]:
        """Wait until the trees are ready; the reasons why some are not, by key."""
        for order in orders.values():
            run.before.setdefault(order.key, self.ahead.pool.ready(order.key))
        self.ahead.want(orders.values(), depth=copies)

        def report(done: int) -> None:
            reporter.report(Progress(Phase.STAGE, "", done, len(orders)))

        with self.waiting():
            return await self.ahead.ready([*orders.values()], report)

    def _lacking(
        self, orders: dict[NormalizedName, Order], copies: int, faults: dict[str, str]
    ) -> Iterator[str]:
        """What is not ready, together where it has one reason."""
        no_room = "there is no room within the setting pool_folders"
        reasons = Counter(
            faults.get(order.key, no_room)
            for order in orders.values()
            if self.ahead.pool.ready(order.key) < copies
        )
        for reason, number in reasons.items():
            yield f"{number} of {len(orders)} distributions are not staged as wanted: {reason}"

    def _entry(self, pin: Pin, fetched: Fetched, order: Order, run: _Run) -> WarmEntry:
        manifest = fetched.wheels[pin.name].manifest
        ready = self.ahead.pool.ready(order.key)
        return WarmEntry(
            name=pin.name,
            version=str(pin.version),
            files=len(manifest.files) + len(manifest.launchers),
            bytes=manifest.size,
            fetched=pin.name in run.fetched,
            staged=max(ready - run.before.get(order.key, ready), 0),
            ready=ready,
        )


def _is_interpreter(path: str) -> bool:
    """Whether it is an interpreter, and no environment's."""
    marker = os.path.join(os.path.dirname(path), os.pardir, "pyvenv.cfg")
    return os.path.isfile(path) and not os.path.exists(marker)


def _is_gone(wheel: StoredWheel) -> bool:
    return not os.path.exists(wheel.tree)
