from pathlib import Path

import pytest

from linkd.errors import CacheOccupied
from linkd.store.layout import Layout
from linkd.store.tenancy import tenancy


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "cache")
    layout.create()
    return layout


def test_one_daemon(layout: Layout) -> None:
    """A second daemon is refused, and told where the first one listens."""
    with (
        tenancy(layout, "/run/one.sock"),
        pytest.raises(CacheOccupied) as caught,
        tenancy(layout, "/run/two.sock"),
    ):
        pass

    assert caught.value.socket == "/run/one.sock"


def test_one_after_the_other(layout: Layout) -> None:
    """When the first has gone the next one has the cache."""
    for name in ("one", "two"):
        with tenancy(layout, name):
            pass
