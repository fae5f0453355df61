"""A daemon, an environment, and a folder of source distributions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, Place, running_daemon


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Place.temporary(tmp_path) as place:
        yield place


@pytest.fixture
def daemon(place: Place) -> Iterator[Daemon]:
    with running_daemon(place) as daemon:
        yield daemon


@pytest.fixture
def links(tmp_path: Path) -> Path:
    folder = tmp_path / "links"
    folder.mkdir()
    return folder


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """Where the backends leave word of their hooks."""
    path = tmp_path / "calls"
    path.touch()
    return path
