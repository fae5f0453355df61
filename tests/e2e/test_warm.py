"""Trees staged ahead of demand, as people meet them: warm, install, status, and what may go wrong."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon, Place, Ran, Reply, finished, running_daemon
from tests.support.index import RunningIndex, running_index
from tests.support.invariants import check_cache, check_environment, installed, snapshot
from tests.support.wheels import make_wheel

NAMES = ("app", "lib", "pip")


@pytest.fixture
def index(wheels: Path) -> Iterator[RunningIndex]:
    """An application, its library, and a project whose launchers are named anew."""
    make_wheel(wheels, "lib")
    make_wheel(
        wheels, "app", requires=["lib"], entry_points="[console_scripts]\nrun-app = app:main\n"
    )
    points = "".join(f"pip{version} = pip:main\n" for version in ("", "3", "3.7"))
    make_wheel(wheels, "pip", entry_points=f"[console_scripts]\n{points}")
    with running_index(wheels) as running:
        yield running


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon of this test alone."""
    with Place.temporary(tmp_path) as place, running_daemon(place) as running:
        yield running


def warm(daemon: Daemon, index: RunningIndex, *arguments: str | Path) -> Ran:
    return daemon.place.client("warm", "-i", index.url, *arguments)


def install(daemon: Daemon, index: RunningIndex, environment: Path, *names: str) -> dict[str, Any]:
    """The result; it is there, and the environment is as it should be."""
    reply = daemon.place.install(environment, *names, index_url=index.url)
    assert reply.status == 200, reply.body
    check_environment(environment)
    result: dict[str, Any] = reply.json
    return result


def prestaged(result: dict[str, Any]) -> dict[str, bool]:
    return {entry["name"]: entry["prestaged"] for entry in result["installed"]}


def pool(daemon: Daemon) -> dict[str, int]:
    counts: dict[str, int] = daemon.place.call("GET", "/v1/status").json["pool"]
    return counts


def test_warm_then_install(fresh: Daemon, index: RunningIndex) -> None:
    """After `warm` for an interpreter, installs into new environments of it find all trees ready."""
    interpreter = os.path.realpath(sys.executable)
    ran = warm(fresh, index, "app", "pip", "--copies", "2", "-p", interpreter)
    assert (ran.code, ran.err) == (0, "")
    first, *rest = ran.out.splitlines()
    assert first.startswith("Staged 3 distributions in ")
    assert rest == [f" + {name}==1.0" for name in NAMES]
    assert pool(fresh) == {"staged": 6, "hits": 0, "misses": 0}
    for name in ("one", "two"):
        result = install(fresh, index, fresh.place.environment(name), "app", "pip")
        assert prestaged(result) == dict.fromkeys(NAMES, True)
        assert result["bytes"]["downloaded"] == 0
    assert pool(fresh)["hits"] == 6
    fresh.idle()
    check_cache(fresh.place.cache)


def test_what_warm_answers(fresh: Daemon, index: RunningIndex, wheels: Path) -> None:
    """The answer tells of each distribution what was fetched, what was staged and what is ready."""
    environment = fresh.place.environment()
    before = snapshot(environment)
    body = {"environment": str(environment), "requirements": ["app"], "index_url": index.url}
    answer = fresh.place.call("POST", "/v1/warm", body).json
    again = fresh.place.call("POST", "/v1/warm", {**body, "copies": 3}).json
    assert [
        (entry["name"], entry["fetched"], entry["staged"], entry["ready"])
        for one in (answer, again)
        for entry in one["distributions"]
    ] == [("app", True, 1, 1), ("lib", True, 1, 1), ("app", False, 2, 3), ("lib", False, 2, 3)]
    sizes = [wheels / f"{name}-1.0-py3-none-any.whl" for name in ("app", "lib")]
    assert answer["bytes"] == {"downloaded": sum(path.stat().st_size for path in sizes)}
    assert again["bytes"] == {"downloaded": 0}
    assert (answer["warnings"], again["warnings"]) == ([], [])
    assert snapshot(environment) == before
    ran = warm(fresh, index, "app", "-p", environment)
    assert ran.out.startswith("Nothing to do: 2 distributions ready already in ")
    assert prestaged(install(fresh, index, environment, "app")) == {"app": True, "lib": True}


def test_warm_reads_files(fresh: Daemon, index: RunningIndex, tmp_path: Path) -> None:
    """Requirement and constraint files count as for an install."""
    (tmp_path / "r.txt").write_text("app\n")
    (tmp_path / "c.txt").write_text("lib==2.0\n")
    files = ("-r", tmp_path / "r.txt", "-c", tmp_path / "c.txt")
    ran = warm(fresh, index, *files, "-p", fresh.place.environment())
    assert (ran.code, "lib" in ran.err) == (1, True)
    ran = warm(fresh, index, *files[:2], "-p", fresh.place.environment("other"), "--json")
    assert [entry["name"] for entry in ran.json["distributions"]] == ["app", "lib"]


def test_warm_tells_of_progress(daemon: Daemon, index: RunningIndex) -> None:
    """Whoever takes events hears how many trees are ready."""
    body = {"requirements": ["app"], "index_url": index.url}
    reply = daemon.place.call("POST", "/v1/warm", body, accept="application/x-ndjson")
    *news, result = reply.events
    assert result["event"] == "result"
    assert {word["phase"] for word in news} >= {"stage"}


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["nothing-of-that-name"], 1, "nothing-of-that-name was not found"),
        (["app", "-p", "/no/where"], 1, "there is no environment at /no/where"),
        (["app=="], 2, "app=="),
    ],
)
def test_warm_is_refused(
    daemon: Daemon, index: RunningIndex, arguments: list[str], code: int, reason: str
) -> None:
    """What an install refuses, warm refuses with the same words and the same exit code."""
    ran = warm(daemon, index, *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert reason in ran.err


def test_a_pool_that_is_off(tmp_path: Path, index: RunningIndex) -> None:
    """With pool_depth 0 nothing is staged ahead; `warm` fetches all the same, and says so."""
    with (
        Place.temporary(tmp_path) as place,
        running_daemon(place, env={"LINKD_POOL_DEPTH": "0"}) as daemon,
    ):
        ran = warm(daemon, index, "app", "-p", place.environment())
        assert ran.code == 0
        assert "the pool is off" in ran.err
        assert ran.out.startswith("Nothing was staged; 2 distributions in the cache in ")
        for name in ("one", "two"):
            result = install(daemon, index, place.environment(name), "app")
            assert prestaged(result) == {"app": False, "lib": False}
            daemon.idle()
        assert pool(daemon)["staged"] == 0
        assert os.listdir(place.cache / "v1/pool") == []


def test_little_space(tmp_path: Path, index: RunningIndex) -> None:
    """Where less space is free than shall be, nothing is staged ahead, and `warm` says why."""
    with (
        Place.temporary(tmp_path) as place,
        running_daemon(place, env={"LINKD_POOL_MIN_FREE": "100"}) as daemon,
    ):
        ran = warm(daemon, index, "app", "-p", place.environment())
        assert ran.code == 0
        assert "2 of 2 distributions are not staged as wanted: under 100 %" in ran.err
        install(daemon, index, place.environment("one"), "app")
        daemon.idle()


def test_a_daemon_that_is_killed(tmp_path: Path, index: RunningIndex) -> None:
    """Trees that are ready survive the daemon; what was half-made goes at the next start."""
    with Place.temporary(tmp_path) as place:
        folder = place.cache / "v1/pool"
        with running_daemon(place) as daemon:
            warm(daemon, index, "app", "-p", place.environment())
            trees = sorted(os.listdir(folder))
            half = folder / trees[0].replace(".tree", ".new")
            (half / "purelib").mkdir(parents=True)
            daemon.stop(signal.SIGKILL)
        with running_daemon(place) as daemon:
            daemon.idle()
            assert sorted(os.listdir(folder)) == trees
            result = install(daemon, index, place.environment("one"), "app")
            assert prestaged(result) == {"app": True, "lib": True}


def test_a_failed_install_is_no_loss(fresh: Daemon, index: RunningIndex) -> None:
    """Trees that a refused install has taken are made again, and the daemon becomes idle."""
    environment = fresh.place.environment()
    warm(fresh, index, "app", "-p", environment)
    [site] = environment.glob("lib/python*/site-packages")
    (site / "lib").write_text("a file where a folder goes")
    before = snapshot(environment)
    reply: Reply = fresh.place.install(environment, "app", index_url=index.url)
    assert reply.status >= 400
    assert snapshot(environment) == before
    fresh.idle()
    assert pool(fresh) == {"staged": 2, "hits": 2, "misses": 0}


def test_a_file_edited_in_place(fresh: Daemon, index: RunningIndex) -> None:
    """A wheel whose file was edited through an environment is fetched anew for the next one, and
    the answer warns."""
    one, two = (fresh.place.environment(name) for name in ("one", "two"))
    install(fresh, index, one, "lib")
    fresh.idle()
    [name] = os.listdir(fresh.place.cache / "v1/pool")
    fresh.place.client("shutdown")
    fresh.wait()
    [site] = one.glob("lib/python*/site-packages")
    (site / "lib/__init__.py").write_text("edited = True\n")
    with running_daemon(fresh.place) as daemon:
        daemon.idle()
        assert os.listdir(fresh.place.cache / "v1/pool") == []
        result = install(daemon, index, two, "lib")
        [warning] = result["warnings"]
        assert "lib/__init__.py" in warning
        assert "fetched anew" in warning
        assert result["bytes"]["downloaded"] > 0
        daemon.idle()
        check_cache(fresh.place.cache)
        [new] = os.listdir(fresh.place.cache / "v1/pool")
        assert new != name
        assert installed(two).keys() >= {"lib"}


def test_many_who_meet_a_damaged_wheel(fresh: Daemon, index: RunningIndex) -> None:
    """Of clients that find the same wheel damaged at the same moment each one succeeds."""
    first = fresh.place.environment("first")
    install(fresh, index, first, "lib")
    environments = [fresh.place.environment(f"env-{number}") for number in range(6)]
    fresh.idle()
    pooled = fresh.place.cache / "v1/pool"
    [site] = first.glob("lib/python*/site-packages")
    (site / "lib/__init__.py").write_text("edited = True\n")
    for name in os.listdir(pooled):
        os.rename(pooled / name, pooled / f"{name}.away")
    clients = [
        fresh.place.start_client("install", "-i", index.url, "-p", one, "lib")
        for one in environments
    ]
    assert [finished(client).code for client in clients] == [0] * len(clients)
    for environment in environments:
        check_environment(environment)
    fresh.idle()
    check_cache(fresh.place.cache)
