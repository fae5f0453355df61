"""An HTTP client as the daemon has it, impatient, and a machine without credentials."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from linkd.fetch.credentials import Credentials
from linkd.fetch.http import HttpClient, HttpLimits
from linkd.fetch.retry import RetryPolicy

IMPATIENT = RetryPolicy(attempts=3, first_delay=0.01, longest_delay=0.05)


@pytest.fixture(autouse=True)
def _no_netrc_and_no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


@pytest.fixture
def credentials() -> Credentials:
    return Credentials()


@pytest.fixture
async def http(credentials: Credentials) -> AsyncIterator[HttpClient]:
    client = HttpClient(credentials, limits=HttpLimits(body=1 << 20), retry=IMPATIENT)
    yield client
    await client.close()
