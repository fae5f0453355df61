"""One daemon's services and one index for all resolution cases."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from linkd.bootstrap import make_daemon
from linkd.settings import Settings
from tests.resolution.ours import Linkd
from tests.resolution.universe import running_universes
from tests.support.index import RunningIndex


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    """One for all universes."""
    with running_universes(tmp_path_factory.mktemp("universes")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def linkd(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Linkd]:
    folder = tmp_path_factory.mktemp("linkd")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_CONFIG_FILE", "/dev/null")
        patch.setenv("XDG_CONFIG_HOME", str(folder))
        patch.setenv("XDG_CONFIG_DIRS", str(folder))
        daemon = make_daemon(Settings(cache_dir=folder / "cache"))
        await daemon.start()
        yield Linkd(daemon)
        await daemon.close()
