"""linkd as it resolves for a request, with real indexes, for a target that need not be here."""

from dataclasses import dataclass, replace
from typing import Final

from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import canonicalize_name
from packaging.version import Version

from linkd.bootstrap import Daemon
from linkd.build.circumstances import Circumstances
from linkd.core.progress import Progress
from linkd.core.target import Interpreter, SchemeKey
from linkd.core.wheel import Pin
from linkd.errors import LinkdError
from linkd.fetch.settings import IndexSettings
from linkd.resolve.requirement_file import RequirementFile
from linkd.service.asked import read_asked
from linkd.service.request import InstallRequest
from linkd.service.sources import exchange_sources, with_origins
from tests.resolution.cases import Answer, Case
from tests.resolution.universe import Universe

_GLIBC: Final = tuple(
    platform
    for minor in range(28, 4, -1)
    for platform in (
        f"manylinux_2_{minor}_x86_64",
        *({17: ("manylinux2014_x86_64",), 12: ("manylinux2010_x86_64",)}.get(minor, ())),
        *({5: ("manylinux1_x86_64",)}.get(minor, ())),
    )
)
PLATFORMS: Final = (*_GLIBC, "linux_x86_64")

TARGET: Final = Interpreter(
    executable="/usr/bin/python3.12",
    implementation="cpython",
    version="3.12.1",
    cache_tag="cpython-312",
    markers={
        "implementation_name": "cpython",
        "implementation_version": "3.12.1",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "platform_python_implementation": "CPython",
        "python_full_version": "3.12.1",
        "python_version": "3.12",
        "sys_platform": "linux",
    },
    tags=tuple(
        str(tag)
        for tags in (
            cpython_tags((3, 12), ["cp312"], PLATFORMS),
            compatible_tags((3, 12), "cp312", PLATFORMS),
        )
        for tag in tags
    ),
    scheme={SchemeKey.PURELIB: "lib/python3.12/site-packages"},
)
"""The one that uv is told of: see `tests.resolution.peer`."""


class _Silent:
    def report(self, progress: Progress) -> None:
        """Nobody looks on."""


@dataclass(frozen=True, slots=True)
class Linkd:
    """A daemon's own services, asked within this process."""

    daemon: Daemon

    async def ask(self, universe: Universe) -> Answer:
        """What an install would bring, or why there is no answer."""
        try:
            pins = await self._resolve(_request(universe), universe.case)
        except LinkdError as error:
            return Answer(error=universe.displaced(f"{error}\n{error.hint}"))
        return Answer(pins=tuple(sorted(universe.displaced(_line(pin)) for pin in pins)))

    async def _resolve(self, request: InstallRequest, case: Case) -> tuple[Pin, ...]:
        """As `linkd.service.install` does, but for an interpreter that is only told of."""
        install = self.daemon.services.install
        asked = read_asked(request, install.indexes.without_credentials)
        supply = install.building(
            install.indexes.snapshot(asked.index),
            Circumstances(
                interpreter=TARGET,
                python=TARGET.executable,
                index=asked.index,
                formats=asked.resolving.formats,
            ),
            _Silent(),
        )
        exchanged = await exchange_sources(asked.resolving, supply, TARGET)
        preferred = {
            canonicalize_name(name): Version(version) for name, version in case.preferred.items()
        }
        resolving = replace(exchanged.resolving, preferred=preferred)
        resolution = await install.resolver.resolve(resolving, TARGET, supply)
        return with_origins(resolution.pins, supply)


def _request(universe: Universe) -> InstallRequest:
    case = universe.case
    folder = str(universe.folder)
    return InstallRequest(
        environment=folder,
        directory=folder,
        requirement_files=tuple(
            RequirementFile(f"{folder}/{name}", universe.placed(text))
            for name, text in (
                ("requirements.in", "\n".join(case.require)),
                ("pyproject.toml", case.project),
            )
            if text
        ),
        constraint_files=(
            RequirementFile(
                f"{folder}/constraints.txt", universe.placed("\n".join(case.constrain))
            ),
        ),
        index=IndexSettings(
            index_url=universe.index_url(),
            extra_index_urls=tuple(map(universe.index_url, case.extra_indexes)),
            find_links=tuple(map(universe.links, case.find_links)),
            no_index=case.no_index,
        ),
        no_binary=case.no_binary,
        only_binary=case.only_binary,
        no_deps=case.no_deps,
        prerelease=case.prerelease,
        upgrade=case.upgrade
        if isinstance(case.upgrade, bool)
        else frozenset(map(canonicalize_name, case.upgrade)),
        extras=case.extras,
        groups=case.groups or None,
    )


def _line(pin: Pin) -> str:
    if pin.direct_url is not None:
        return f"{pin.name} @ {pin.direct_url.url}"
    return f"{pin.name}=={pin.version}"
