"""A store and an environment on one file system."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stored import Environment, Store, make_target


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def environment(store: Store, tmp_path: Path) -> Environment:
    return Environment(store, make_target(tmp_path / "environment"))
