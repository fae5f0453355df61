"""A daemon and a folder to try behaviours in, for a file of tests."""

from collections.abc import Iterator

import pytest

from tests.conformance.trials import Trials


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    with Trials.ready(tmp_path_factory.mktemp("conformance")) as ready:
        yield ready
