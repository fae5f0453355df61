"""What an answer depends on besides the world: a request and a target as one digest."""

import hashlib
from collections import OrderedDict
from typing import Final

import msgspec

from linkd.core.formats import Formats, Names
from linkd.resolve.requirement import Asked
from linkd.resolve.resolver import ResolveRequest
from linkd.resolve.target_view import TargetView

_REMEMBERED: Final = 256
_known: Final[OrderedDict[int, tuple[tuple[Asked, ...], bytes]]] = OrderedDict()
"""By identity, for equal requests have the same tuples; held, so that no id is another's."""


def fingerprint(request: ResolveRequest, target: TargetView) -> bytes:
    """Equal for requests that the same world answers alike. Where they were written is left out, but of hashes."""
    upgrade = request.upgrade
    return _digest(
        (
            target.digest,
            _of_all(request.requirements),
            _of_all(request.constraints),
            request.no_deps,
            request.prerelease,
            request.require_hashes,
            upgrade if isinstance(upgrade, bool) else sorted(upgrade),
            _of_formats(request.formats),
            sorted((name, str(version)) for name, version in request.preferred.items()),
        )
    )


def _of_all(requirements: tuple[Asked, ...]) -> bytes:
    known = _known.get(id(requirements))
    if known is None:
        digest = _digest([_of_one(asked) for asked in requirements])
        known = _known[id(requirements)] = (requirements, digest)
        while len(_known) > _REMEMBERED:
            _known.popitem(last=False)
    return known[1]


def _of_one(asked: Asked) -> tuple[object, ...]:
    return (
        asked.name,
        sorted(asked.extras),
        str(asked.specifier),
        None if asked.marker is None else str(asked.marker),
        asked.url,
        None if asked.source is None else repr(asked.source),
        sorted((name, sorted(digests)) for name, digests in asked.hashes.items()),
        # Pins name the places of their hashes
        asked.origin if asked.hashes else None,
    )


def _of_formats(formats: Formats) -> tuple[object, ...]:
    return _of_names(formats.no_binary), _of_names(formats.only_binary)


def _of_names(names: Names) -> tuple[object, ...]:
    return names.every, sorted(names.names)


def _digest(value: object) -> bytes:
    return hashlib.blake2b(msgspec.msgpack.encode(value), digest_size=32).digest()
