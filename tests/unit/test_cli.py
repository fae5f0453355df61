"""What the command line makes of its arguments, and how it tells that it is ready or why not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from linkd.cli import PATIENCE_S, STARTED_IDLE_S, make_parser, settings_of
from linkd_client import start


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("LINKD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def _idle_timeout(*arguments: str) -> float:
    return settings_of(make_parser().parse_args(["serve", *arguments])).idle_timeout


def test_a_client_waits_longer_than_its_daemon() -> None:
    """The daemon's reason for not starting comes before the client gives up."""
    assert start.PATIENCE_S > PATIENCE_S


def test_a_started_daemon_ends_when_idle() -> None:
    """A daemon that a client starts has an idle timeout of 15 minutes; any other has none."""
    assert (_idle_timeout("--ready-fd=3"), _idle_timeout()) == (STARTED_IDLE_S, 0)
    assert STARTED_IDLE_S == 15 * 60


def test_the_option_goes_before_a_started_daemons_default() -> None:
    """The option's idle timeout holds for a daemon that a client starts, never included."""
    assert _idle_timeout("--ready-fd=3", "--idle-timeout=0") == 0


def test_the_variable_goes_before_a_started_daemons_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The variable's idle timeout holds for a daemon that a client starts."""
    monkeypatch.setenv("LINKD_IDLE_TIMEOUT", "7")
    assert _idle_timeout("--ready-fd=3") == 7


def test_the_file_goes_before_a_started_daemons_default(tmp_path: Path) -> None:
    """The settings file's idle timeout holds for a daemon that a client starts."""
    file = tmp_path / "some.toml"
    file.write_text("idle_timeout = 8\n")
    assert _idle_timeout("--ready-fd=3", f"--config={file}") == 8


def test_a_parent_that_is_gone_is_no_failure(tmp_path: Path) -> None:
    """Where nobody reads the readiness any more, the reason is still told in one line."""
    (tmp_path / "file").touch()
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "linkd", "serve"),
                *("--ready-fd", str(write_end), "--socket", tmp_path / "file"),
            ],
            pass_fds=(write_end,),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write_end)
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"linkd: {tmp_path}/file cannot be used: ")
    assert len(ran.stderr.splitlines()) == 1
