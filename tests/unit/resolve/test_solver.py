"""The contract with the solver library: what we rely on, through our own seam alone."""

import threading
from collections.abc import Mapping

import pytest

from linkd.errors import ResolutionLimit
from linkd.resolve.ranges import EVERYTHING, NOTHING, CandidateSet
from linkd.resolve.requirement import Asked
from linkd.resolve.solver import Conflict, Interrupted, Limits, Needs, Root, Wanted, solve

from .world import ask

(ASKED,) = ask("a")
(OTHER,) = ask("b")


class Table:
    """Candidates and needs from a table: {package: [needs of candidate 0, 1, …]}."""

    def __init__(self, table: Mapping[str, list[dict[str, int]]]) -> None:
        self.table = table

    def choose(self, package: str, candidates: CandidateSet) -> int | None:
        mask = candidates.mask & ((1 << len(self.table[package])) - 1)
        return mask.bit_length() - 1 if mask else None

    def dependencies(self, package: str, index: int) -> Mapping[str, CandidateSet]:
        return {name: CandidateSet(mask) for name, mask in self.table[package][index].items()}

    def priority(self, package: str, candidates: CandidateSet, conflicts: int) -> tuple[int, ...]:
        return (-conflicts, candidates.mask.bit_count(), len(package))

    def widen(self, package: str, index: int) -> CandidateSet | None:
        return CandidateSet(1 << index) if package in self.table else None


def run(
    table: Mapping[str, list[dict[str, int]]], *roots: Root, limits: Limits | None = None
) -> dict[str, int]:
    return solve(Table(table), roots, limits or Limits(), threading.Event())


def root(package: str, mask: int = -1, asked: Asked = ASKED) -> Root:
    return Root(package, CandidateSet(mask), asked)


def test_pins() -> None:
    """What the roots lead to is pinned, and nothing else."""
    table: dict[str, list[dict[str, int]]] = {"a": [{"b": 0b01}], "b": [{}, {}], "c": [{}]}

    assert run(table, root("a")) == {"a": 0, "b": 0}


def test_backtracking() -> None:
    """A choice whose needs clash is undone, and what only it needed is not pinned."""
    table: dict[str, list[dict[str, int]]] = {
        "a": [{"b": 0b01}, {"b": 0b10, "c": -1}],
        "b": [{}, {}],
        "c": [{}],
    }

    assert run(table, root("a"), root("b", 0b01)) == {"a": 0, "b": 0}


def test_facts() -> None:
    """A conflict has the requirements and needs that it rests on, and no others."""
    table: dict[str, list[dict[str, int]]] = {"a": [{"b": 0b10}], "b": [{}, {}], "c": [{}]}

    with pytest.raises(Conflict) as caught:
        run(table, root("c"), root("a"), root("b", 0b01, OTHER))

    expected = (Wanted("a", ASKED), Wanted("b", OTHER), Needs("a", CandidateSet(0b1), "b"))
    assert len(caught.value.facts) == len(expected)
    assert all(fact in caught.value.facts for fact in expected)


@pytest.mark.parametrize("mask", [NOTHING.mask, 0b100])
def test_nothing_to_choose(mask: int) -> None:
    """A root without any candidate is a conflict of its own."""
    with pytest.raises(Conflict) as caught:
        run({"a": [{}, {}]}, root("a", mask))

    assert caught.value.facts == (Wanted("a", ASKED),)


def test_need_of_nothing() -> None:
    """A candidate that needs what there is not gives way to another."""
    assert run({"a": [{}, {"b": 0}], "b": [{}]}, root("a")) == {"a": 0}


def test_steps() -> None:
    """Too many steps are an error of their own."""
    with pytest.raises(ResolutionLimit, match="1 steps"):
        run({"a": [{"b": -1}], "b": [{}]}, root("a"), limits=Limits(iterations=1))


def test_deadline() -> None:
    """So is too long a time."""
    with pytest.raises(ResolutionLimit, match="0 seconds"):
        run({"a": [{}]}, root("a"), limits=Limits(seconds=0))


def test_interrupted() -> None:
    """A solve that nobody waits for ends at its next decision."""
    stop = threading.Event()
    stop.set()

    with pytest.raises(Interrupted):
        solve(Table({"a": [{}]}), [root("a")], Limits(), stop)


def test_errors_pass() -> None:
    """An error in answering the solver comes out as it is."""
    with pytest.raises(KeyError):
        run({"a": [{"missing": -1}]}, root("a"))


def test_algebra() -> None:
    """The range type keeps what the library asks of it: x is within (x - y) | y."""
    sets = [NOTHING, EVERYTHING, CandidateSet(0b0110), CandidateSet(0b0011), CandidateSet(~0b1)]
    for one in sets:
        assert ~~one == one
        assert one & EVERYTHING == one
        for two in sets:
            assert one.is_subset((one - two) | two)
            assert one.relation(two).is_subset == one.is_subset(two)
            assert one.relation(two).is_disjoint == one.is_disjoint(two)
            assert one.is_superset(two) == two.is_subset(one)
