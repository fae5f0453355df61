"""A store over a folder of the test's own."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from linkd.store.ingest import Crew
from linkd.store.layout import Layout
from linkd.store.state import State
from linkd.store.store import Store
from tests.unit.store.surroundings import FolderDownloads


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "cache")
    layout.create()
    return layout


@pytest.fixture
def crew() -> Iterator[Crew]:
    with ThreadPoolExecutor(2) as executor:
        yield Crew(executor, 2)


@pytest.fixture
def state(layout: Layout) -> Iterator[State]:
    state = State(layout.state)
    yield state
    state.close()


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """The folder of wheels that can be downloaded."""
    folder = tmp_path / "index"
    folder.mkdir()
    return folder


@pytest.fixture
def downloads(index: Path) -> FolderDownloads:
    downloads = FolderDownloads(index)
    downloads.gate.set()
    return downloads


@pytest.fixture
async def store(layout: Layout, downloads: FolderDownloads, state: State) -> AsyncIterator[Store]:
    store = Store(layout, downloads, state, threads=2)
    await store.start()
    yield store
    await store.close()
