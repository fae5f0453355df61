"""What one request does to one environment, and what came of it."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from packaging.utils import NormalizedName

from linkd.core.installed import InstalledDistribution
from linkd.core.receipt import Collision, Fallback, KeptFile
from linkd.core.target import Target
from linkd.core.wheel import StoredWheel
from linkd.link.modes import LinkPolicy
from linkd.link.pool import Order
from linkd.link.stage import Marks, StagedTree


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """A wheel that comes."""

    wheel: StoredWheel
    marks: Marks

    @property
    def name(self) -> NormalizedName:
        return self.wheel.manifest.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one request does to one environment. Additions and removals are sorted by name."""

    target: Target
    additions: tuple[Addition, ...] = ()
    removals: tuple[InstalledDistribution, ...] = ()
    collisions: tuple[Collision, ...] = ()
    policy: LinkPolicy = field(default_factory=LinkPolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was done."""

    trees: tuple[StagedTree, ...] = ()
    kept_files: tuple[KeptFile, ...] = ()
    fallback: Fallback | None = None
    orders: tuple[Order, ...] = ()
    """What the next one may want of the pool."""
    stage_ms: float = 0.0
    graft_ms: float = 0.0


@contextlib.contextmanager
def opened_prefix(target: Target) -> Iterator[int]:
    descriptor = os.open(target.prefix, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
