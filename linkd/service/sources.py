"""Requirements that have to be built are exchanged for the wheels that came of them."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from packaging.utils import NormalizedName

from linkd.core.source import Built, SourceKind
from linkd.core.target import Interpreter
from linkd.core.wheel import Pin
from linkd.errors import HashMismatch, InvalidRequirement, UnhashedRequirement
from linkd.resolve.requirement import Asked
from linkd.resolve.resolver import ResolveRequest
from linkd.resolve.target_view import target_view
from linkd.service.fetching import first_error
from linkd.service.ports import Supplying


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    resolving: ResolveRequest
    """Without any source."""
    trees: frozenset[NormalizedName]
    """Projects of folders: what is in them now is installed, whatever their version."""


async def exchange_sources(
    resolving: ResolveRequest, supply: Supplying, interpreter: Interpreter
) -> Exchanged:
    """Build what the request itself names and its markers want, all at once.

    Raises what building raises, and InvalidRequirement or UnhashedRequirement with the requirement's place.
    """
    target = target_view(interpreter)
    wanted = [
        asked
        for asked in resolving.requirements
        if asked.source is None
        or asked.marker is None
        or target.marker_holds(asked.marker, str(asked.marker))
    ]
    sources = [asked for asked in wanted if asked.source is not None]
    if not sources:
        return Exchanged(resolving=resolving, trees=frozenset())
    if resolving.require_hashes:
        _check_hashed(sources)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {id(asked): group.create_task(build_source(asked, supply)) for asked in sources}
    except BaseExceptionGroup as errors:
        raise first_error(errors) from errors
    built = {key: task.result() for key, task in tasks.items()}
    return Exchanged(
        resolving=replace(
            resolving,
            requirements=tuple(
                _exchanged(asked, built[id(asked)]) if id(asked) in built else asked
                for asked in wanted
            ),
        ),
        trees=frozenset(
            built[id(asked)].name
            for asked in sources
            if asked.source is not None and asked.source.kind is SourceKind.TREE
        ),
    )


def with_origins(pins: Iterable[Pin], supply: Supplying) -> tuple[Pin, ...]:
    """Pins of built wheels with the direct URLs of what they were built of."""
    return tuple(
        pin
        if (built := supply.origins.get(pin.file.url)) is None
        else replace(pin, direct_url=built.direct_url, required_hashes={})
        for pin in pins
    )


async def build_source(asked: Asked, supply: Supplying) -> Built:
    """What comes of a requirement's source. Raises what building raises, with its place."""
    assert asked.source is not None
    try:
        return await supply.built(asked.source, asked.hashes, asked.name or None)
    except HashMismatch as error:
        raise error.required_by(asked.hashes, asked.origin) from error
    except InvalidRequirement as error:
        raise InvalidRequirement(
            requirement=asked.text, reason=error.reason, origin=asked.origin
        ) from error


def _exchanged(asked: Asked, built: Built) -> Asked:
    return replace(
        asked,
        name=built.name,
        url=built.wheel.url,
        source=None,
        hashes={name: frozenset({digest}) for name, digest in built.wheel.hashes.items()},
    )


def _check_hashed(sources: Iterable[Asked]) -> None:
    for asked in sources:
        if not asked.hashes:
            raise UnhashedRequirement(
                requirement=asked.text,
                reason="hashes are required, and it has none",
                origin=asked.origin,
            )
