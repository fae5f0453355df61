"""The page in docs/ says what is tested and what was measured, and nothing else."""

import re
from collections import Counter
from pathlib import Path

from tests.conformance.behaviour import Behaviour
from tests.conformance.chapters import CHAPTERS
from tests.conformance.page import PAGE, differs, write_page
from tests.conformance.peers import PEERS, read_peers, row

BEHAVIOURS = [one for chapter in CHAPTERS for one in chapter.behaviours]
LOCK = Path(__file__).parents[2] / "requirements-dev.lock"


def test_the_page_is_the_one_that_is_generated() -> None:
    """docs/conformance.md is what the chapters and the measured outcomes make; `make conformance`."""
    assert PAGE.read_text() == write_page(CHAPTERS, read_peers())


def test_each_behaviour_is_one_row() -> None:
    """No two rows claim the same."""
    counts = Counter(one.claim for one in BEHAVIOURS)
    assert [claim for claim, count in counts.items() if count > 1] == []


def test_the_peers_were_given_the_same() -> None:
    """pip and uv were measured with just the scenarios that linkd is tested with."""
    measured = {claim: one.scenario for claim, one in read_peers().outcomes.items()}
    assert measured == {one.claim: one.fingerprint for one in BEHAVIOURS}


def test_the_peers_are_those_of_the_lock() -> None:
    """pip and uv were measured in the versions that requirements-dev.lock pins."""
    pins = dict(re.findall(r"^(pip|uv)==([^\s;]+)", LOCK.read_text(), re.MULTILINE))
    assert read_peers().versions == pins


def test_every_difference_is_explained() -> None:
    """A row has a reason exactly where pip or uv does something else."""
    peers = read_peers()

    def is_odd(behaviour: Behaviour) -> bool:
        return any(differs(row(behaviour, peers), tool) for tool in PEERS)

    wrong = [one.claim for one in BEHAVIOURS if is_odd(one) != bool(one.why)]
    assert wrong == []


def test_fingerprints_tell_scenarios_apart() -> None:
    """Two behaviours with the same scenario differ in what they look at, or are one."""
    counts = Counter(one.fingerprint for one in BEHAVIOURS)
    assert [one.claim for one in BEHAVIOURS if counts[one.fingerprint] > 1] == []
