"""Bytecode through the real client and daemon: when it comes, and what it costs nobody."""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, Place, running_daemon
from tests.support.index import RunningIndex, running_index
from tests.support.invariants import check_environment
from tests.support.wheels import make_wheel

_number = itertools.count()
COMPILING = {"LINKD_COMPILE_PROCESSES": "2"}


@pytest.fixture(scope="module")
def daemon(place: Place) -> Iterator[Daemon]:
    """One that compiles."""
    with running_daemon(place, env=COMPILING) as one:
        yield one


@pytest.fixture
def index(wheels: Path, request: pytest.FixtureRequest) -> Iterator[RunningIndex]:
    """Wheels that no other test has."""
    for version in ("1.0", "2.0"):
        module = f"V = {version!r}, {request.node.name!r}\n"
        files = {"app/__init__.py": module, "app/broken.py": "print 'two'\n"}
        make_wheel(wheels, "app", version, files=files)
    make_wheel(wheels, "data", files={"data.txt": request.node.name})
    with running_index(wheels) as running:
        yield running


def compiled(environment: Path) -> int:
    return len(list(environment.rglob("*.pyc")))


def fresh(place: Place, count: int) -> list[Path]:
    """New environments."""
    return [place.environment(f"compiled-{next(_number)}") for _ in range(count)]


def entries(place: Place) -> dict[str, int]:
    """What has been compiled, with inodes."""
    found = (place.cache / "v1/bytecode").glob("*/*/*")
    return {str(entry): entry.stat().st_ino for entry in found}


def test_automatic(daemon: Daemon, index: RunningIndex) -> None:
    """The first install does not wait for bytecode; the next one has it, of trees staged ahead."""
    one, two = fresh(daemon.place, 2)
    first = daemon.place.install(one, "app", "data", index_url=index.url).json
    daemon.idle()
    second = daemon.place.install(two, "app", "data", index_url=index.url).json
    told = [(entry["name"], entry["bytecode"]) for entry in first["installed"]]
    assert told == [("app", False), ("data", False)]
    told = [(entry["name"], entry["bytecode"]) for entry in second["installed"]]
    assert told == [("app", True), ("data", False)]
    assert [entry["prestaged"] for entry in second["installed"]] == [True, True]
    assert (compiled(one), compiled(two)) == (0, 1)


def test_asked_for(daemon: Daemon, index: RunningIndex) -> None:
    """--compile-bytecode waits for it; what does not compile is no reason to fail."""
    (environment,) = fresh(daemon.place, 1)
    arguments = ("-p", environment, "-i", index.url, "--compile-bytecode", "--json")
    result = daemon.place.client("install", *arguments, "app==1.0").json
    assert result["installed"][0]["bytecode"] is True
    assert result["timings_ms"]["compile"] > 0
    assert compiled(environment) == 1
    (environment / "wanted.txt").write_text("app==2.0\n")
    again = daemon.place.client("sync", *arguments, environment / "wanted.txt").json
    assert again["installed"][0]["bytecode"] is True
    assert compiled(environment) == 1


def test_left_out(daemon: Daemon, index: RunningIndex) -> None:
    """--no-compile-bytecode takes none, though it is ready, and keeps none ahead of demand."""
    one, two, three, four = fresh(daemon.place, 4)
    arguments = ("-i", index.url, "app")
    for environment, option in ((one, "--compile-bytecode"), (two, "--no-compile-bytecode")):
        assert daemon.place.client("install", "-p", environment, option, *arguments).code == 0
        daemon.idle()
    again = daemon.place.client(
        "install", "-p", three, "--no-compile-bytecode", "--json", *arguments
    ).json
    assert (again["installed"][0]["prestaged"], again["installed"][0]["bytecode"]) == (True, False)
    assert daemon.place.client("install", "-p", four, *arguments).code == 0
    assert list(map(compiled, (one, two, three, four))) == [1, 0, 0, 1]


def test_both_options(daemon: Daemon) -> None:
    """Who wants bytecode and none is told so."""
    options = ("--compile-bytecode", "--no-compile-bytecode")
    ran = daemon.place.client("install", "-p", "/nowhere", *options, "app")
    assert (ran.code, "exclude each other" in ran.err) == (2, True)


def test_restarted(tmp_path: Path, index: RunningIndex) -> None:
    """The next daemon takes what an earlier one compiled and staged, and compiles nothing."""
    with Place.temporary(tmp_path / "place") as place:
        one, two = fresh(place, 2)
        with running_daemon(place, env=COMPILING) as daemon:
            place.install(one, "app", index_url=index.url)
            daemon.idle()
        before = entries(place)
        with running_daemon(place, env=COMPILING) as daemon:
            daemon.idle()
            [app] = place.install(two, "app", index_url=index.url, bytecode="on").json["installed"]
            daemon.idle()
        assert (app["bytecode"], app["prestaged"], compiled(two)) == (True, True, 1)
        assert entries(place) == before


def test_lost_bytecode(daemon: Daemon, index: RunningIndex) -> None:
    """Where somebody has removed it from the cache, the install goes on, and it is made again."""
    one, two, three = fresh(daemon.place, 3)
    daemon.place.install(one, "app", index_url=index.url, bytecode="on")
    daemon.idle()
    for folder in ("bytecode", "pool"):
        shutil.rmtree(daemon.place.cache / "v1" / folder)
        (daemon.place.cache / "v1" / folder).mkdir(mode=0o700)
    assert daemon.place.install(two, "app", index_url=index.url).status == 200
    daemon.idle()
    assert daemon.place.install(three, "app", index_url=index.url).status == 200
    assert list(map(compiled, (one, two, three))) == [1, 0, 1]


def test_a_module_of_several(daemon: Daemon, wheels: Path, index: RunningIndex) -> None:
    """Who shares a module comes without bytecode: RECORD names nothing that is not there."""
    for name in ("left", "right"):
        files = {"both/__init__.py": "", f"both/{name}.py": f"{index.url!r}\n"}
        make_wheel(wheels, name, files=files)
    together, apart = fresh(daemon.place, 2)
    # Compiled is only one of them, so that what they share has bytecode in one tree alone.
    daemon.place.install(apart, "left", index_url=index.url)
    daemon.idle()
    result = daemon.place.install(together, "left", "right", "app", index_url=index.url).json
    told = {entry["name"]: entry["bytecode"] for entry in result["installed"]}
    assert (told["left"], told["right"], compiled(together)) == (False, False, 0)
    check_environment(together)
