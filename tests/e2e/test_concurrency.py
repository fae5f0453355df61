"""Many clients at once: every environment is whole afterwards, and nothing is done twice."""

import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.support.daemon import Daemon, Place, Reply, finished
from tests.support.index import RunningIndex, running_index
from tests.support.invariants import check_cache, check_environment, installed
from tests.support.wheels import make_wheel

CLIENTS: Final = 16
ROUNDS: Final = 200
SEED: Final = 20240229
NAMES: Final = [f"nvidia-{letter}" for letter in "abcdefgh"]
VERSIONS: Final = ("1.0", "2.0")


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    """Distributions that share a namespace: one file alike in all of them, one different in each."""
    folder = tmp_path_factory.mktemp("family")
    for name in NAMES:
        for version in VERSIONS:
            own = name.removeprefix("nvidia-")
            make_wheel(
                folder,
                name,
                version,
                files={
                    "nvidia/__init__.py": "",
                    "nvidia/shared.py": f"owner = {name + version!r}\n",
                    f"nvidia/{own}/__init__.py": f"version = {version!r}\n",
                    f"nvidia/{own}/only_{version[0]}.py": "",
                    f"nvidia/lib/{own}.so.{version}": f"{own} {version}",
                },
                entry_points=f"[console_scripts]\nnv-{own} = nvidia.{own}:main\n",
            )
    with running_index(folder) as index:
        yield index


def check(place: Place, *environments: Path) -> None:
    for environment in environments:
        check_environment(environment)
    assert place.call("GET", "/v1/status?wait_idle=true").status == 200
    check_cache(place.cache)


def test_one_environment(
    place: Place, daemon: Daemon, environment: Path, family: RunningIndex
) -> None:
    """Sixteen clients install overlapping sets into one environment; all of them succeed."""
    chance = random.Random(SEED)
    sets = [chance.sample(NAMES, chance.randint(1, 5)) for _ in range(CLIENTS)]
    clients = [
        place.start_client("install", "-p", environment, "-i", family.url, *names, "--json")
        for names in sets
    ]
    ended = [finished(client) for client in clients]
    assert [(ran.code, ran.err) for ran in ended] == [(0, "")] * CLIENTS
    assert installed(environment) == {name: "2.0" for names in sets for name in names}
    check_environment(environment)
    came = [one["name"] for ran in ended for one in ran.json["installed"]]
    assert sorted(came) == sorted(installed(environment))
    check(place, environment)


def test_many_environments(place: Place, daemon: Daemon, index: RunningIndex, wheels: Path) -> None:
    """Sixteen clients want the same new wheels in sixteen environments: each is fetched and unpacked once."""
    for number in range(3):
        make_wheel(wheels, f"fresh-{number}", files={f"fresh/{number}.bin": b"x" * 300_000})
    names = [f"fresh-{number}" for number in range(3)]
    before = place.client("status", "--json").json["cache"]
    environments = [place.environment(f"many-{number}") for number in range(CLIENTS)]
    clients = [
        place.start_client("install", "-p", path, "-i", index.url, *names, "--json")
        for path in environments
    ]
    ended = [finished(client) for client in clients]
    assert [(ran.code, ran.err) for ran in ended] == [(0, "")] * CLIENTS
    assert [index.count(f"fresh_{number}-1.0-py3-none-any.whl$") for number in range(3)] == [1] * 3
    after = place.client("status", "--json").json["cache"]
    assert [after[key] - before[key] for key in ("wheels", "unpacked")] == [3, 3]
    downloaded = sum(ran.json["bytes"]["downloaded"] for ran in ended)
    assert downloaded == sum(wheel.stat().st_size for wheel in wheels.iterdir())
    check(place, *environments)


def test_a_slow_environment_holds_no_other_up(
    place: Place, daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """While one install waits for its download, others into the same environment are done."""
    make_wheel(wheels, "waits", files={"waits.bin": os.urandom(100_000)})
    make_wheel(wheels, "passes")
    index.stall("waits-1.0-py3-none-any.whl$", after=1000)
    waiting = place.start_client("install", "-p", environment, "-i", index.url, "waits", "passes")
    daemon.until_active(1)
    ran = place.client("install", "-p", environment, "-i", index.url, "passes")
    assert (ran.code, installed(environment)) == (0, {"passes": "1.0"})
    assert place.client("uninstall", "-p", environment, "passes").code == 0
    assert waiting.poll() is None
    index._server.disconnect()
    assert finished(waiting).code == 0
    assert installed(environment) == {"passes": "1.0", "waits": "1.0"}
    check(place, environment)


class Fire:
    """Random requests of many threads on a few environments."""

    def __init__(self, place: Place, index: RunningIndex, environments: list[Path]) -> None:
        self.place = place
        self.index = index
        self.environments = environments
        self.chance = random.Random(SEED)

    def round(self, pool: ThreadPoolExecutor, count: int) -> list[Reply]:
        chosen = [self._choose() for _ in range(count)]
        return list(pool.map(lambda one: self._ask(*one), chosen))

    def _choose(self) -> tuple[str, Path, list[str]]:
        verb = self.chance.choice(("install", "install", "upgrade", "uninstall", "reinstall"))
        names = self.chance.sample(NAMES, self.chance.randint(1, 4))
        return verb, self.chance.choice(self.environments), names

    def _ask(self, verb: str, environment: Path, names: list[str]) -> Reply:
        if verb == "uninstall":
            return self.place.uninstall(environment, *names)
        wanted = [f"{name}==1.0" for name in names] if verb == "install" else names
        return self.place.install(
            environment,
            *wanted,
            index_url=self.index.url,
            upgrade=verb == "upgrade",
            reinstall=verb == "reinstall",
        )


def test_many_rounds(place: Place, daemon: Daemon, family: RunningIndex) -> None:
    """After each round of installs, upgrades and uninstalls at once, everything is whole."""
    environments = [place.environment("fire-0"), place.environment("fire-1")]
    fire = Fire(place, family, environments)
    with ThreadPoolExecutor(8) as pool:
        for number in range(ROUNDS):
            for reply in fire.round(pool, 8):
                assert reply.status == 200 or reply.json["code"] == "not-installed", reply
            for environment in environments:
                check_environment(environment)
            if number % 20 == 0:
                check(place, *environments)
    check(place, *environments)


def test_everything_goes(
    place: Place, daemon: Daemon, environment: Path, family: RunningIndex
) -> None:
    """What sixteen clients install, others remove at the same time: no file is left without owner."""
    chance = random.Random(SEED)
    place.install(environment, *NAMES, index_url=family.url)
    clients = []
    for _ in range(CLIENTS // 2):
        names = chance.sample(NAMES, 3)
        clients.append(place.start_client("uninstall", "-p", environment, *names))
        names = chance.sample(NAMES, 3)
        clients.append(place.start_client("install", "-p", environment, "-i", family.url, *names))
    for client in clients:
        ran = finished(client)
        assert ran.code == 0 or "not installed" in ran.err, ran
    check(place, environment)
    place.uninstall(environment, *NAMES)
    assert installed(environment) == {}
    check(place, environment)


def test_dependencies_of_many(
    place: Place, daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """Of clients whose distributions share dependencies each finds what it requires."""
    for number in range(6):
        make_wheel(wheels, f"leaf-{number}")
    for number in range(CLIENTS):
        needs = [f"leaf-{number % 6}", f"leaf-{(number + 1) % 6}"]
        make_wheel(wheels, f"tree-{number}", requires=needs)
    with ThreadPoolExecutor(CLIENTS) as pool:
        replies = list(
            pool.map(
                lambda number: place.install(environment, f"tree-{number}", index_url=index.url),
                range(CLIENTS),
            )
        )
    assert [reply.status for reply in replies] == [200] * CLIENTS
    assert len(installed(environment)) == CLIENTS + 6
    check(place, environment)


def test_one_of_many_fails(
    place: Place, daemon: Daemon, environment: Path, index: RunningIndex, wheels: Path
) -> None:
    """A request that is refused takes nothing away from those beside it."""
    for number in range(4):
        make_wheel(wheels, f"good-{number}")
    make_wheel(wheels, "taken", files={"taken.py": "x = 1\n"})
    [site] = environment.glob("lib/python*/site-packages")
    (site / "taken.py").mkdir()
    asked = [[f"good-{number % 4}", *(["taken"] if number % 2 else [])] for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        replies = list(
            pool.map(lambda names: place.install(environment, *names, index_url=index.url), asked)
        )
    codes = [200 if "taken" not in names else 409 for names in asked]
    assert [reply.status for reply in replies] == codes
    assert installed(environment) == {"good-0": "1.0", "good-2": "1.0"}
    (site / "taken.py").rmdir()
    check(place, environment)
