import base64
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from linkd.fetch.credentials import Credentials


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def write_netrc(folder: Path, text: str) -> None:
    (folder / "netrc").write_text(text)


def test_a_urls_credentials_are_remembered_for_its_origin(credentials: Credentials) -> None:
    """The URL comes back bare; its files on the same origin use the credentials, decoded."""
    bare = credentials.remember("https://me:p%40ss@example.org/simple")
    assert bare == "https://example.org/simple"
    assert credentials.header("https://example.org/files/x.whl") == basic("me", "p@ss")


@pytest.mark.parametrize(
    "url",
    ["http://example.org/x", "https://example.org:8443/x", "https://files.example.org/x"],
)
def test_another_origin_gets_nothing(credentials: Credentials, url: str) -> None:
    """Another scheme, port or host is another origin."""
    credentials.remember("https://me:secret@example.org/simple")
    assert credentials.header(url) is None


def test_the_nearest_index_of_an_origin_counts(credentials: Credentials) -> None:
    """Two indexes of one host may have credentials of their own."""
    credentials.remember("https://a:1@example.org/team-a/simple")
    credentials.remember("https://b:2@example.org/team-b/simple")
    assert credentials.header("https://example.org/team-a/files/x.whl") == basic("a", "1")
    assert credentials.header("https://example.org/team-b/simple/x/") == basic("b", "2")


def test_netrc_is_read_by_host(tmp_path: Path, credentials: Credentials) -> None:
    """A machine of netrc has its login, another host has none."""
    write_netrc(tmp_path, "machine example.org login me password secret\n")
    assert credentials.header("https://example.org/x") == basic("me", "secret")
    assert credentials.header("https://other.example.org/x") is None


def test_a_changed_netrc_is_read_again(tmp_path: Path, credentials: Credentials) -> None:
    """The daemon need not be started anew for it."""
    write_netrc(tmp_path, "machine example.org login me password old\n")
    credentials.header("https://example.org/x")
    write_netrc(tmp_path, "machine example.org login me password newer\n")
    assert credentials.header("https://example.org/x") == basic("me", "newer")


def test_a_broken_netrc_has_no_credentials(tmp_path: Path, credentials: Credentials) -> None:
    """What cannot be read as netrc is passed over."""
    write_netrc(tmp_path, "machine example.org nonsense x y\n")
    assert credentials.header("https://example.org/x") is None


def test_the_url_goes_before_netrc(tmp_path: Path, credentials: Credentials) -> None:
    """Credentials of the index's own URL hold."""
    write_netrc(tmp_path, "machine example.org login me password netrc\n")
    credentials.remember("https://me:url@example.org/simple")
    assert credentials.header("https://example.org/simple/x/") == basic("me", "url")


def test_without_a_keyring_there_are_no_credentials(
    credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A keyring that is not installed is no error."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert credentials.ask_keyring("https://example.org/x") is None


def test_the_keyring_is_asked_once_and_remembered(
    credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says of a host holds for the origin, and it is not asked again."""
    asked: list[tuple[str, str | None]] = []

    def get_credential(service: str, user: str | None) -> object:
        asked.append((service, user))
        if service == "example.org":
            return SimpleNamespace(username="ring", password="secret")
        return None

    keyring = ModuleType("keyring")
    keyring.__dict__["get_credential"] = get_credential
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    assert credentials.ask_keyring("https://example.org/simple/x/") == basic("ring", "secret")
    assert credentials.header("https://example.org/files/y") == basic("ring", "secret")
    assert asked == [("https://example.org/simple/x/", None), ("example.org", None)]


async def test_a_failing_keyring_has_no_credentials(
    credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a backend raises, the request goes on without."""

    def get_credential(service: str, user: str | None) -> object:
        raise RuntimeError("locked")

    keyring = ModuleType("keyring")
    keyring.__dict__["get_credential"] = get_credential
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    assert await credentials.ask_keyring_aside("https://example.org/x") is None
