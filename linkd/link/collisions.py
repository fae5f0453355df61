"""Paths that several distributions contain: found before anything is touched."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from packaging.utils import NormalizedName

from linkd.core.receipt import Collision
from linkd.link.footprint import Footprint, Identity, WheelFootprint, same_content

_REMEMBERED: Final = 64
_known: Final[dict[frozenset[Identity], tuple[Collision, ...]]] = {}


def find_collisions(
    coming: Mapping[NormalizedName, Footprint], staying: Mapping[NormalizedName, Footprint]
) -> tuple[Collision, ...]:
    """What comes against itself and against what stays, sorted by path.

    The distribution whose name sorts last is kept: the same whatever the order of installing.
    """
    wheels = [each for each in coming.values() if isinstance(each, WheelFootprint)]
    if staying or len(wheels) < len(coming):
        return _find(coming, staying)
    # Into a fresh environment the same wheels come again and again.
    key = frozenset(wheel.identity for wheel in wheels)
    known = _known.get(key)
    if known is None:
        if len(_known) >= _REMEMBERED:
            _known.clear()  # whole, for other threads use it too
        known = _known[key] = _find(coming, {})
    return known


def _find(
    coming: Mapping[NormalizedName, Footprint], staying: Mapping[NormalizedName, Footprint]
) -> tuple[Collision, ...]:
    everybody = {**staying, **coming}
    by_top: defaultdict[str, set[NormalizedName]] = defaultdict(set)
    for name, footprint in everybody.items():
        for top in footprint.tops:
            by_top[top].add(name)
    suspects = {
        name
        for names in by_top.values()
        if len(names) > 1 and not names.isdisjoint(coming)
        for name in names
    }
    owners: defaultdict[str, list[NormalizedName]] = defaultdict(list)
    for name in sorted(suspects):
        for path in everybody[name].paths:
            owners[path].append(name)
    return tuple(
        Collision(
            path=path,
            distributions=tuple(names),
            identical=same_content(path, [everybody[name] for name in names]),
            kept=names[-1],
        )
        for path, names in sorted(owners.items())
        if len(names) > 1 and not coming.keys().isdisjoint(names)
    )
