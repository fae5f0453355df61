"""Pins against what is installed: what comes, goes and stays. Computes, looks at nothing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import NormalizedName

from linkd.core.installed import InstalledDistribution
from linkd.core.wheel import Pin


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
) -> Plan:
    """Install what is missing, replace what differs, leave the rest alone."""
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
    return Plan(additions=tuple(additions), removals=tuple(removals), unchanged=tuple(unchanged))


def _satisfies(present: InstalledDistribution, pin: Pin) -> bool:
    """The same version; and for a direct URL, installed from the same one (PEP 610)."""
    if present.version != pin.version:
        return False
    return pin.direct_url is None or present.direct_url == pin.direct_url
