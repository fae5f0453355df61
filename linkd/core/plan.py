"""Pins against what is installed: what comes, goes and stays. Computes, looks at nothing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from packaging.direct_url import ArchiveInfo, DirectUrl
from packaging.utils import NormalizedName, canonicalize_name

from linkd.core.installed import InstalledDistribution
from linkd.core.wheel import Pin

SEEDS: Final = frozenset(map(canonicalize_name, ("pip", "setuptools", "wheel")))
"""What `venv` and `virtualenv` may put into an environment; an exact plan leaves them, as uv's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a request will do to one environment. Each part is sorted by name."""

    additions: tuple[Pin, ...] = ()
    removals: tuple[InstalledDistribution, ...] = ()
    """What goes: replaced by an addition of the same name, or for good."""
    unchanged: tuple[InstalledDistribution, ...] = ()

    @property
    def names(self) -> frozenset[NormalizedName]:
        """The distributions that change."""
        return frozenset(
            [pin.name for pin in self.additions] + [gone.name for gone in self.removals]
        )


def plan_install(
    pins: Sequence[Pin],
    installed: Mapping[NormalizedName, InstalledDistribution],
    *,
    reinstall: bool | Collection[NormalizedName] = False,
    exact: bool = False,
) -> Plan:
    """Install what is missing, replace what differs, leave the rest alone.

    With `exact` what no pin names goes, but for the tools that an environment is seeded with.
    """
    additions: list[Pin] = []
    removals: list[InstalledDistribution] = []
    unchanged: list[InstalledDistribution] = []
    for pin in sorted(pins, key=lambda pin: pin.name):
        present = installed.get(pin.name)
        forced = reinstall if isinstance(reinstall, bool) else pin.name in reinstall
        if present is None:
            additions.append(pin)
        elif forced or not _satisfies(present, pin):
            additions.append(pin)
            removals.append(present)
        else:
            unchanged.append(present)
    if exact:
        removals += leftovers({pin.name for pin in pins}, installed)
        removals.sort(key=lambda gone: gone.name)
    return Plan(additions=tuple(additions), removals=tuple(removals), unchanged=tuple(unchanged))


def leftovers(
    wanted: Collection[NormalizedName], installed: Mapping[NormalizedName, InstalledDistribution]
) -> list[InstalledDistribution]:
    """What goes where only the wanted shall stay, sorted by name."""
    return [installed[name] for name in sorted(installed.keys() - set(wanted) - SEEDS)]


def _satisfies(present: InstalledDistribution, pin: Pin) -> bool:
    """The same version, whole; and for a direct URL, installed from the same one (PEP 610)."""
    if not present.is_whole or present.version != pin.version:
        return False
    return pin.direct_url is None or (
        present.direct_url is not None and _same_origin(present.direct_url, pin.direct_url)
    )


def _same_origin(one: DirectUrl, other: DirectUrl) -> bool:
    """The same place, and the same bytes as far as both tell: a hash is recorded once it is known."""
    known = [
        dict((origin.archive_info and origin.archive_info.hashes) or {}) for origin in (one, other)
    ]
    if any(known[0][name] != known[1][name] for name in known[0].keys() & known[1].keys()):
        return False
    return _without_hashes(one) == _without_hashes(other)


def _without_hashes(origin: DirectUrl) -> DirectUrl:
    archive = None if origin.archive_info is None else ArchiveInfo()
    return replace(origin, archive_info=archive)
