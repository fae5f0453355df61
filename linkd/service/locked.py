"""What lock files name, as pins: what has to be built is built first (PEP 751)."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from packaging.direct_url import DirectUrl
from packaging.utils import NormalizedName, parse_wheel_filename

from linkd.core.formats import Formats
from linkd.core.source import SourceKind
from linkd.core.target import Interpreter
from linkd.core.wheel import Pin
from linkd.errors import LockFilesContradict
from linkd.resolve.lock_file import LockedSource, read_lock_file
from linkd.resolve.requirement_file import RequirementFile
from linkd.service.fetching import first_error
from linkd.service.ports import Supplying
from linkd.service.request import InstallRequest
from linkd.service.sources import build_source


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPins:
    pins: tuple[Pin, ...]
    """Sorted by name."""
    trees: frozenset[NormalizedName]
    """Projects of folders: what is in them now is installed, whatever their version."""


async def read_locked(
    locks: Iterable[RequirementFile],
    interpreter: Interpreter,
    supply: Supplying,
    request: InstallRequest,
    formats: Formats,
) -> LockedPins:
    """Raises InvalidLockFile, also if two contradict, and what building raises."""
    pins: dict[NormalizedName, Pin] = {}
    trees: set[NormalizedName] = set()
    for lock in locks:
        locked = read_lock_file(
            lock, interpreter, extras=request.extras, groups=request.groups, formats=formats
        )
        for pin in (*locked.pins, *await _build_all(locked.sources, supply)):
            other = pins.setdefault(pin.name, pin)
            if other.file != pin.file:
                raise LockFilesContradict(
                    path=lock.path,
                    reason=f"it locks {pin.name} to {pin.file.filename}, "
                    f"another lock file to {other.file.filename}",
                )
        trees.update(source.asked.name for source in locked.sources if _is_tree(source))
    return LockedPins(pins=tuple(pins[name] for name in sorted(pins)), trees=frozenset(trees))


async def _build_all(sources: Iterable[LockedSource], supply: Supplying) -> list[Pin]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_build(source, supply)) for source in sources]
    except BaseExceptionGroup as errors:
        raise first_error(errors) from errors
    return [task.result() for task in tasks]


async def _build(source: LockedSource, supply: Supplying) -> Pin:
    built = await build_source(source.asked, supply)
    _, version, _, _ = parse_wheel_filename(built.wheel.filename)
    source.agree(version)
    return Pin(
        name=built.name,
        version=version,
        file=built.wheel,
        requested=False,
        direct_url=_as_locked(built.direct_url, source.requested_revision),
    )


def _as_locked(origin: DirectUrl, requested_revision: str | None) -> DirectUrl:
    """What was asked for of a repository is what was locked, not the commit that came of it."""
    if origin.vcs_info is None:
        return origin
    return replace(origin, vcs_info=replace(origin.vcs_info, requested_revision=requested_revision))


def _is_tree(locked: LockedSource) -> bool:
    source = locked.asked.source
    return source is not None and source.kind is SourceKind.TREE
