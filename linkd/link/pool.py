"""Trees that were staged before anybody asked for them: an install that finds its own only renames.

What was wanted once is wanted again: whatever an install takes, or has to make itself, is made again
in the background, as long as all trees together stay within their budget of folders. Those that were
not wanted for the longest time go first. Trees survive a restart if they are found to be whole.
"""

import contextlib
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from linkd.link.blueprint import Shape

SUFFIX: Final = ".tree"
"""Of the names of trees that are ready; what has another one is half-made."""


@dataclass(frozen=True, slots=True)
class Order:
    """A tree that somebody may want: one wheel in one shape."""

    sha256: str
    shape: Shape

    @property
    def key(self) -> str:
        return f"{self.sha256}-{self.shape.digest}"


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
        self.hits = 0
        self.misses = 0
        self._limits = limits
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
            return sum(stock.depth - len(stock.trees) for stock in self._lacking())

    def take(self, order: Order, where: str) -> bool:
        """Move a tree to the new name `where`, on the same mount; false if there is none."""
        while (name := self._pop(order.key)) is not None:
            # What somebody has removed by hand is none.
            with contextlib.suppress(FileNotFoundError):
                os.rename(os.path.join(self.folder, name), where)
                self.hits += 1
                return True
        self.misses += 1
        return False

    def want(self, orders: Iterable[Order], *, depth: int | None = None) -> None:
        """Have these ready from now on, rather than what was wanted before them."""
        with self._guard:
            for order in orders:
                stock = self._stocks.setdefault(order.key, _Stock())
                stock.order = order
                stock.depth = self._limits.depth if depth is None else depth
                self._stocks.move_to_end(order.key)

    def next_order(self) -> Order | None:
        """What to make next: what was wanted last, first."""
        with self._guard:
            return next((stock.order for stock in self._lacking()), None)

    def new_name(self, key: str) -> str:
        """Where to make a tree; nobody finds it until it is `put`."""
        return os.path.join(self.folder, f"{key}.{secrets.token_hex(4)}.new")

    def put(self, key: str, path: str, folders: int) -> None:
        """Add a tree that is whole, of which so many folders are new on the disk."""
        name = f"{os.path.basename(path).rpartition('.')[0]}{SUFFIX}"
        if os.path.basename(path) != name:
            os.rename(path, os.path.join(self.folder, name))
        with self._guard:
            stock = self._stocks.get(key)
            if stock is None:
                stock = self._stocks[key] = _Stock()
                self._stocks.move_to_end(key, last=False)
            stock.trees.append(name)
            stock.folders = folders
            surplus = self._surplus()
        for name in surplus:
            self._discard(os.path.join(self.folder, name))

    def drop(self, key: str) -> None:
        """Want it no more, and remove its trees."""
        with self._guard:
            stock = self._stocks.pop(key, None)
        for name in stock.trees if stock is not None else ():
            self._discard(os.path.join(self.folder, name))

    def drop_wheel(self, sha256: str) -> None:
        """Remove every tree of a wheel."""
        with self._guard:
            keys = [key for key in self._stocks if key.startswith(f"{sha256}-")]
        for key in keys:
            self.drop(key)

    def found(self) -> list[tuple[str, str]]:
        """(sha256 of the wheel, path) of each tree that an earlier daemon left."""
        names = [name for name in os.listdir(self.folder) if name.endswith(SUFFIX)]
        return [(name.partition("-")[0], os.path.join(self.folder, name)) for name in names]

    def _pop(self, key: str) -> str | None:
        with self._guard:
            stock = self._stocks.get(key)
            return stock.trees.pop() if stock is not None and stock.trees else None

    def _lacking(self) -> Iterator[_Stock]:
        """Those to be filled, as far as the budget goes, the last wanted first."""
        budget = self._limits.folders
        for stock in reversed(self._stocks.values()):
            budget -= stock.folders * max(stock.depth, len(stock.trees))
            if budget < 0:
                return
            if stock.order is not None and len(stock.trees) < stock.depth:
                yield stock

    def _surplus(self) -> list[str]:
        """Takes out what is beyond the budget, the first of what was wanted longest ago."""
        surplus: list[str] = []
        total = sum(stock.folders * len(stock.trees) for stock in self._stocks.values())
        for key, stock in list(self._stocks.items()):
            while total > self._limits.folders and stock.trees:
                surplus.append(stock.trees.pop())
                total -= stock.folders
            if not stock.trees and stock.order is None:
                del self._stocks[key]
        return surplus


def key_of(path: str) -> str:
    """The key of a tree in the pool's folder."""
    return os.path.basename(path).partition(".")[0]
