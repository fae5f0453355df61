"""What an install costs in system calls: figures that do not drift with the machine.

They are of a warm install, of wheels that the cache has, until the daemon is idle again. Fewer is
better: whoever saves calls lowers the numbers here.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.daemon import Daemon
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
FILES: Final = 21
"""In the wheels, but for each one's RECORD."""


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


def counted(daemon: Daemon, folder: Path, environment: Path, index: RunningIndex) -> Counter[str]:
    """The calls by family that one install of all of them takes."""
    names = [name for family in FAMILIES.values() for name in family]
    daemon.idle()
    with tracing(daemon.pid, folder / "calls", names) as calls:
        reply = daemon.place.install(environment, *NAMES, index_url=index.url)
        daemon.idle()
    assert reply.status == 200
    return Counter(
        {family: sum(calls[name] for name in names) for family, names in FAMILIES.items()}
    )


def test_a_warm_install(
    daemon: Daemon, environment: Path, index: RunningIndex, tmp_path: Path
) -> None:
    """A wheel that is alone in its folder is grafted by two renames, and one that shares a folder
    by one for each of its names there; files are linked, and folders made, once for each wheel."""
    counted(daemon, tmp_path, daemon.place.environment("first"), index)
    calls = counted(daemon, tmp_path, environment, index)
    packages, dist_infos, shared, launchers, trash = 3, 4, 2, 1, 1
    workspace, stages, schemes, folders = 2, 4, 9, 14
    expected = {
        "rename": packages + dist_infos + shared + launchers + trash,
        "link": FILES,
        "mkdir": workspace + stages + schemes + folders,
    }
    assert expected == {family: calls[family] for family in expected}


def test_opens_of_a_warm_install(
    daemon: Daemon, environment: Path, index: RunningIndex, tmp_path: Path
) -> None:
    """Four wheels take no more than 83 opens and 17 removals."""
    counted(daemon, tmp_path, daemon.place.environment("before"), index)
    calls = counted(daemon, tmp_path, environment, index)
    assert calls["open"] <= 83
    assert calls["unlink"] <= 17


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
