"""Killed daemons: the next one leaves every environment as it was before, or as it was to become."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.battering import Battering, make_family
from tests.support.daemon import Place, running_daemon
from tests.support.index import RunningIndex, running_index
from tests.support.invariants import check_cache, check_environment, installed, snapshot
from tests.support.wheels import make_wheel

SCENARIOS = ("install", "replacing", "beside", "upgrade", "reinstall", "uninstall", "sync")
SHARES = {"kernel": "0.5", "portable": "0.25"}
"""Of the changes to kill at here; all of them by ``make crash``."""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of a distribution that shares a folder and a file in it with another one."""
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "bar", files={"space/bar.py": "", "space/__init__.py": "bar"})
    for version in ("1.0", "2.0"):
        make_wheel(
            folder,
            "foo",
            version,
            files={
                "foo/__init__.py": version,
                f"foo/only_{version[0]}.py": "",
                "space/__init__.py": "foo",
                f"space/foo_{version[0]}.py": "",
            },
            entry_points="[console_scripts]\nfoo = foo:main\n",
        )
    return folder


@pytest.fixture(scope="module")
def prepared(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a place that has an environment with bar and the old foo, and both foos."""
    with (
        Place.temporary(tmp_path_factory.mktemp("prepared")) as place,
        running_index(wheels) as index,
        running_daemon(place) as daemon,
    ):
        for requirement in ("foo", "foo==1.0"):
            reply = place.install(place.folder / "env", requirement, "bar", create=True,
                                  index_url=index.url)  # fmt: skip
            assert reply.status == 200
        daemon.idle()
    return place.folder


@pytest.fixture
def place(prepared: Path, tmp_path: Path) -> Iterator[Place]:
    with Place.temporary(tmp_path) as made:
        shutil.copytree(prepared, made.folder, symlinks=True, dirs_exist_ok=True)
        yield made


@pytest.fixture
def environment(place: Place) -> Path:
    return place.folder / "env"


def killing(call: str, number: int) -> list[str]:
    """A command's prefix by which it is killed in the so-manieth of a system call."""
    inject = f"--inject={call}:signal=KILL:when={number}"
    return ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", inject]


@pytest.mark.parametrize("rename", SHARES)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_at_every_change(tmp_path: Path, scenario: str, rename: str) -> None:
    """Killed before any change of the disk, in the recovery too, a request leaves no trace."""
    command = [sys.executable, "-m", "tests.support.crashing", str(tmp_path), scenario, rename]
    ran = subprocess.run(
        [*command, SHARES[rename]],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        check=False,
    )
    done = json.loads(ran.stdout)
    assert done["problems"] == []
    assert done["kills"] >= 8


@pytest.mark.parametrize(("call", "number"), [("renameat2", 7), ("symlink", 2)])
def test_a_killed_daemon(
    place: Place, index: RunningIndex, environment: Path, call: str, number: int
) -> None:
    """What a daemon was killed in the midst of is undone by the next, who says so once."""
    before = snapshot(environment)

    with running_daemon(place, prefix=killing(call, number)) as daemon:
        ran = place.client(
            "install", "-p", environment, "-i", index.url, "foo==2.0", "--no-autostart"
        )
        assert ran.code != 0
        daemon.wait()
    assert before != snapshot(environment)

    with running_daemon(place) as daemon:
        assert place.client("list", "-p", environment, "--format", "freeze").out == (
            "bar==1.0\nfoo==1.0\n"
        )
        assert before == snapshot(environment)
        told, silent = (
            place.client("install", "-p", environment, "-i", index.url, "foo==2.0")
            for _ in range(2)
        )
        assert "an install of foo 2.0 was cut off at " in told.err
        assert silent.err == ""
        assert installed(environment) == {"bar": "1.0", "foo": "2.0"}
        daemon.idle()
    check_environment(environment)
    check_cache(place.cache)


def test_on_another_mount(place: Place, index: RunningIndex, environment: Path) -> None:
    """In an environment on another mount than the cache a crash leaves nothing either."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        environment = Path(shutil.move(environment, elsewhere))
        before = snapshot(environment)
        with running_daemon(place, prefix=killing("renameat2", 5)) as daemon:
            place.client(
                "install", "-p", environment, "-i", index.url, "foo==2.0", "--no-autostart"
            )
            daemon.wait()
        assert [path for path in os.listdir(environment) if path.startswith(".linkd-")]

        with running_daemon(place) as daemon:
            daemon.idle()
            assert before == snapshot(environment)
            check_cache(place.cache)


def test_an_environment_that_is_away(place: Place, index: RunningIndex, environment: Path) -> None:
    """What was cut off in an environment that is not there is undone when it is, even elsewhere."""
    before = snapshot(environment / "lib")
    with running_daemon(place, prefix=killing("renameat2", 5)) as daemon:
        place.client("install", "-p", environment, "-i", index.url, "foo==2.0", "--no-autostart")
        daemon.wait()
    moved = environment.with_name("moved")
    environment.rename(moved)

    with running_daemon(place) as daemon:
        daemon.idle()
        assert before != snapshot(moved / "lib")
        assert place.client("list", "-p", moved).code == 0
        assert before == snapshot(moved / "lib")
        daemon.idle()
        check_cache(place.cache)


def test_another_environment_in_its_place(
    place: Place, index: RunningIndex, environment: Path
) -> None:
    """What was cut off in an environment that was made anew does not touch the new one."""
    with running_daemon(place, prefix=killing("renameat2", 5)) as daemon:
        place.client("install", "-p", environment, "-i", index.url, "foo==2.0", "--no-autostart")
        daemon.wait()
    shutil.rmtree(environment)
    assert environment == place.environment("env")
    before = snapshot(environment)

    with running_daemon(place) as daemon:
        daemon.idle()
        assert before == snapshot(environment)
        check_cache(place.cache)


def test_what_cannot_be_undone(place: Place, index: RunningIndex, environment: Path) -> None:
    """As long as a crash cannot be undone its environment is refused; others are not."""
    other = place.environment("other")
    before = snapshot(environment)
    with running_daemon(place, prefix=killing("renameat2", 3)) as daemon:
        place.client("uninstall", "-p", environment, "foo", "--no-autostart")
        daemon.wait()
    [site] = environment.glob("lib/python*/site-packages")
    (site / "foo").write_text("in the way")

    with running_daemon(place):
        refused = place.install(environment, "foo==2.0", index_url=index.url)
        assert (refused.status, refused.json["code"]) == (409, "recovery-failed")
        assert place.install(other, "foo==2.0", index_url=index.url).status == 200
        (site / "foo").unlink()
        assert place.client("list", "-p", environment).code == 0
        assert before == snapshot(environment)


def test_battered(place: Place, tmp_path: Path) -> None:
    """However often a daemon is killed while clients change one environment, all stays whole."""
    wheels = tmp_path / "family"
    wheels.mkdir()
    make_family(wheels)
    with running_index(wheels) as index:
        battering = Battering(place=place, index=index, chance=random.Random(20240229))
        for _ in range(6):
            battering.round()
        with running_daemon(place) as daemon:
            battering.check(daemon)
            assert daemon.stop(signal.SIGTERM) == 0
    assert battering.answers > 0
