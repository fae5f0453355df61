"""What holds for every test: a developer's own daemon, cache and environment are out of its reach."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A busy machine is no reason to fail an example: no claim here is about time.
settings.register_profile("linkd", deadline=None)
settings.load_profile("linkd")


@pytest.fixture(scope="session", autouse=True)
def _surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("LINKD_") or name == "VIRTUAL_ENV":
                patch.delenv(name)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        yield
