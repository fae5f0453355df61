"""Makes sure that the store has every wheel of a plan: all at once, each of them once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import NormalizedName

from linkd.core.progress import Reporter
from linkd.core.wheel import Pin, StoredWheel
from linkd.errors import HashMismatch, WheelMisnamed
from linkd.resolve.metadata import parse_version
from linkd.service.ports import Ensuring
from linkd.store.store import Ensured


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    wheels: Mapping[NormalizedName, StoredWheel]
    downloaded: int
    """Bytes that came over the network for this request."""
    came: frozenset[NormalizedName] = frozenset()
    """Of which distributions."""


async def fetch_wheels(store: Ensuring, pins: Sequence[Pin], reporter: Reporter) -> Fetched:
    """Raises the first error of any of them; the others are then cancelled."""
    wheels: dict[NormalizedName, StoredWheel] = {}
    missing: list[Pin] = []
    for pin in pins:
        wheel = store.at_hand(pin.file, pin.required_hashes)
        if wheel is None:
            missing.append(pin)
        else:
            wheels[pin.name] = wheel
    ensured = await _ensure_all(store, missing, reporter) if missing else {}
    wheels.update((name, each.wheel) for name, each in ensured.items())
    for pin in pins:
        _check_identity(pin, wheels[pin.name])
    return Fetched(
        wheels=wheels,
        downloaded=sum(each.downloaded for each in ensured.values()),
        came=frozenset(name for name, each in ensured.items() if each.downloaded),
    )


async def _ensure_all(
    store: Ensuring, pins: Sequence[Pin], reporter: Reporter
) -> dict[NormalizedName, Ensured]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {pin.name: group.create_task(_ensure(store, pin, reporter)) for pin in pins}
    except BaseExceptionGroup as errors:
        raise first_error(errors) from errors
    return {name: task.result() for name, task in tasks.items()}


async def _ensure(store: Ensuring, pin: Pin, reporter: Reporter) -> Ensured:
    """The store shares work between requests; where a hash was written each knows by itself."""
    try:
        return await store.ensure(pin.file, reporter, required_hashes=pin.required_hashes)
    except HashMismatch as error:
        raise error.required_by(pin.required_hashes, pin.hashes_from) from error


def _check_identity(pin: Pin, wheel: StoredWheel) -> None:
    manifest = wheel.manifest
    if manifest.name != pin.name or parse_version(manifest.version) != pin.version:
        found = f"{manifest.name} {manifest.version}"
        raise WheelMisnamed(
            filename=pin.file.filename,
            reasons=(f"it is {found}, but {pin.name} {pin.version} was wanted",),
        )


def first_error(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first that was raised, out of the groups around it."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
