"""What the services need of the world, as narrow as they need it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from packaging.utils import NormalizedName

from linkd.build.circumstances import Circumstances
from linkd.core.installed import InstalledDistribution
from linkd.core.listings import StatedListings, StatedPages
from linkd.core.progress import Reporter
from linkd.core.source import Built
from linkd.core.target import Interpreter, Placement, Target
from linkd.core.wheel import DistFile, StoredWheel
from linkd.fetch.settings import IndexSettings
from linkd.link.pool import Order, PoolLimits
from linkd.resolve.resolver import Resolution, ResolveRequest
from linkd.store.store import Ensured, StoreStats


class Probing(Protocol):
    async def probe(self, environment: str, placement: Placement | None = None) -> Target: ...


class Resolving(Protocol):
    async def resolve(
        self, request: ResolveRequest, interpreter: Interpreter, listings: StatedListings
    ) -> Resolution: ...


class Indexing(Protocol):
    def snapshot(self, settings: IndexSettings) -> StatedPages: ...

    def without_credentials(self, url: str) -> str: ...


class Ensuring(Protocol):
    def at_hand(
        self, file: DistFile, required_hashes: Mapping[str, frozenset[str]] | None = None
    ) -> StoredWheel | None:
        """The wheel, where it is known to be there without looking anywhere."""
        ...

    async def ensure(
        self,
        file: DistFile,
        reporter: Reporter | None = None,
        *,
        required_hashes: Mapping[str, frozenset[str]] | None = None,
    ) -> Ensured: ...


class Supplying(StatedListings, Ensuring, Protocol):
    """Everything that one request may install: wheels, and sources built for it."""

    @property
    def origins(self) -> Mapping[str, Built]:
        """What was built of direct sources, by the URL of its wheel."""
        ...


class Building(Protocol):
    def __call__(
        self, pages: StatedPages, circumstances: Circumstances, reporter: Reporter, /
    ) -> Supplying: ...


class StoreFacts(Protocol):
    async def stats(self) -> StoreStats: ...


class Anticipating(Protocol):
    """Whoever stages ahead of demand."""

    def want(self, orders: Iterable[Order]) -> None: ...

    async def quarantine(self, sha256: str) -> None: ...


class ReadyTrees(Protocol):
    """The pool, as far as it tells of itself."""

    @property
    def limits(self) -> PoolLimits: ...

    def ready(self, key: str) -> int: ...


class Readying(Protocol):
    """Whoever stages ahead of demand, for those who wait for it."""

    @property
    def pool(self) -> ReadyTrees: ...

    def want(self, orders: Iterable[Order], *, depth: int = 0) -> None: ...

    async def ready(
        self, orders: Sequence[Order], report: Callable[[int], None]
    ) -> dict[str, str]: ...


class PoolFacts(Protocol):
    @property
    def staged(self) -> int: ...

    @property
    def hits(self) -> int: ...

    @property
    def misses(self) -> int: ...


class Remembering(Protocol):
    """What the daemon remembers of what it did."""

    def remember_environment(self, prefix: str, identity: tuple[int, int]) -> None: ...

    def remember_installed(
        self, identity: tuple[int, int], came: Mapping[str, str], gone: Iterable[str]
    ) -> None: ...

    def installed_from(self, identity: tuple[int, int], name: str) -> str | None: ...


class Telling(Protocol):
    """What happened to an environment without anybody having asked for it; told once."""

    def news(self, target: Target) -> tuple[str, ...]: ...


class Finding(Protocol):
    async def find(self, sha256: str) -> StoredWheel | None: ...


Installed = Mapping[NormalizedName, InstalledDistribution]
