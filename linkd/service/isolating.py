"""Makes the environments that builds run in: of the cache, with the ordinary install."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from linkd.build.circumstances import Provision
from linkd.core.progress import Reporter
from linkd.core.receipt import Receipt
from linkd.resolve.requirement_file import RequirementFile
from linkd.service.request import InstallRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolateBuild:
    """The port of the builds, answered by the use case that uses them."""

    create: Callable[[str, str | None, str | None], None]
    """Path, interpreter, prompt; blocks."""
    install: Callable[[InstallRequest, Reporter], Awaitable[Receipt]]

    async def __call__(self, order: Provision, reporter: Reporter, /) -> None:
        circumstances = order.circumstances
        await asyncio.to_thread(self._make, order.folder, circumstances.interpreter.executable)
        if not order.requirements:
            return
        constraints = tuple(RequirementFile(*file) for file in circumstances.constraints)
        request = InstallRequest(
            environment=order.folder,
            directory=order.folder,
            requirements=order.requirements,
            origin=f"build requirements of {order.subject}",
            index=circumstances.index,
            formats=circumstances.formats,
            constraint_files=constraints,
            build_constraint_files=constraints,
            building=circumstances.within,
        )
        await self.install(request, reporter)

    def _make(self, folder: str, python: str) -> None:
        if not os.path.isdir(folder):
            self.create(folder, python, None)


class Forgetful:
    """The memory of what is done to environments of builds: they are gone when it is of use."""

    def remember_environment(self, prefix: str, identity: tuple[int, int]) -> None:
        """Do nothing."""

    def remember_installed(
        self, identity: tuple[int, int], came: Mapping[str, str], gone: Iterable[str]
    ) -> None:
        """Do nothing."""

    def installed_from(self, identity: tuple[int, int], name: str) -> str | None:  # noqa: ARG002 - the port's names
        """Nothing is known."""
        return None
