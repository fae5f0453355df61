"""Finds the wheels whose content has to lie at the paths that several distributions share."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from linkd.core.target import Target
from linkd.core.wheel import StoredWheel
from linkd.link.footprint import Roots, WheelFootprint
from linkd.link.shared import Shared
from linkd.service.ports import Finding, Remembering


@dataclass(frozen=True, slots=True, kw_only=True)
class Inheritance:
    """Knows what came while others were at work, and what the daemon remembers of before."""

    memory: Remembering
    store: Finding

    async def contents(
        self, target: Target, wrong: Iterable[Shared]
    ) -> tuple[dict[str, StoredWheel | None], list[str]]:
        """The wheel with each path's rightful content, None where nothing is to be.

        And a warning for each path whose content cannot be had.
        """
        found: dict[str, StoredWheel | None] = {}
        warnings: list[str] = []
        roots = Roots.of(target)
        contents: dict[str, WheelFootprint] = {}
        for shared in wrong:
            wheel = await self._wheel(target, shared)
            if wheel is not None and wheel.manifest.sha256 not in contents:
                contents[wheel.manifest.sha256] = WheelFootprint(wheel.manifest, roots)
            if shared.owner is None or (
                wheel is not None and _has(contents[wheel.manifest.sha256], shared)
            ):
                found[shared.path] = wheel
            elif shared.sha256 is not None:
                warnings.append(
                    f"{shared.path} is {shared.owner}'s now, but has the content of what went: "
                    f"install {shared.owner} again to have its own"
                )
        return found, warnings

    async def _wheel(self, target: Target, shared: Shared) -> StoredWheel | None:
        if shared.owner is None or shared.wheel is not None:
            return shared.wheel
        sha256 = await asyncio.to_thread(self.memory.installed_from, target.identity, shared.owner)
        return None if sha256 is None else await self.store.find(sha256)


def _has(footprint: WheelFootprint, shared: Shared) -> bool:
    """Of one wheel's paths, which are worked out once for all that are asked for."""
    contents = footprint.paths
    return shared.path in contents and contents[shared.path] in {shared.sha256, None}
