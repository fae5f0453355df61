"""On a terminal: colours, a live progress line, and an end by Ctrl-C that leaves no trace."""

import contextlib
import os
import socket
import subprocess
import termios
import threading
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.client.conftest import CLIENT, Client
from tests.client.fake_daemon import FakeDaemon, document, lines

StartDaemon = Callable[..., FakeDaemon]
ON_TERMINAL = ("/bin/sh", "-c", 'exec "$@" <"$0" >"$0" 2>"$0"')
AS_A_PERSON = ("env", "--default-signal=INT")
"""Tests that run in the background have SIGINT ignored, and so would all that they start."""
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.linkd.lines\r\n\r\n"


class Window:
    """A pseudo terminal of 91 columns with a client in it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.master, self.slave = os.openpty()
        termios.tcsetwinsize(self.slave, (24, 91))

    def start(
        self, *arguments: str, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Run in a session of its own, so that the terminal it opens controls it."""
        return subprocess.Popen(
            [*AS_A_PERSON, *ON_TERMINAL, os.ttyname(self.slave), *CLIENT, *arguments],
            cwd=self.client.folder,
            env={**self.client.env, "TERM": "xterm", **(env or {})},
            start_new_session=True,
        )

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
        with self.start(*arguments, env=env) as process:
            code = process.wait(60)
        os.write(self.slave, b"<end>")
        return code, self.read_to("<end>")

    def read_to(self, mark: str) -> str:
        """What is shown up to the mark, without it."""
        shown = b""
        while mark.encode() not in shown:
            shown += os.read(self.master, 4096)
        return shown.decode().partition(mark)[0]


@pytest.fixture
def window(client: Client) -> Iterator[Window]:
    window = Window(client)
    yield window
    os.close(window.master)
    os.close(window.slave)


@pytest.mark.parametrize(
    ("options", "variables", "described"),
    [
        ([], {}, "columns=91,color=1,progress=1,verbosity=0"),
        ([], {"NO_COLOR": "1"}, "columns=91,color=0,progress=1,verbosity=0"),
        ([], {"NO_COLOR": ""}, "columns=91,color=1,progress=1,verbosity=0"),
        ([], {"TERM": "dumb"}, "columns=91,color=0,progress=0,verbosity=0"),
        (["-q"], {}, "columns=91,color=1,progress=0,verbosity=-1"),
        (["--no-progress"], {}, "columns=91,color=1,progress=0,verbosity=0"),
    ],
)
def test_the_terminal_is_described(
    window: Window,
    daemon: StartDaemon,
    options: list[str],
    variables: dict[str, str],
    described: str,
) -> None:
    """The daemon is told how wide the terminal is and what may be drawn on it."""
    fake = daemon(lines("x0"))
    assert window.run("status", *options, env=variables) == (0, "")
    assert f"Linkd-Terminal: {described}\r\n".encode() in fake.request


def test_json_is_not_decorated(window: Window, daemon: StartDaemon) -> None:
    """With --json neither colour nor progress is asked for."""
    fake = daemon(document(b"{}"))
    assert window.run("status", "--json") == (0, "{}\r\n")
    assert b"color=0,progress=0," in fake.request


def test_the_progress_line_is_drawn_in_place(window: Window, daemon: StartDaemon) -> None:
    """Each progress line replaces the one before, and every other line takes it away first."""
    daemon(lines("pone", "ptwo", "odone", "p", "pthree", "x1"))
    code, shown = window.run("status")
    erase = "\r\x1b[K"
    assert code == 1
    assert shown == f"{erase}one{erase}two{erase}done\r\n{erase}three{erase}"


def test_a_dead_daemon_leaves_no_progress_line(window: Window, daemon: StartDaemon) -> None:
    """A message never stands behind a half-drawn progress line."""
    daemon(PLAIN + b"pone\n")
    code, shown = window.run("status")
    assert code == 3
    assert shown.startswith("\r\x1b[Kone\r\x1b[Klinkd: the daemon ended")


def _press_ctrl_c(window: Window, process: subprocess.Popen[bytes]) -> None:
    """As a person does: once more if nothing happens.

    A signal that comes in the instant before a system call begins to wait does not end the call.
    """
    for _ in range(20):
        os.write(window.master, b"\x03")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2)
            return


def test_ctrl_c_ends_quietly(window: Window, daemon: StartDaemon) -> None:
    """Ctrl-C closes the connection, takes the progress line away and exits with 130."""
    ended = threading.Event()

    def work(connection: socket.socket) -> None:
        connection.sendall(PLAIN + b"pworking\n")
        if not connection.recv(1):
            ended.set()

    fake = daemon(work)
    with window.start("install", "a") as process:
        window.read_to("working")
        _press_ctrl_c(window, process)
        assert process.wait(60) == 130
    os.write(window.slave, b"<end>")
    assert window.read_to("<end>").replace("^C", "") == "\r\x1b[K"
    assert ended.wait(60)
    assert len(fake.requests) == 1
