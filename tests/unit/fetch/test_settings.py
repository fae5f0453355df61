import os
from pathlib import Path

import pytest

from linkd.errors import InvalidIndexSettings
from linkd.fetch.configuration import (
    parse_pip_configuration,
    parse_uv_configuration,
    read_index_settings,
)
from linkd.fetch.settings import IndexSettings, default_index_url, merge, normalized_index


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of which nothing is configured but what the test writes."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "xdg"))
    monkeypatch.delenv("PIP_CONFIG_FILE", raising=False)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_pips_keys_and_sections() -> None:
    """Dashes or underscores, lists over lines, and install before global."""
    text = """
[global]
index_url = https://example.org/simple/
extra-index-url =
    https://a.example.org/simple
    https://b.example.org/simple
find-links = /wheels https://example.org/links.html
no-index = false
[install]
index-url = https://u:p%40@example.org/other
[list]
index-url = https://example.org/not-this
"""
    assert parse_pip_configuration(("pip.conf", text)) == IndexSettings(
        index_url="https://u:p%40@example.org/other",
        extra_index_urls=("https://a.example.org/simple", "https://b.example.org/simple"),
        configured_find_links=("/wheels", "https://example.org/links.html"),
    )


def test_a_later_file_of_pips_overrides() -> None:
    """A user's file takes a flag of the machine's back."""
    files = [
        ("a", "[global]\nno-index = yes\nfind-links = /a"),
        ("b", "[global]\nno-index = no\nfind-links = /b"),
    ]
    assert parse_pip_configuration(*files) == IndexSettings(configured_find_links=("/b",))


@pytest.mark.parametrize(
    "text", ["index-url = x", "[global]\nno-index = perhaps", "[global]\nindex-url = ftp://x/y"]
)
def test_an_invalid_file_is_named(text: str) -> None:
    """What cannot be read is an error that names the file."""
    with pytest.raises(InvalidIndexSettings) as caught:
        parse_pip_configuration(("/etc/pip.conf", text))
    assert caught.value.source == "/etc/pip.conf"


def test_uvs_indexes() -> None:
    """Default, further, flat and explicit indexes, the old keys, and the pip table first."""
    text = """
index-url = "https://example.org/old"
extra-index-url = ["https://example.org/extra"]
find-links = ["/wheels"]
no-index = false
[[index]]
url = "https://example.org/one"
[[index]]
name = "main"
url = "https://example.org/main/"
default = true
[[index]]
url = "https://example.org/explicit"
explicit = true
[[index]]
url = "/flat"
format = "flat"
[pip]
extra-index-url = ["https://example.org/pip"]
"""
    assert parse_uv_configuration("uv.toml", text) == IndexSettings(
        index_url="https://example.org/main",
        extra_index_urls=(
            "https://example.org/pip",
            "https://example.org/one",
            "https://example.org/extra",
        ),
        configured_find_links=("/flat", "/wheels"),
    )


@pytest.mark.parametrize("text", ["[[index]]\nname = 'x'", "no-index = 1", "= "])
def test_an_invalid_file_of_uvs_is_named(text: str) -> None:
    """Wrong syntax and wrong types are errors that name the file."""
    with pytest.raises(InvalidIndexSettings) as caught:
        parse_uv_configuration("/etc/uv/uv.toml", text)
    assert caught.value.source == "/etc/uv/uv.toml"


def test_pips_index_goes_before_uvs(home: Path) -> None:
    """Both are read; of two indexes it is pip's, and the lists are joined."""
    write(
        home / "config/pip/pip.conf",
        "[global]\nindex-url=https://example.org/pip\nfind-links=/one",
    )
    write(home / "config/uv/uv.toml", 'index-url="https://example.org/uv"\nfind-links=["/two"]')
    settings = read_index_settings()
    assert settings.index_url == "https://example.org/pip"
    assert settings.configured_find_links == ("/one", "/two")


def test_the_users_file_overrides_the_machines(home: Path) -> None:
    """Of XDG folder, legacy file and user's file the last one holds."""
    for place, name in (("xdg/pip", "a"), (".pip", "b"), ("config/pip", "c")):
        write(home / place / "pip.conf", f"[global]\nindex-url=https://example.org/{name}")
    assert read_index_settings().index_url == "https://example.org/c"


def test_pip_config_file_takes_the_users_place(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With PIP_CONFIG_FILE the user's own files are not read."""
    write(home / "config/pip/pip.conf", "[global]\nfind-links=/user")
    named = write(home / "named.conf", "[global]\nindex-url=https://example.org/named")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(named))
    settings = read_index_settings()
    assert settings.index_url == "https://example.org/named"
    assert "/user" not in settings.configured_find_links


def test_the_null_device_is_no_configuration(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PIP_CONFIG_FILE=/dev/null leaves all of pip's files out."""
    write(home / "xdg/pip/pip.conf", "[global]\nindex-url=https://example.org/x")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert read_index_settings().index_url is None


def test_a_changed_file_is_read_again(home: Path) -> None:
    """The settings follow the files."""
    path = write(home / "config/pip/pip.conf", "[global]\nindex-url=https://example.org/1")
    first = read_index_settings()
    assert read_index_settings() is first
    write(path, "[global]\nindex-url=https://example.org/second")
    assert read_index_settings().index_url == "https://example.org/second"


def test_the_daemons_own_variables_mean_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PIP_INDEX_URL and its like are the client's to send."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_INDEX_URL"):
        monkeypatch.setenv(name, "https://example.org/variable")
    assert "variable" not in repr(read_index_settings())


def test_a_request_goes_before_the_configuration() -> None:
    """Its index replaces, its lists precede, and each place is named once."""
    requested = IndexSettings(
        index_url="https://example.org/mine/",
        extra_index_urls=("https://example.org/extra",),
        find_links=("/here",),
    )
    configured = IndexSettings(
        index_url="https://example.org/theirs",
        extra_index_urls=("https://example.org/extra/", "https://example.org/mine"),
        configured_find_links=("/here/", "/there"),
    )
    assert merge(requested, configured) == IndexSettings(
        index_url="https://example.org/mine",
        extra_index_urls=("https://example.org/extra",),
        find_links=("/here",),
        configured_find_links=("/there",),
    )


def test_no_index_drops_indexes_only() -> None:
    """With no-index of either side what remains is find-links."""
    requested = IndexSettings(index_url="https://example.org/simple", find_links=("/here",))
    configured = IndexSettings(no_index=True, configured_find_links=("/there",))
    assert merge(requested, configured) == IndexSettings(
        find_links=("/here",), configured_find_links=("/there",), no_index=True
    )


def test_where_nothing_is_named_there_is_a_default() -> None:
    """The default index is a URL without a slash at its end."""
    settings = merge(IndexSettings(), IndexSettings())
    assert settings.index_url == default_index_url()
    assert settings.index_url.startswith("https://")
    assert not settings.index_url.endswith("/")


def test_a_path_becomes_a_file_url() -> None:
    """An index may be a folder."""
    settings = merge(IndexSettings(index_url="/some where/simple/"), IndexSettings())
    assert settings.index_url == "file:///some%20where/simple"


@pytest.mark.parametrize("url", ["simple", "ftp://example.org", "https://", "https://x:port/y"])
def test_what_is_no_index_is_refused(url: str) -> None:
    """An index must be a URL of http, https or file, or a path."""
    with pytest.raises(InvalidIndexSettings) as caught:
        merge(IndexSettings(index_url=url), IndexSettings())
    assert caught.value.source == "--index-url"


def test_a_refusal_shows_no_password() -> None:
    """Messages about a wrong URL are without its credentials."""
    with pytest.raises(InvalidIndexSettings) as caught:
        merge(IndexSettings(index_url="ftp://user:secret@example.org/"), IndexSettings())
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "password", ["pa/ss", "p@/ss", "pa ss/@", "pa?ss", "pa#ss", "[pass", "pa'ss"]
)
def test_a_refused_index_does_not_show_its_password(password: str) -> None:
    """Why an index is refused is said without its password, whatever that is made of."""
    with pytest.raises(InvalidIndexSettings) as caught:
        normalized_index(f"ftp://user:{password}@example.org/simple", source="--index-url")
    assert "'ftp://example.org/simple' is neither" in caught.value.detail


def test_a_broken_configuration_does_not_show_passwords() -> None:
    """A line of a configuration file that cannot be read is shown without its credentials."""
    with pytest.raises(InvalidIndexSettings) as caught:
        parse_pip_configuration(("/pip.conf", "https://user:pa/s@s@example.org/simple\n"))
    assert "://example.org/simple" in caught.value.detail
    assert "pa/s" not in caught.value.detail
