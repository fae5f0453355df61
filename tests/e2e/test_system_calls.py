"""What an install costs in system calls: figures that do not drift with the machine.

They are of a warm install, of wheels that the cache has, until the daemon is idle again. Fewer is
better: whoever saves calls lowers the numbers here.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.daemon import Daemon, Place, running_daemon
from tests.support.index import IndexOptions, RunningIndex, running_index
from tests.support.tracing import tracing
from tests.support.wheels import make_wheel

FAMILIES: Final = {
    "rename": ("rename", "renameat", "renameat2"),
    "link": ("link", "linkat"),
    "mkdir": ("mkdir", "mkdirat"),
    "open": ("open", "openat", "openat2", "creat"),
    "unlink": ("unlink", "unlinkat", "rmdir"),
}
NAMES: Final = ("alpha", "beta", "delta", "gamma")
GRAFTED: Final = 10
"""Renames into the environment: three packages, two names in a folder that is there already, one
launcher and four dist-infos."""
DISCARDED: Final = 1
"""The workspace, which is renamed into the trash."""
WORKSPACE: Final = 2
LINKED: Final = 21 + 4 + 4 + 3
"""The wheels' files, each one's INSTALLER and REQUESTED, and RECORD where there is no launcher."""
FOLDERS: Final = 27


@pytest.fixture
def index(wheels: Path) -> Iterator[RunningIndex]:
    """Two wheels that are alone in their folder, two that share one, and one launcher."""
    for name in ("alpha", "beta"):
        modules = ("__init__.py", "a.py", "sub/__init__.py", "sub/deep/x.py")
        make_wheel(wheels, name, files={f"{name}/{module}": name for module in modules})
    scripts = {"gamma": "[console_scripts]\nrun-gamma = shared.gamma:main\n", "delta": ""}
    for name, entry_points in scripts.items():
        files = {"shared/__init__.py": "", f"shared/{name}/__init__.py": name}
        make_wheel(wheels, name, files=files, entry_points=entry_points)
    with running_index(wheels, IndexOptions(max_age=86_400)) as running:
        yield running


@pytest.fixture(scope="module")
def without_pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that stages on demand only."""
    with (
        Place.temporary(tmp_path_factory.mktemp("without-pool")) as place,
        running_daemon(place, env={"LINKD_POOL_DEPTH": "0"}) as running,
    ):
        yield running


def counted(daemon: Daemon, folder: Path, environment: Path, index: RunningIndex) -> Counter[str]:
    """The daemon's own calls, by family, that one install of all of them takes.

    The process that stages ahead is at work already when the daemon has installed them before,
    and is not counted.
    """
    names = [name for family in FAMILIES.values() for name in family]
    daemon.idle()
    with tracing(daemon.pid, folder / "calls", names) as calls:
        reply = daemon.place.install(environment, *NAMES, index_url=index.url)
        daemon.idle()
    assert reply.status == 200
    return Counter(
        {family: sum(calls[name] for name in names) for family, names in FAMILIES.items()}
    )


def counted_warm(daemon: Daemon, folder: Path, index: RunningIndex) -> Counter[str]:
    """The same for wheels that were installed before, elsewhere."""
    counted(daemon, folder, daemon.place.environment(f"{folder.name}-first"), index)
    return counted(daemon, folder, daemon.place.environment(f"{folder.name}-second"), index)


def test_staged_ahead(daemon: Daemon, index: RunningIndex, tmp_path: Path) -> None:
    """An install of what was staged ahead links nothing and makes no folder but its workspace's
    two: it takes each tree by a rename, and puts another in its place by one."""
    calls = counted_warm(daemon, tmp_path, index)
    expected = {"rename": GRAFTED + DISCARDED + 2 * len(NAMES), "link": 0, "mkdir": WORKSPACE}
    assert expected == {family: calls[family] for family in expected}


def test_staged_on_demand(without_pool: Daemon, index: RunningIndex, tmp_path: Path) -> None:
    """Without a pool files are linked, and folders made, once for each wheel."""
    calls = counted_warm(without_pool, tmp_path, index)
    expected = {"rename": GRAFTED + DISCARDED, "link": LINKED, "mkdir": WORKSPACE + FOLDERS}
    assert expected == {family: calls[family] for family in expected}


def test_opens(daemon: Daemon, index: RunningIndex, tmp_path: Path) -> None:
    """Four wheels that were staged ahead take no more than 82 opens and 18 removals."""
    calls = counted_warm(daemon, tmp_path, index)
    assert calls["open"] <= 82
    assert calls["unlink"] <= 18


def test_nothing_to_do(
    daemon: Daemon, environment: Path, index: RunningIndex, tmp_path: Path
) -> None:
    """Where all is installed nothing is made, linked, renamed or removed anywhere."""
    counted(daemon, tmp_path, environment, index)
    calls = counted(daemon, tmp_path, environment, index)
    assert {family: calls[family] for family in ("rename", "link", "mkdir", "unlink")} == {
        "rename": 0,
        "link": 0,
        "mkdir": 0,
        "unlink": 0,
    }
