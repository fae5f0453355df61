"""Wheels that not everybody takes: whether linkd does is as with pip and uv, or explained."""

from pathlib import Path

import pytest

from tests.differential.allowed import DISPUTES
from tests.differential.comparison import Verdict
from tests.differential.installers import Installers
from tests.differential.odd import compare_disputed
from tests.differential.oddities import DISPUTED, Maker, name_of


@pytest.mark.parametrize("make", DISPUTED, ids=name_of)
def test_a_disputed_wheel(installers: Installers, make: Maker, tmp_path: Path) -> None:
    """It is taken by all and refused by all, exactly where no difference is allowed for it."""
    compared = compare_disputed(installers, tmp_path, make)
    verdict = Verdict()
    verdict.judge(compared.differences, DISPUTES)
    assert verdict.unexpected == []
    named = any(name_of(make) in rule.projects for rule in DISPUTES)
    assert bool(compared.differences) == named
