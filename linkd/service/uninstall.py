"""Uninstall: remove distributions by what they recorded, and nothing else."""

import asyncio
import time
from dataclasses import dataclass, replace

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
        target = await self.prober.probe(request.environment, request.placement)
        if request.placement is not None:
            require_folder(request.placement)
        if request.dry_run:
            plan = _plan(request, target, await asyncio.to_thread(read_installed, target))
            return make_receipt(target, plan, None, dry_run=True)
        require_permission(target, break_system_packages=request.break_system_packages)
        async with self.changer.turn(target, frozenset(request.names)):
            installed = await asyncio.to_thread(read_installed, target)
            plan = _plan(request, target, installed)
            intent = Intent(target=target, installed=installed, removals=plan.removals)
            changed = await self.changer.change(intent, reporter)
        receipt = make_receipt(target, plan, changed)
        return replace(
            receipt,
            warnings=(
                *self.telling.news(target),
                *_missing(request, installed),
                *receipt.warnings,
            ),
            timings=replace(receipt.timings, total=(time.perf_counter() - begun) * 1e3),
        )


def _plan(request: UninstallRequest, target: Target, installed: Installed) -> Plan:
    present = sorted(name for name in set(request.names) if name in installed)
    if not present:
        raise NotInstalled(names=tuple(sorted(request.names)), environment=str(target.prefix))
    return Plan(removals=tuple(installed[name] for name in present))


def _missing(request: UninstallRequest, installed: Installed) -> tuple[str, ...]:
    return tuple(
        f"{name} is not installed" for name in sorted(set(request.names) - installed.keys())
    )
