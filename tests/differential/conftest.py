"""The three installers, for each file of tests."""

import os
from collections.abc import Iterator

import pytest

from tests.differential.installers import Installers


@pytest.fixture(scope="module")
def installers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installers]:
    before = os.umask(0o022)  # pip and uv follow it, linkd does not
    try:
        with Installers.ready(tmp_path_factory.mktemp("installers")) as ready:
            yield ready
    finally:
        os.umask(before)
