"""Real wheels into real environments through the use cases' common part."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from packaging.utils import NormalizedName

from linkd.core.installed import InstalledDistribution
from linkd.core.progress import Phase, Progress, Silent
from linkd.core.target import Interpreter
from linkd.core.wheel import StoredWheel
from linkd.errors import CacheUnusable, CollisionRefused
from linkd.link.ledger import Ledger, Standing
from linkd.link.stage import Marks
from linkd.service.changing import Changed, Changer, Intent
from linkd.venv.installed import read_installed
from tests.support.stored import Environment


class Memory:
    """What would stand in the state."""

    def __init__(self) -> None:
        self.wheels: dict[str, StoredWheel] = {}
        self._installed: dict[tuple[tuple[int, int], str], str] = {}

    def remember_environment(self, prefix: str, identity: tuple[int, int]) -> None: ...

    def remember_installed(
        self, identity: tuple[int, int], came: Mapping[str, str], gone: Iterable[str]
    ) -> None:
        for name in gone:
            self._installed.pop((identity, name), None)
        self._installed.update({(identity, name): sha256 for name, sha256 in came.items()})

    def installed_from(self, identity: tuple[int, int], name: str) -> str | None:
        return self._installed.get((identity, name))

    def want(self, *_: object) -> None:
        """Nothing is made ahead here."""

    async def ensure(self, wheels: Iterable[StoredWheel], interpreter: Interpreter) -> None: ...

    async def quarantine(self, sha256: str) -> None:
        self.wheels.pop(sha256)

    async def find(self, sha256: str) -> StoredWheel | None:
        return self.wheels.get(sha256)


class World:
    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.memory = Memory()
        self.executor = ThreadPoolExecutor(4)
        self.changer = Changer(
            Ledger(),
            environment.store.stager,
            self.memory,
            self.memory,
            self.executor,
            memory=self.memory,
            store=self.memory,
        )

    def wheel(self, name: str, files: Mapping[str, str], version: str = "1.0") -> StoredWheel:
        wheel = self.environment.store.wheel(name, version, files=files)
        self.memory.wheels[wheel.manifest.sha256] = wheel
        return wheel

    def change(
        self, *wheels: StoredWheel, remove: Iterable[str] = (), refuse_collisions: bool = False
    ) -> Changed:
        installed = read_installed(self.environment.target)
        names = {wheel.manifest.name for wheel in wheels}
        going: dict[NormalizedName, InstalledDistribution] = {
            name: present
            for name, present in installed.items()
            if name in names or name in set(remove)
        }
        intent = Intent(
            target=self.environment.target,
            installed=installed,
            additions=tuple((wheel, Marks(requested=True)) for wheel in wheels),
            removals=tuple(going.values()),
            refuse_collisions=refuse_collisions,
        )
        return asyncio.run(self.changer.change(intent, Silent()))

    def read(self, path: str) -> str:
        return (self.environment.site / path).read_text()


@pytest.fixture
def world(environment: Environment) -> Iterator[World]:
    world = World(environment)
    yield world
    world.executor.shutdown()


def test_last_owner(world: World) -> None:
    """A shared file is there until its last owner goes."""
    for name in ("abc", "xyz"):
        world.change(world.wheel(name, {"space/shared.py": "same"}))

    world.change(remove=["xyz"])
    assert world.read("space/shared.py") == "same"

    world.change(remove=["abc"])
    assert not (world.environment.site / "space").exists()


@pytest.mark.parametrize("order", [("abc", "xyz"), ("xyz", "abc")])
def test_content_of_the_remaining_owner(world: World, order: tuple[str, str]) -> None:
    """Whatever the order of installing: the last name's content, then the remaining owner's own."""
    wheels = {name: world.wheel(name, {"space/shared.py": name}) for name in order}
    for name in order:
        world.change(wheels[name])
    assert world.read("space/shared.py") == "xyz"

    changed = world.change(remove=["xyz"])

    assert changed.warnings == ()
    assert world.read("space/shared.py") == "abc"
    assert world.environment.problems() == []


def test_content_after_an_upgrade(world: World) -> None:
    """An upgrade that drops the file gives it back to its other owner."""
    world.change(world.wheel("abc", {"space/shared.py": "abc"}))
    world.change(world.wheel("xyz", {"space/shared.py": "xyz"}))

    world.change(world.wheel("xyz", {"space/other.py": "xyz"}, version="2.0"))

    assert world.read("space/shared.py") == "abc"


def test_content_that_is_not_in_the_store(world: World) -> None:
    """Where the remaining owner's wheel is gone the file stays, and it is told."""
    abc = world.wheel("abc", {"space/shared.py": "abc"})
    world.change(abc)
    world.change(world.wheel("xyz", {"space/shared.py": "xyz"}))
    del world.memory.wheels[abc.manifest.sha256]

    changed = world.change(remove=["xyz"])

    assert world.read("space/shared.py") == "xyz"
    assert "install abc again" in changed.warnings[0]


def test_refused_collision(world: World) -> None:
    """Different content is refused before anything is touched, if that is asked for."""
    world.change(world.wheel("abc", {"space/shared.py": "abc"}))
    before = world.environment.files()

    with pytest.raises(CollisionRefused, match=r"space/shared\.py"):
        world.change(world.wheel("xyz", {"space/shared.py": "xyz"}), refuse_collisions=True)

    assert world.environment.files() == before


def test_a_memory_that_fails(world: World) -> None:
    """What was done is told as done, with a warning, though it could not be remembered."""

    def fail(*_: object, **__: object) -> None:
        raise CacheUnusable(path="state", reason="database is locked")

    world.memory.remember_installed = fail  # type: ignore[method-assign]

    changed = world.change(world.wheel("abc", {"abc/__init__.py": ""}))

    assert "database is locked" in changed.warnings[0]
    assert world.environment.problems() == []


def test_cancelled_before_the_first_file(world: World) -> None:
    """A request that nobody wants any more stops while it is staged, and changes nothing."""
    wheels = [world.wheel(f"lib-{number}", {f"lib{number}.py": ""}) for number in range(5)]
    before = world.environment.files()

    class Giving(Silent):
        """Gives up when staging begins."""

        task: asyncio.Task[Changed]
        loop: asyncio.AbstractEventLoop

        def report(self, progress: Progress, /) -> None:
            if progress.phase is Phase.STAGE:
                self.loop.call_soon_threadsafe(self.task.cancel)
                time.sleep(0.2)

    async def request() -> None:
        reporter = Giving()
        reporter.loop = asyncio.get_running_loop()
        intent = Intent(
            target=world.environment.target,
            installed={},
            additions=tuple((wheel, Marks(requested=True)) for wheel in wheels),
        )
        reporter.task = asyncio.create_task(world.changer.change(intent, reporter))
        with pytest.raises(asyncio.CancelledError):
            await reporter.task

    asyncio.run(request())

    assert world.environment.files() == before


def test_cancelled_while_others_settle(world: World) -> None:
    """A request that was carried out stands as installed, however often it is cancelled then."""
    wheel = world.wheel("abc", {"abc/__init__.py": ""})
    target = world.environment.target

    async def request() -> None:
        intent = Intent(target=target, installed={}, additions=((wheel, Marks(requested=True)),))
        ledger = world.changer.ledger
        other = Standing(coming={}, going={}, staying={}, wheels={})
        identity = target.identity
        async with (
            ledger.stand(identity, other),
            ledger.settling(identity, other, committed=False),
        ):
            task = asyncio.create_task(world.changer.change(intent, Silent()))
            while not read_installed(target):  # noqa: ASYNC110 - it comes in another thread
                await asyncio.sleep(0.01)
            for _ in range(3):
                task.cancel()
                await asyncio.sleep(0.01)
            assert not task.done()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(request())

    sha256 = wheel.manifest.sha256
    assert world.memory.installed_from(target.identity, NormalizedName("abc")) == sha256
    assert world.environment.problems() == []
