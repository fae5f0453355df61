"""linkd does what its column of docs/conformance.md says."""

import pytest

from tests.conformance.behaviour import Behaviour, Tool
from tests.conformance.chapters import CHAPTERS
from tests.conformance.trials import Trials

BEHAVIOURS = [
    pytest.param(behaviour, id=f"{chapter.title}: {behaviour.claim}")
    for chapter in CHAPTERS
    for behaviour in chapter.behaviours
]


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_a_behaviour(trials: Trials, behaviour: Behaviour) -> None:
    """With these wheels and commands the outcome is the one that the row tells."""
    assert trials.outcome(Tool.LINKD, behaviour) == behaviour.linkd
