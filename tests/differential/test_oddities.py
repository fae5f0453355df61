"""Odd wheels that are right come out the same from linkd, pip and uv, but for what is allowed."""

import pytest

from tests.differential.allowed import ALLOWED
from tests.differential.comparison import Verdict
from tests.differential.installers import Installers
from tests.differential.odd import PLACES, Compared, compare_all
from tests.differential.oddities import ODDITIES, Oddity, projects_of


@pytest.fixture(scope="module")
def compared(
    installers: Installers, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Compared]:
    return compare_all(installers, tmp_path_factory.mktemp("odd"))


def judged(compared: Compared, projects: frozenset[str] | None = None) -> Verdict:
    """What is thought of all differences, or those of some projects."""
    verdict = Verdict()
    found = compared.differences
    if projects is not None:
        found = tuple(one for one in found if one.project in projects)
    verdict.judge(found, ALLOWED)
    return verdict


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: oddity.name)
def test_an_oddity(compared: dict[str, Compared], oddity: Oddity) -> None:
    """What is odd makes no difference that is not named and explained."""
    assert judged(compared["together"], projects_of(oddity)).unexpected == []


def test_what_nobody_recorded(compared: dict[str, Compared]) -> None:
    """Nothing lies in an environment that no RECORD names, but for what is allowed."""
    assert judged(compared["together"], frozenset({""})).unexpected == []


def test_everything_was_compared(compared: dict[str, Compared]) -> None:
    """Every odd wheel was installed, and every script of theirs was run."""
    wheels = sum(len(oddity.wheels) for oddity in ODDITIES)
    scripts = sum(len(oddity.scripts) for oddity in ODDITIES)
    assert (compared["together"].projects, compared["together"].scripts) == (wheels, scripts)


@pytest.mark.parametrize("place", ["by path", *PLACES])
def test_a_place(compared: dict[str, Compared], place: str) -> None:
    """Scripts and launchers do the same wherever the environment lies, and a wheel wherever it did."""
    assert judged(compared[place]).unexpected == []


def test_what_is_allowed_occurs(compared: dict[str, Compared]) -> None:
    """Nothing is allowed that does not occur."""
    verdict = Verdict()
    for one in compared.values():
        verdict.judge(one.differences, ALLOWED)
    assert verdict.stale(ALLOWED) == []
