"""Uninstall: remove distributions by what they recorded, and nothing else."""

import asyncio
import time
from dataclasses import dataclass, replace

from packaging.utils import NormalizedName

from linkd.core.plan import Plan
from linkd.core.progress import Reporter
from linkd.core.receipt import Receipt
from linkd.core.target import Target
from linkd.errors import NotInstalled
from linkd.service.changing import Changer, Intent
from linkd.service.permission import require_permission
from linkd.service.ports import Installed, Probing, Telling
from linkd.service.receipts import make_receipt
from linkd.service.request import UninstallRequest
from linkd.service.unwanted import Unwanted, read_unwanted
from linkd.venv.installed import read_installed
from linkd.venv.placement import require_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Uninstall:
    """The use case, with what it needs of the world."""

    prober: Probing
    changer: Changer
    telling: Telling

    async def __call__(self, request: UninstallRequest, reporter: Reporter) -> Receipt:
        """Names that are not installed are told of and passed over, as pip does.

        Raises NotInstalled where none of them is; any other LinkdError leaves everything as it
        was.
        """
        begun = time.perf_counter()
        unwanted = read_unwanted(request)
        target = await self.prober.probe(request.environment, request.placement)
        if request.placement is not None:
            require_folder(request.placement)
        if request.dry_run:
            found = await asyncio.to_thread(_look, unwanted, target)
            receipt = make_receipt(target, found.plan(target), None, dry_run=True)
            return replace(receipt, warnings=found.doubts)
        require_permission(target, break_system_packages=request.break_system_packages)
        names = unwanted.names
        if unwanted.places:
            names = (await asyncio.to_thread(_look, unwanted, target)).names
        async with self.changer.turn(target, names):
            found = await asyncio.to_thread(_look, unwanted, target)
            plan = replace(found, names=found.names & names).plan(target)
            intent = Intent(target=target, installed=found.installed, removals=plan.removals)
            changed = await self.changer.change(intent, reporter)
        receipt = make_receipt(target, plan, changed)
        return replace(
            receipt,
            warnings=(*self.telling.news(target), *found.doubts, *receipt.warnings),
            timings=replace(receipt.timings, total=(time.perf_counter() - begun) * 1e3),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What is installed, and what of it was named."""

    installed: Installed
    named: tuple[str, ...]
    """Names, and places that tell none."""
    names: frozenset[NormalizedName]
    doubts: tuple[str, ...]

    def plan(self, target: Target) -> Plan:
        """Raises NotInstalled where nothing of it is there."""
        present = sorted(self.names & self.installed.keys())
        if not present:
            raise NotInstalled(names=self.named, environment=str(target.prefix))
        return Plan(removals=tuple(self.installed[name] for name in present))


def _look(unwanted: Unwanted, target: Target) -> _Found:
    installed = read_installed(target)
    return _Found(
        installed=installed,
        named=(*sorted(unwanted.names), *(place.text for place in unwanted.places)),
        names=unwanted.named(installed),
        doubts=tuple(unwanted.doubts(installed)),
    )
