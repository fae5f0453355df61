"""No path leads out of an environment, whatever links there are in it."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkd.errors import GraftFailed
from linkd.link.beneath import FOLDER, Beneath
from linkd.link.rename import KernelRename

NAMES = ["..", ".", "", "lib", "site", "out", "up", "itself", "file", "absent", "/"]


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with links to what lies outside of it, and to itself."""
    folder = tmp_path_factory.mktemp("beneath")
    prefix = folder / "env"
    (prefix / "lib" / "site").mkdir(parents=True)
    (folder / "outside" / "lib").mkdir(parents=True)
    (prefix / "file").touch()
    for place in (prefix, prefix / "lib", prefix / "lib" / "site"):
        (place / "out").symlink_to(folder / "outside")
        (place / "up").symlink_to("..")
        (place / "itself").symlink_to(prefix)
    return prefix


@given(st.lists(st.sampled_from(NAMES), max_size=6).map("/".join))
def test_every_path_stays_below(prefix: Path, path: str) -> None:
    """A folder that is opened is the one of that path below the prefix, reached without a link."""
    prefix_fd = os.open(prefix, FOLDER)
    try:
        beneath = Beneath(str(prefix), prefix_fd, KernelRename())
        try:
            descriptor = beneath.open(path)
        except (OSError, GraftFailed):
            return
        real = os.readlink(f"/proc/self/fd/{descriptor}")
        os.close(descriptor)
    finally:
        os.close(prefix_fd)

    parts = [part for part in path.split("/") if part not in {"", "."}]
    assert real == os.path.join(os.path.realpath(prefix), *parts)
