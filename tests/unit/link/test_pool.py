"""What the pool keeps, gives and lets go; its trees are real folders."""

import os
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from linkd.core.target import SchemeKey
from linkd.link.blueprint import Shape
from linkd.link.footprint import Roots
from linkd.link.pool import Order, Pool, PoolLimits

ROOTS = Roots(dict.fromkeys(SchemeKey, "lib/"), frozenset(), frozenset())
SHAPE = Shape(ROOTS, "3.12", requested=True)


def order(number: int) -> Order:
    return Order(f"{number:064x}", SHAPE)


class Filled:
    """A pool, and whoever fills it."""

    def __init__(self, folder: Path, **limits: int) -> None:
        self.folder = folder
        self.folder.mkdir(exist_ok=True)
        self.pool = Pool(str(folder), PoolLimits(**limits), shutil.rmtree)
        self.taken = folder.parent / "taken"
        self.taken.mkdir(exist_ok=True)

    def fill(self, folders: int = 1) -> int:
        """Make all that is lacking, each tree of so many folders; how many were made."""
        made = 0
        while (wanted := self.pool.next_order()) is not None:
            self.make(wanted, folders)
            made += 1
            assert made <= 200, "the pool throws away what it has just had made"
        return made

    def make(self, wanted: Order, folders: int = 1) -> None:
        where = self.pool.new_name(wanted.key)
        os.mkdir(where)
        Path(where, "made").write_text(wanted.sha256)
        self.pool.put(wanted.key, where, folders)

    def take(self, number: int) -> Path | None:
        where = self.taken / os.urandom(4).hex()
        return where if self.pool.take(order(number), str(where)) else None

    def has(self, number: int) -> int:
        return self.pool.ready(order(number).key)


@pytest.fixture
def filled(tmp_path: Path) -> Filled:
    return Filled(tmp_path / "pool", folders=10)


def test_a_tree_is_given_once(filled: Filled) -> None:
    """What was wanted is made once, given once, and counted."""
    filled.pool.want([order(1)])
    assert filled.fill() == 1

    taken = filled.take(1)

    assert taken is not None
    assert (taken / "made").read_text() == order(1).sha256
    assert filled.take(1) is None
    assert filled.take(2) is None
    assert (filled.pool.hits, filled.pool.misses, filled.pool.staged) == (1, 2, 0)
    assert os.listdir(filled.folder) == []


def test_depth(tmp_path: Path) -> None:
    """As many trees are kept of each as the limits say; what was taken is lacking again."""
    filled = Filled(tmp_path / "pool", depth=3)
    filled.pool.want([order(1), order(2)])
    assert filled.pool.lacking == 6
    assert filled.fill() == 6
    filled.take(1)
    filled.take(1)
    assert filled.pool.lacking == 2
    assert filled.pool.lacks([order(1).key, order(2).key]) == {order(1).key}


def test_more_for_once(filled: Filled) -> None:
    """More may be wanted of one; the next who wants it asks for no more than the limits say."""
    filled.pool.want([order(1)], depth=4)
    assert filled.fill() == 4
    filled.take(1)
    filled.pool.want([order(1)])
    assert (filled.has(1), filled.pool.lacking) == (3, 0)


def test_the_last_wanted_is_made_first(filled: Filled) -> None:
    """Whoever asks last is served first, and what is wanted again counts as new."""
    filled.pool.want([order(1), order(2), order(3)])
    filled.pool.want([order(1)])
    made = []
    while (wanted := filled.pool.next_order()) is not None:
        made.append(wanted)
        filled.make(wanted)
    assert made == [order(1), order(3), order(2)]


def test_the_budget_is_for_what_was_wanted_last(filled: Filled) -> None:
    """Beyond the budget of folders, trees go that were not wanted for the longest time."""
    for number in (1, 2, 3):
        filled.pool.want([order(number)])
        filled.fill(folders=5)
    assert [filled.has(number) for number in (1, 2, 3)] == [0, 1, 1]
    assert len(os.listdir(filled.folder)) == 2
    filled.pool.want([order(2)])
    filled.pool.want([order(4)])
    filled.fill(folders=5)
    assert [filled.has(number) for number in (1, 2, 3, 4)] == [0, 1, 0, 1]
    assert filled.pool.lacking == 0


def test_one_too_large_for_the_budget(filled: Filled) -> None:
    """A tree that alone is beyond the budget is not kept, not made for ever, and bars no other."""
    filled.pool.want([order(1)])
    filled.fill(folders=4)
    filled.pool.want([order(2)])
    assert filled.fill(folders=11) == 1
    assert (filled.has(1), filled.has(2), filled.pool.lacking) == (1, 0, 0)
    filled.take(1)
    assert filled.fill(folders=4) == 1
    assert filled.has(1) == 1


def test_as_many_as_there_is_room_for(tmp_path: Path) -> None:
    """Of several trees of one key those are kept that the budget has room for."""
    filled = Filled(tmp_path / "pool", depth=4, folders=10)
    filled.pool.want([order(1)])
    filled.fill(folders=3)
    assert (filled.has(1), filled.pool.lacking) == (3, 0)


def test_given_up(filled: Filled) -> None:
    """What cannot be made is not lacking until it is wanted again; what there is stays."""
    filled.pool.want([order(1), order(2)], depth=2)
    filled.make(order(1))
    assert [one.key for one in filled.pool.give_up([order(2).key])] == [order(2).key]
    assert filled.pool.lacks([order(1).key, order(2).key]) == {order(1).key}
    assert filled.pool.give_up() == [order(1)]
    assert (filled.pool.lacking, filled.has(1)) == (0, 1)
    filled.pool.want([order(2)])
    assert filled.pool.lacking == 1


def test_a_wheel_that_is_dropped(filled: Filled) -> None:
    """All trees of a wheel go, and one that is just being made is not taken in."""
    filled.pool.want([order(1), order(2)])
    filled.fill()
    filled.pool.drop_wheel(order(1).sha256)
    assert (filled.has(1), filled.has(2)) == (0, 1)
    filled.make(order(1))
    assert (filled.has(1), filled.pool.lacking) == (0, 0)
    assert len(os.listdir(filled.folder)) == 1


def test_off(tmp_path: Path) -> None:
    """With a depth of 0 nothing is wanted, and what is left of a pool is removed."""
    earlier = Filled(tmp_path / "pool")
    earlier.pool.want([order(1)])
    earlier.fill()
    filled = Filled(tmp_path / "pool", depth=0)

    filled.pool.want([order(1)], depth=5)

    assert filled.pool.lacking == 0
    assert filled.pool.found() == []
    assert os.listdir(filled.folder) == []


def test_after_a_restart(tmp_path: Path) -> None:
    """Trees are found again by their names and given when somebody has looked at them; what has
    another name is left alone or, where it would count as a tree, removed."""
    earlier = Filled(tmp_path / "pool")
    earlier.pool.want([order(1), order(2)])
    earlier.fill()
    for name in ("txn-1", f"{order(3).key}.00000000.new", "odd.tree", "../taken/x.tree"):
        (earlier.folder / name).mkdir()
    filled = Filled(tmp_path / "pool", folders=10)

    found = {tree.key: tree for tree in filled.pool.found()}

    assert found.keys() == {order(1).key, order(2).key}
    assert "odd.tree" not in os.listdir(filled.folder)
    assert len(os.listdir(filled.folder)) == 4
    assert filled.take(1) is None
    for tree in found.values():
        filled.pool.adopt(tree, 6)
    assert filled.pool.staged == 1, "both are beyond the budget"
    filled.pool.expel(next(iter(filled.pool.trees())))
    assert filled.pool.staged == 0


def test_removed_by_hand(filled: Filled) -> None:
    """A tree that somebody has removed is none; the next one is given in its place."""
    filled.pool.want([order(1)], depth=2)
    filled.fill()
    shutil.rmtree(filled.folder / min(os.listdir(filled.folder)))
    assert filled.take(1) is not None
    assert filled.take(1) is None


def test_eight_threads(tmp_path: Path) -> None:
    """Threads that take the same orders at the same moment never get the same tree, and every one
    of them is counted."""
    filled = Filled(tmp_path / "pool", depth=10)
    numbers = range(10)
    filled.pool.want([order(number) for number in numbers])
    filled.fill()

    with ThreadPoolExecutor(8) as threads:
        asked = [number for number in numbers for _ in range(16)]
        taken = list(threads.map(filled.take, asked))

    given = [path for path in taken if path is not None]
    assert len(given) == len(set(given)) == 100
    assert Counter((path / "made").read_text() for path in given) == {
        order(number).sha256: 10 for number in numbers
    }
    assert (filled.pool.hits, filled.pool.misses) == (100, 60)


def test_memory_is_bounded(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what there is no room for, only the last wanted is remembered."""
    monkeypatch.setattr("linkd.link.pool._MOST", 20)
    filled.pool.want([order(number) for number in range(1000)])
    assert filled.fill() == 10
    assert len(filled.pool._stocks) <= 20
