"""A daemon for each file of tests; an index, a folder of wheels and an environment for each test."""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, Place, running_daemon
from tests.support.index import RunningIndex, running_index

_number = itertools.count()


def _may_mount() -> bool:
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _may_become_nobody() -> bool:
    """Nobody has to be able to run the interpreter, too, which may lie in root's home."""
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    return (
        subprocess.run(
            [*command, sys.executable, "-c", "import linkd.cli"], capture_output=True, check=False
        ).returncode
        == 0
    )


# Only root can become somebody else, and only a privileged root can mount: elsewhere there is
# nothing to run these with.
collect_ignore = []
if os.geteuid() != 0 or not _may_become_nobody():
    collect_ignore.append("test_other_users.py")
if os.geteuid() != 0 or not _may_mount():
    collect_ignore.append("test_mounts.py")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Place.temporary(tmp_path_factory.mktemp("place")) as made:
        yield made


@pytest.fixture(scope="module")
def daemon(place: Place) -> Iterator[Daemon]:
    with running_daemon(place) as running:
        yield running


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


@pytest.fixture
def index(wheels: Path) -> Iterator[RunningIndex]:
    with running_index(wheels) as running:
        yield running


@pytest.fixture
def environment(place: Place) -> Path:
    return place.environment(f"env-{next(_number)}")
