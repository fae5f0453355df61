"""Install: make an environment hold what was asked for, leaving alone what satisfies already."""

import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from packaging.utils import NormalizedName
from packaging.version import Version

from linkd.core.bytecode import BytecodeWish
from linkd.core.entry_points import made_for
from linkd.core.plan import Plan, leftovers, plan_install
from linkd.core.progress import Phase, Progress, Reporter
from linkd.core.receipt import Receipt
from linkd.core.source import is_editable
from linkd.core.target import Placement, Target
from linkd.core.wheel import Pin, StoredWheel
from linkd.errors import EnvironmentMissing, NotInstalled, WheelDamaged
from linkd.fetch.urls import without_credentials
from linkd.link.stage import Marks
from linkd.resolve.resolver import ResolveRequest
from linkd.service.aftermath import find_aftermath
from linkd.service.asked import Asked, read_asked
from linkd.service.changing import Changed, Changer, Intent
from linkd.service.creating import CreateEnvironment
from linkd.service.fetching import Fetched, fetch_wheels
from linkd.service.holding import Holdings
from linkd.service.locked import read_locked
from linkd.service.permission import require_permission
from linkd.service.ports import (
    Building,
    Indexing,
    Installed,
    Probing,
    Resolving,
    Supplying,
    Telling,
)
from linkd.service.present import PresentListings
from linkd.service.receipts import direct_url_json, make_receipt
from linkd.service.request import InstallRequest
from linkd.service.sources import exchange_sources, with_origins
from linkd.service.supply import open_supply
from linkd.venv.installed import read_details
from linkd.venv.inventory import Inventory
from linkd.venv.placement import Folders


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """The use case, with what it needs of the world."""

    prober: Probing
    indexes: Indexing
    resolver: Resolving
    holdings: Holdings
    building: Building
    changer: Changer
    create: CreateEnvironment
    telling: Telling
    folders: Folders

    async def __call__(self, request: InstallRequest, reporter: Reporter) -> Receipt:
        """Raises any LinkdError; the environment is then as it was."""
        run = _Run(request, reporter)
        asked = read_asked(request, self.indexes.without_credentials)
        target = await self._target(request)
        if not request.dry_run:
            require_permission(target, break_system_packages=request.break_system_packages)
        supply = open_supply(
            self.indexes, self.building, asked, target, request=request, reporter=reporter
        )
        with run.timed("resolve"):
            reporter.report(Progress(Phase.RESOLVE, ""))
            pins, plan = await self._plan(asked, target, supply, run)
        run.warnings.extend(_unreachable(plan, request.placement))
        if plan.names and not request.dry_run:
            plan = await self._change(target, pins, plan, supply, run)
            if not request.no_deps:
                run.warnings += await find_aftermath(pins, plan, run.before, target)
        run.warnings[:0] = self.telling.news(target)
        return run.receipt(target, plan)

    async def _target(self, request: InstallRequest) -> Target:
        try:
            return await self.prober.probe(request.environment, request.placement)
        except EnvironmentMissing:
            if not request.create or request.dry_run:
                raise
        return await self.create(request.environment, request.interpreter, None)

    async def _plan(
        self, asked: Asked, target: Target, supply: Supplying, run: "_Run"
    ) -> tuple[tuple[Pin, ...], Plan]:
        """What the environment shall hold; no pins where it answers the request already."""
        inventory = await self.holdings.read(target)
        installed = inventory.distributions
        if asked.locks:
            formats = asked.resolving.formats
            locked = await read_locked(
                asked.locks, target.interpreter, supply, run.request, formats
            )
            run.reinstall(locked.trees)
            pins = locked.pins
            return pins, _plan(pins, installed, run.request)
        resolving = asked.resolving
        if not run.request.reinstall:
            names = await self._satisfying(resolving, inventory, target)
            if names is not None:
                return (), Plan(
                    unchanged=tuple(installed[name] for name in sorted(names)),
                    removals=tuple(leftovers(names, installed)) if run.request.exact else (),
                )
        exchanged = await exchange_sources(resolving, supply, target.interpreter)
        run.reinstall(exchanged.trees)
        resolution = await self.resolver.resolve(
            replace(exchanged.resolving, preferred=run.preferred(installed)),
            target.interpreter,
            PresentListings(supply, run.keepable(installed), target.interpreter),
        )
        run.warnings.extend(resolution.warnings)
        pins = with_origins(resolution.pins, supply)
        return pins, _plan(pins, installed, run.request)

    async def _satisfying(
        self, resolving: ResolveRequest, inventory: Inventory, target: Target
    ) -> frozenset[NormalizedName] | None:
        try:
            return await self.holdings.satisfying(resolving, inventory, target.interpreter)
        except NotInstalled:
            # Another request has just taken it away, or is about to bring another version.
            return None

    async def _change(
        self,
        target: Target,
        pins: tuple[Pin, ...],
        plan: Plan,
        supply: Supplying,
        run: "_Run",
    ) -> Plan:
        """Fetch, take the turn, plan again, graft. Returns the plan that was carried out."""
        while True:
            with run.timed("fetch"):
                fetched = await fetch_wheels(supply, plan.additions, run.reporter)
            run.downloaded += fetched.downloaded
            if run.request.bytecode is BytecodeWish.ON:
                await self._compile(target, fetched, run)
            async with AsyncExitStack() as stack:
                target = stack.enter_context(self.folders.made(target))
                await stack.enter_async_context(self.changer.turn(target, plan.names))
                # Others may have changed the same distributions since the first look.
                run.before = installed = (await self.holdings.read(target)).distributions
                renewed = _plan(pins, installed, run.request) if pins else _still(plan, installed)
                if not renewed.names <= plan.names:
                    plan = renewed
                    continue
                if renewed.names:
                    intent = _intent(target, installed, renewed, fetched, run.request)
                    try:
                        run.changed = await self.changer.change(intent, run.reporter)
                    except WheelDamaged as error:
                        await self._quarantine(error, run)
                        continue
                return renewed

    async def _compile(self, target: Target, fetched: Fetched, run: "_Run") -> None:
        """Raises CompilationFailed."""
        with run.timed("compile"):
            run.reporter.report(Progress(Phase.COMPILE, ""))
            await self.changer.compiling.ensure(fetched.wheels.values(), target.interpreter)

    async def _quarantine(self, error: WheelDamaged, run: "_Run") -> None:
        """Have a wheel that was changed in the cache fetched anew. Raises the error the second time."""
        if error.sha256 in run.damaged:
            raise error
        run.damaged.add(error.sha256)
        run.warnings.append(f"{error.detail}: it was taken out of the cache and fetched anew")
        await self.changer.ahead.quarantine(error.sha256)


@dataclass(slots=True)
class _Run:
    """What is gathered on the way of one request."""

    request: InstallRequest
    reporter: Reporter
    begun: float = field(default_factory=time.perf_counter)
    spent: dict[str, float] = field(default_factory=dict)
    downloaded: int = 0
    warnings: list[str] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)
    """Wheels that were found changed in the cache, and fetched anew."""
    before: Installed = field(default_factory=dict)
    """What was installed when it was changed."""
    changed: Changed | None = None

    def reinstall(self, names: frozenset[NormalizedName]) -> None:
        """Have these installed again, whatever is there."""
        again = self.request.reinstall
        if names and not isinstance(again, bool):
            self.request = replace(self.request, reinstall=again | names)
        elif names and not again:
            self.request = replace(self.request, reinstall=names)

    def preferred(self, installed: Installed) -> Mapping[NormalizedName, Version]:
        """The versions to stay with: not of what is installed again, as with pip and uv."""
        return {
            name: present.version
            for name, present in installed.items()
            if present.is_complete and not self._is_again(name)
        }

    def keepable(self, installed: Installed) -> Installed:
        """What may stay as it is. What is installed proves no hash; what is broken is put right."""
        if self.request.require_hashes:
            return {}
        return {
            name: present
            for name, present in installed.items()
            if present.is_whole and not self._is_again(name)
        }

    def _is_again(self, name: NormalizedName) -> bool:
        again = self.request.reinstall
        return again if isinstance(again, bool) else name in again

    def timed(self, phase: str) -> "_Stopwatch":
        return _Stopwatch(self.spent, phase)

    def receipt(self, target: Target, plan: Plan) -> Receipt:
        receipt = make_receipt(target, plan, self.changed, dry_run=self.request.dry_run)
        return replace(
            receipt,
            bytes_downloaded=self.downloaded,
            warnings=(*self.warnings, *receipt.warnings),
            timings=replace(
                receipt.timings,
                resolve=self.spent.get("resolve", 0.0),
                fetch=self.spent.get("fetch", 0.0),
                compile=self.spent.get("compile", 0.0),
                total=(time.perf_counter() - self.begun) * 1e3,
            ),
        )


@dataclass(slots=True)
class _Stopwatch:
    """Adds the milliseconds of a block to a phase."""

    spent: dict[str, float]
    phase: str
    begun: float = 0.0

    def __enter__(self) -> None:
        self.begun = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        passed = (time.perf_counter() - self.begun) * 1e3
        self.spent[self.phase] = self.spent.get(self.phase, 0.0) + passed


def _plan(pins: tuple[Pin, ...], installed: Installed, request: InstallRequest) -> Plan:
    # Where a distribution came from is read only for those that are wanted from a URL.
    detailed = {
        pin.name: read_details(installed[pin.name])
        for pin in pins
        if pin.direct_url is not None and pin.name in installed
    }
    return plan_install(
        pins, {**installed, **detailed}, reinstall=request.reinstall, exact=request.exact
    )


def _unreachable(plan: Plan, placement: Placement | None) -> Iterator[str]:
    """Editable installs that a path entry alone does not make importable."""
    if placement is not None and placement.flat:
        for pin in plan.additions:
            if is_editable(pin.direct_url):
                yield (
                    f"{pin.name} is editable: as a rule it is found where {placement.folder} is a "
                    "site folder (site.addsitedir), but not by PYTHONPATH"
                )


def _still(plan: Plan, installed: Installed) -> Plan:
    """Of a plan that only removes: what is there still."""
    there = tuple(gone for gone in plan.removals if gone == installed.get(gone.name))
    return replace(plan, removals=there)


def _intent(
    target: Target, installed: Installed, plan: Plan, fetched: Fetched, request: InstallRequest
) -> Intent:
    python = target.interpreter.markers["python_version"]
    return Intent(
        target=target,
        installed=installed,
        additions=tuple(
            (wheel, _marks(pin, wheel))
            for pin in plan.additions
            for wheel in [made_for(fetched.wheels[pin.name], python)]
        ),
        removals=plan.removals,
        policy=request.link,
        bytecode=request.bytecode,
        refuse_collisions=request.refuse_collisions,
    )


def _marks(pin: Pin, wheel: StoredWheel) -> Marks:
    if pin.direct_url is None:
        return Marks(requested=pin.requested)
    # The hash is that of what the URL names: of the wheel only where it names the wheel.
    is_named = without_credentials(pin.file.url) == pin.direct_url.url
    sha256 = wheel.manifest.sha256 if is_named else None
    return Marks(requested=pin.requested, direct_url=direct_url_json(pin.direct_url, sha256))
