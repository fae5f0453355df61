"""Claims about the daemon's settings and where they come from."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from linkd.errors import InvalidSettings
from linkd.settings import default_socket, load_settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "linkd.toml"
    path.write_text('downloads = 3\nlog_level = "error"\nidle_timeout = 5\n')
    return path


def test_precedence(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line goes before the environment, that before the file, that before defaults."""
    monkeypatch.setenv("LINKD_LOG_LEVEL", "warning")
    monkeypatch.setenv("LINKD_IDLE_TIMEOUT", "6")
    settings = load_settings(file, idle_timeout=7.0)
    found = (settings.idle_timeout, settings.log_level, settings.downloads, settings.unpack_threads)
    assert found == (7.0, "warning", 3, 4)


def test_what_is_not_given_counts_not(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option that was not given and a variable that is empty leave the file's value."""
    monkeypatch.setenv("LINKD_DOWNLOADS", "")
    settings = load_settings(file, log_level=None)
    assert (settings.log_level, settings.downloads) == ("error", 3)


def test_the_named_file(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """LINKD_CONFIG names the file; an option goes before it."""
    monkeypatch.setenv("LINKD_CONFIG", str(file))
    assert load_settings(None).downloads == 3
    other = tmp_path / "other.toml"
    other.write_text("downloads = 4\n")
    assert load_settings(other).downloads == 4


def test_a_missing_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that was named must be there; the default one need not."""
    missing = tmp_path / "none.toml"
    with pytest.raises(InvalidSettings, match=r"none\.toml: there is no such file"):
        load_settings(missing)
    monkeypatch.setenv("LINKD_CONFIG", str(missing))
    with pytest.raises(InvalidSettings, match=r"none\.toml: there is no such file"):
        load_settings(None)
    monkeypatch.delenv("LINKD_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert load_settings(None).idle_timeout == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = 1\ndownloads = \n", "line 2"),
        ("frobnicate = 1\n", "frobnicate: "),
        ("downloads = 0\n", "downloads: "),
        ('downloads = "many"\n', "downloads: "),
        ('log_level = "loud"\n', "log_level: "),
        ("[linkd]\ndownloads = 1\n", "linkd: "),
        ("downloads = 1\xff\n", "linkd.toml: "),
    ],
)
def test_invalid_files(tmp_path: Path, text: str, words: str) -> None:
    """What is wrong with a file is told with its path and the member."""
    path = tmp_path / "linkd.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidSettings) as caught:
        load_settings(path)
    assert caught.value.detail.startswith(f"{path}: ")
    assert words in caught.value.detail


def test_an_invalid_variable_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong value is not blamed on the file if it came from the environment."""
    monkeypatch.setenv("LINKD_DOWNLOADS", "many")
    with pytest.raises(InvalidSettings) as caught:
        load_settings(file)
    assert caught.value.detail.startswith("LINKD_DOWNLOADS: ")


def test_an_invalid_option_is_named(file: Path) -> None:
    """Nor if it came from the command line; what is wrong with the file is told, too."""
    file.write_text("downloads = 0\n")
    with pytest.raises(InvalidSettings) as caught:
        load_settings(file, idle_timeout=-1.0)
    assert caught.value.detail.startswith("--idle-timeout: ")
    assert f"; {file}: downloads: " in caught.value.detail


def test_settings_are_frozen(file: Path) -> None:
    """Nobody changes the settings of a running daemon."""
    settings = load_settings(file)
    with pytest.raises(ValidationError):
        settings.downloads = 9


def test_the_default_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The socket lies in the runtime folder where there is one, else in one of the user's own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert default_socket() == tmp_path / "linkd" / "linkd.sock"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "none"))
    assert default_socket().parent.name.startswith("linkd-")
