"""What environments hold and which requests that answers, remembered together."""

import asyncio
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

from packaging.utils import NormalizedName

from linkd.core.installed import InstalledDistribution
from linkd.core.target import Interpreter, Target
from linkd.resolve.fingerprint import fingerprint
from linkd.resolve.resolver import ResolveRequest
from linkd.resolve.satisfied import Reading, satisfying
from linkd.resolve.target_view import target_view
from linkd.venv.installed import read_details, read_metadata
from linkd.venv.inventory import Inventories, Inventory

Names = frozenset[NormalizedName]
_ANSWERS: Final = 16
"""Requests remembered of one environment."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """Long-lived; belongs to one event loop."""

    inventories: Inventories
    _answers: WeakKeyDictionary[Inventory, dict[bytes, Names]] = field(
        default_factory=WeakKeyDictionary
    )
    """By what was asked. Metadata is part of what makes an inventory another one."""

    async def read(self, target: Target) -> Inventory:
        """What an environment holds now. Raises NotAnEnvironment."""
        return await self.inventories.read(target)

    async def satisfying(
        self, resolving: ResolveRequest, inventory: Inventory, interpreter: Interpreter
    ) -> Names | None:
        """As `linkd.resolve.satisfied` has it."""
        key = fingerprint(resolving, target_view(interpreter))
        known = self._answers.get(inventory, {}).get(key)
        if known is not None:
            return known
        answer, lasting = await asyncio.to_thread(_ask, resolving, inventory, interpreter)
        if answer is not None and lasting:
            answers = self._answers.setdefault(inventory, {})
            while len(answers) >= _ANSWERS:
                del answers[next(iter(answers))]
            answers[key] = answer
        return answer


def _ask(
    resolving: ResolveRequest, inventory: Inventory, interpreter: Interpreter
) -> tuple[Names | None, bool]:
    """And whether the inventory alone says so: where a distribution came from it does not."""
    looked_closer = False

    def details(dist: InstalledDistribution) -> InstalledDistribution:
        nonlocal looked_closer
        looked_closer = True
        return read_details(dist)

    reading = Reading(metadata=read_metadata, details=details)
    answer = satisfying(resolving, inventory.distributions, reading, interpreter)
    return answer, not looked_closer
