"""Installs the odd wheels with all three tools and judges what differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.differential.comparison import Difference, compare
from tests.differential.installers import (
    Installers,
    compare_outcomes,
    compare_runs,
    exact_requirement,
    installed_trees,
)
from tests.differential.oddities import ODDITIES, RUNNABLE, Maker, Oddity, make_all, name_of
from tests.support.daemon import Ran
from tests.support.wheels import make_wheel

_ARGUMENTS: Final = ("an argument", "it's", '"quoted"', "$HOME")

PLACES: Final = {
    "with a blank": "with a blank",
    "with quotes": 'it\'s "quoted" $HOME `x` \\',
    "longer than a first line": f"{'long-' * 30}path",
    "longer, with a blank": f"{'long ' * 30}path",
    "beyond ASCII": "caf\u00e9-数据",
}
"""Folders that an environment may lie in, by what is special about them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What was found, and how much was looked at."""

    differences: tuple[Difference, ...]
    files: int = 0
    projects: int = 0
    scripts: int = 0


def compare_oddities(installers: Installers, folder: Path) -> Compared:
    """All of the right ones, together."""
    return _compare(installers, folder, ODDITIES)


def compare_place(installers: Installers, folder: Path, place: str) -> Compared:
    """Those that have scripts, in environments at an unusual path."""
    return _compare(installers, folder / PLACES[place], RUNNABLE)


def compare_disputed(installers: Installers, folder: Path, make: Maker) -> Compared:
    """One of the others, alone."""
    wheel = make(folder / "wheels")
    environments = installers.environments(folder)
    ran = installers.install(environments, wheel.parent, [exact_requirement(wheel)])
    return Compared(differences=tuple(compare_outcomes(name_of(make), ran)), projects=1)


def compare_direct(installers: Installers, folder: Path) -> Compared:
    """A wheel that is named by its path, so that its origin is recorded (PEP 610)."""
    wheel = make_wheel(folder / "wheels", "direct")
    environments = installers.environments(folder)
    ran, trees = installed_trees(installers, environments, wheel.parent, [str(wheel)])
    _require_installed(ran)
    return Compared(differences=tuple(compare(trees)), projects=1)


def compare_all(installers: Installers, folder: Path) -> dict[str, Compared]:
    """All that are right, in every way, by what they are."""
    compared = {
        "together": compare_oddities(installers, folder / "together"),
        "by path": compare_direct(installers, folder / "direct"),
    }
    for number, place in enumerate(PLACES):
        compared[place] = compare_place(installers, folder / str(number), place)
    return compared


def _compare(installers: Installers, folder: Path, oddities: Sequence[Oddity]) -> Compared:
    wheels = folder / "wheels"
    made = make_all(tuple(oddities), wheels)
    requirements = [exact_requirement(wheel) for some in made.values() for wheel in some]
    environments = installers.environments(folder)
    ran, trees = installed_trees(installers, environments, wheels, requirements)
    _require_installed(ran)
    scripts = {
        script: name_of(oddity.wheels[0]) for oddity in oddities for script in oddity.scripts
    }
    runs = compare_runs(installers, environments, scripts, _ARGUMENTS)
    return Compared(
        differences=(*compare(trees), *runs),
        files=sum(entry.kind == "file" for entry in trees["linkd"].entries.values()),
        projects=len(trees["linkd"].records),
        scripts=len(scripts),
    )


def _require_installed(ran: Mapping[str, Ran]) -> None:
    failed = {tool: one for tool, one in ran.items() if one.code}
    assert not failed, failed
