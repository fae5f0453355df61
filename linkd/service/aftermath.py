"""Tells what a change broke of that which it did not touch, as pip does; after the fact."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Sequence

from linkd.core.installed import InstalledDistribution
from linkd.core.plan import Plan
from linkd.core.target import Target
from linkd.core.wheel import Pin
from linkd.errors import NotAnEnvironment, NotInstalled
from linkd.resolve.dependents import find_broken
from linkd.service.ports import Installed
from linkd.venv.installed import read_metadata


async def find_aftermath(
    pins: Sequence[Pin], plan: Plan, installed: Installed, target: Target
) -> tuple[str, ...]:
    """Warnings; `installed` is what was there before the plan was carried out.

    What was resolved together fits together, so only what else is there is looked at: nothing in
    an environment that was empty.
    """
    resolved = {pin.name for pin in pins}
    bystanders = [
        present
        for name, present in sorted(installed.items())
        if name not in resolved and name not in plan.names and present.is_complete
    ]
    if not (plan.additions and bystanders):
        return ()
    came = {pin.name: pin.version for pin in plan.additions}

    def look() -> tuple[str, ...]:
        return tuple(find_broken(came, _readable(bystanders), target.interpreter))

    return await asyncio.to_thread(look)


def _readable(
    bystanders: Iterable[InstalledDistribution],
) -> Iterator[tuple[InstalledDistribution, bytes]]:
    """Without those that another request has taken away meanwhile, or that nobody can read."""
    for present in bystanders:
        with contextlib.suppress(NotInstalled, NotAnEnvironment):
            yield present, read_metadata(present)
