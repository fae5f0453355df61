"""Creates environments."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from linkd.core.target import Target
from linkd.service.ports import Probing, Remembering


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateEnvironment:
    prober: Probing
    memory: Remembering
    create: Callable[[str, str | None, str | None], None]
    """Path, interpreter, prompt; blocks."""

    async def __call__(self, path: str, python: str | None, prompt: str | None) -> Target:
        """Raises TargetError."""
        await asyncio.to_thread(self.create, path, python, prompt)
        target = await self.prober.probe(path)
        await asyncio.to_thread(
            self.memory.remember_environment, str(target.prefix), target.identity
        )
        return target
