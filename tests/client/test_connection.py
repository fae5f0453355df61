"""The client finds its daemon's socket, and talks to nobody else's."""

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from linkd_client.connection import _check_peer
from linkd_client.errors import NoDaemon
from tests.client.conftest import Client
from tests.client.fake_daemon import FakeDaemon, lines

StartDaemon = Callable[..., FakeDaemon]
HELLO = lines("ohello", "x0")


def test_the_option_goes_before_the_variable(
    client: Client, daemon: StartDaemon, tmp_path: Path
) -> None:
    """--socket names the socket, whatever LINKD_SOCKET says; it may be relative."""
    daemon(HELLO, path=client.folder / "s")
    result = client("status", "--socket", "s", env={"LINKD_SOCKET": "/nowhere"})
    assert result.stdout == b"hello\n"


def test_the_runtime_folder_is_the_default(
    client: Client, daemon: StartDaemon, tmp_path: Path
) -> None:
    """Without either the socket lies in the user's runtime folder."""
    (tmp_path / "linkd").mkdir()
    daemon(HELLO, path=tmp_path / "linkd/linkd.sock")
    result = client("status", env={"LINKD_SOCKET": "", "XDG_RUNTIME_DIR": str(tmp_path)})
    assert result.stdout == b"hello\n"


def test_the_last_resort_is_a_folder_of_the_user(client: Client) -> None:
    """Without a runtime folder the path has the user's number."""
    env = {"LINKD_SOCKET": "", "XDG_RUNTIME_DIR": "/nowhere/at/all"}
    code = "from linkd_client.connection import socket_path as p; print(p(None))"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**client.env, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout == f"/tmp/linkd-{os.geteuid()}/linkd.sock\n"


def test_a_long_path_is_reached(client: Client, daemon: StartDaemon, tmp_path: Path) -> None:
    """A socket whose path is longer than an address can be is reached all the same."""
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    daemon(HELLO, path=folder / "linkd.sock")
    result = client("status", "--socket", f"{folder}/linkd.sock")
    assert (result.returncode, result.stdout) == (0, b"hello\n")


@pytest.mark.parametrize("long", [False, True])
def test_without_a_daemon_the_reason_is_told(client: Client, long: bool) -> None:
    """With nobody listening, and nobody to be started, the exit code is 3."""
    path = f"/nowhere/{'d' * 120 if long else 'd'}/linkd.sock"
    result = client("status", "--no-autostart", "--socket", path)
    assert result.returncode == 3
    assert result.stderr.decode() == (
        f"linkd: no daemon is running on {path}; start one with: linkd serve\n"
    )


def test_a_stale_socket_is_no_daemon(client: Client, socket_path: Path) -> None:
    """A socket that a daemon left behind is the same as none."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(socket_path))
    result = client("status", "--no-autostart")
    assert result.returncode == 3
    assert b"no daemon is running" in result.stderr


def test_shutdown_starts_no_daemon(client: Client) -> None:
    """Nothing is started only to be stopped."""
    result = client("shutdown")
    assert result.returncode == 3
    assert b"no daemon is running" in result.stderr


@pytest.mark.parametrize(
    ("name", "reason"),
    [("file/linkd.sock", "not a directory"), ("n" * 300, "AF_UNIX path too long")],
)
def test_an_unusable_path_is_told(client: Client, name: str, reason: str) -> None:
    """A path at which no socket can be ends with code 3 and the system's reason."""
    (client.folder / "file").touch()
    result = client("status", "--socket", name)
    assert result.returncode == 3
    assert result.stderr.decode().endswith(f"cannot be connected to: {reason}\n")


class _Peer(socket.socket):
    """A connection whose other end belongs to whom we like."""

    uid = 0

    def getsockopt(self, *_: int) -> bytes:  # type: ignore[override]  # one of its overloads
        return struct.pack("iII", 1, self.uid, 1)


@pytest.mark.parametrize("uid", [0, os.geteuid()])
def test_our_own_and_root_are_trusted(uid: int) -> None:
    """A daemon of the user or of root may answer."""
    with _Peer(socket.AF_UNIX) as peer:
        peer.uid = uid
        _check_peer(peer, "/s")


def test_another_user_is_refused() -> None:
    """A socket on which another user listens is not talked to."""
    stranger = os.geteuid() + 12345
    with _Peer(socket.AF_UNIX) as peer:
        peer.uid = stranger
        with pytest.raises(NoDaemon, match=rf"^what listens on /s belongs to user {stranger}, "):
            _check_peer(peer, "/s")


LISTEN = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
if os.geteuid() == 0:  # root is trusted: be somebody else from here on
    os.setuid(65534)
listener.listen()  # whose it is, is settled here
print("listening", flush=True)
connection, _ = listener.accept()
sys.exit(len(connection.recv(1)))
"""
AS_ANOTHER_USER = """
import os, sys
os.geteuid = lambda: 4242
from linkd_client.main import main
sys.exit(main())
"""


def test_another_user_is_sent_nothing(client: Client, socket_path: Path) -> None:
    """A stranger who listens on our socket gets not a byte of the request."""
    with subprocess.Popen(
        [sys.executable, "-c", LISTEN, str(socket_path)], stdout=subprocess.PIPE
    ) as stranger:
        assert stranger.stdout is not None
        assert stranger.stdout.readline() == b"listening\n"
        result = subprocess.run(
            [sys.executable, "-c", AS_ANOTHER_USER, "status", "--no-autostart"],
            cwd=client.folder,
            env=client.env,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 3
        assert b"but you are user 4242" in result.stderr
        assert stranger.wait(60) == 0
