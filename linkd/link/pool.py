"""Trees that were staged before anybody asked for them: an install that finds its own only renames.

What was wanted once is wanted again: whatever an install takes, or has to make itself, is made again
in the background, as long as all trees together stay within their budget of folders. Those that were
not wanted for the longest time go first. Trees survive a restart if they are found to be whole.
"""

import contextlib
import os
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from linkd.link.blueprint import Shape

SUFFIX: Final = ".tree"
"""Of the names of trees that are ready; what has another one is half-made."""

_MOST: Final = 10_000
"""Keys that are remembered; more are only where there are so many trees."""

_NAME: Final = re.compile(r"([0-9a-f]{64})-([0-9a-f]{12})\.[0-9a-f]{8}\.tree")


@dataclass(frozen=True, slots=True)
class Order:
    """A tree that somebody may want: one wheel in one shape."""

    sha256: str
    shape: Shape

    @property
    def key(self) -> str:
        return f"{self.sha256}-{self.shape.digest}"


@dataclass(frozen=True, slots=True)
class Staged:
    """A tree in the pool's folder, as far as its name tells."""

    path: str
    sha256: str
    shape_digest: str

    @property
    def key(self) -> str:
        return f"{self.sha256}-{self.shape_digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    depth: int = 1
    """Trees kept of what was wanted; 0 is no pool."""
    folders: int = 40_000
    """Of all trees together: folders are what a tree costs, its files cost nothing."""


@dataclass(slots=True)
class _Stock:
    """The trees of one key, and what to do to have them again."""

    trees: list[str] = field(default_factory=list)
    """Their names in the pool's folder."""
    order: Order | None = None
    """None as long as nobody has wanted it since the start."""
    depth: int = 0
    """How many there should be."""
    folders: int = 1
    """Of one tree, once that is known."""


class Pool:
    """The trees that are ready. May be asked from any thread."""

    def __init__(self, folder: str, limits: PoolLimits, discard: Callable[[str], None]) -> None:
        """`discard` moves what is at a path out of the pool's folder and removes it."""
        self.folder = folder
        self.limits = limits
        self.hits = 0
        self.misses = 0
        self._discard = discard
        self._stocks: OrderedDict[str, _Stock] = OrderedDict()
        """The one that was wanted last is the last."""
        self._guard = threading.Lock()

    @property
    def staged(self) -> int:
        """Trees that are ready."""
        with self._guard:
            return sum(len(stock.trees) for stock in self._stocks.values())

    @property
    def lacking(self) -> int:
        """Trees that are to be made."""
        with self._guard:
            return sum(number for _, number in self._lacking())

    def lacks(self, keys: Collection[str]) -> set[str]:
        """Those of which trees are to be made still."""
        with self._guard:
            return {stock.order.key for stock, _ in self._lacking() if stock.order} & {*keys}

    def ready(self, key: str) -> int:
        """Trees of this key that are ready."""
        with self._guard:
            stock = self._stocks.get(key)
            return len(stock.trees) if stock is not None else 0

    def take(self, order: Order, where: str) -> bool:
        """Move a tree to the new name `where`, on the same mount; false if there is none."""
        while (name := self._pop(order.key)) is not None:
            # What somebody has removed by hand is none; what cannot be moved is of no use.
            with contextlib.suppress(OSError):
                os.rename(os.path.join(self.folder, name), where)
                self._tally(hit=True)
                return True
        self._tally(hit=False)
        return False

    def want(self, orders: Iterable[Order], *, depth: int = 0) -> None:
        """Have these ready from now on, rather than what was wanted before them.

        As many of each as the limits say, or `depth` if that is more.
        """
        if not self.limits.depth:
            return
        with self._guard:
            for order in orders:
                stock = self._stocks.setdefault(order.key, _Stock())
                stock.order = order
                stock.depth = max(depth, self.limits.depth)
                self._stocks.move_to_end(order.key)
            self._forget()

    def next_order(self) -> Order | None:
        """What to make next: what was wanted last, first."""
        with self._guard:
            return next((stock.order for stock, _ in self._lacking()), None)

    def new_name(self, key: str) -> str:
        """Where to make a tree; nobody finds it until it is `put`."""
        return os.path.join(self.folder, f"{key}.{secrets.token_hex(4)}.new")

    def put(self, key: str, path: str, folders: int) -> None:
        """Add a tree that was made, of which so many folders are new on the disk.

        It is discarded if nobody wants it any more. Raises OSError.
        """
        name = f"{os.path.basename(path).rpartition('.')[0]}{SUFFIX}"
        os.rename(path, os.path.join(self.folder, name))
        with self._guard:
            stock = self._stocks.get(key)
            if stock is not None:
                stock.trees.append(name)
                stock.folders = folders
            surplus = [name] if stock is None else self._surplus()
        self._discard_all(surplus)

    def adopt(self, tree: Staged, folders: int) -> None:
        """Add a tree that an earlier daemon left and that is whole."""
        with self._guard:
            stock = self._stocks.get(tree.key)
            if stock is None:
                stock = self._stocks[tree.key] = _Stock()
                self._stocks.move_to_end(tree.key, last=False)
            stock.trees.append(os.path.basename(tree.path))
            stock.folders = folders
            surplus = self._surplus()
        self._discard_all(surplus)

    def expel(self, tree: Staged) -> None:
        """Remove a tree that is not what it should be, if it is there still."""
        with self._guard:
            stock = self._stocks.get(tree.key)
            name = os.path.basename(tree.path)
            if stock is not None and name in stock.trees:
                stock.trees.remove(name)
        self._discard(tree.path)

    def give_up(self, keys: Collection[str] | None = None) -> list[Order]:
        """Make no more trees of these, or of any, until they are wanted again.

        Those of which there were too few.
        """
        with self._guard:
            left = [
                stock.order
                for stock, _ in list(self._lacking())
                if stock.order is not None and (keys is None or stock.order.key in keys)
            ]
            for order in left:
                stock = self._stocks[order.key]
                stock.depth = len(stock.trees)
                if not stock.trees:
                    del self._stocks[order.key]
        return left

    def drop_wheel(self, sha256: str) -> None:
        """Want no tree of a wheel any more, and remove those that are there."""
        with self._guard:
            keys = [key for key in self._stocks if key.startswith(f"{sha256}-")]
            dropped = [name for key in keys for name in self._stocks.pop(key).trees]
        self._discard_all(dropped)

    def trees(self) -> list[Staged]:
        """All that are ready."""
        with self._guard:
            names = [name for stock in self._stocks.values() for name in stock.trees]
        return [tree for name in names if (tree := self._parse(name)) is not None]

    def found(self) -> list[Staged]:
        """What an earlier daemon left. What cannot be of use is removed. Raises OSError."""
        found: list[Staged] = []
        for name in os.listdir(self.folder):
            if not name.endswith(SUFFIX):
                continue
            tree = self._parse(name)
            if tree is None or not self.limits.depth:
                self._discard(os.path.join(self.folder, name))
            else:
                found.append(tree)
        return found

    def _parse(self, name: str) -> Staged | None:
        match = _NAME.fullmatch(name)
        return Staged(os.path.join(self.folder, name), match[1], match[2]) if match else None

    def _discard_all(self, names: Iterable[str]) -> None:
        for name in names:
            self._discard(os.path.join(self.folder, name))

    def _pop(self, key: str) -> str | None:
        with self._guard:
            stock = self._stocks.get(key)
            return stock.trees.pop() if stock is not None and stock.trees else None

    def _tally(self, *, hit: bool) -> None:
        with self._guard:
            self.hits += hit
            self.misses += not hit

    def _allotments(self) -> Iterator[tuple[_Stock, int]]:
        """How many trees of each there is room for, the last wanted first."""
        budget = self.limits.folders
        for stock in reversed(self._stocks.values()):
            number = min(max(stock.depth, len(stock.trees)), budget // stock.folders)
            budget -= number * stock.folders
            yield stock, number

    def _lacking(self) -> Iterator[tuple[_Stock, int]]:
        """Those to be filled, and by how many trees, the last wanted first."""
        for stock, number in self._allotments():
            missing = min(number, stock.depth) - len(stock.trees)
            if stock.order is not None and missing > 0:
                yield stock, missing

    def _surplus(self) -> list[str]:
        """Takes out what there is no room for: of what was wanted longest ago."""
        surplus: list[str] = []
        total = sum(stock.folders * len(stock.trees) for stock in self._stocks.values())
        if total <= self.limits.folders:
            return surplus
        for stock, number in list(self._allotments()):
            surplus += stock.trees[number:]
            del stock.trees[number:]
        return surplus

    def _forget(self) -> None:
        """Bounds what is remembered of what there is no room for."""
        excess = len(self._stocks) - _MOST
        if excess > 0:
            empty = [key for key, stock in self._stocks.items() if not stock.trees]
            for key in empty[:excess]:
                del self._stocks[key]
