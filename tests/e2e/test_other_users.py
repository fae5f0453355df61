"""Who is somebody else stays outside, and what is somebody else's is not touched (as root only)."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.daemon import CLIENT, DAEMON, NotReady, Place, running_daemon
from tests.support.index import RunningIndex
from tests.support.invariants import check_cache, snapshot
from tests.support.wheels import make_wheel

NOBODY: Final = 65534
AS_NOBODY: Final = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")

_ASK: Final = """
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
connection.sendall(b"GET /v1/status HTTP/1.0\\r\\nHost: linkd\\r\\n\\r\\n")
answer = b""
while piece := connection.recv(65536):
    answer += piece
sys.stdout.write(answer.decode())
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Place.temporary(tmp_path) as made:
        yield made


def open_to_all(*folders: Path) -> None:
    """Let everybody through to a folder that pytest has made for its own user alone."""
    for folder in folders:
        for parent in (folder, *folder.parents):
            if parent.stat().st_uid == os.getuid() and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o055)


def belongs_to_nobody(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def test_others_cannot_connect(place: Place) -> None:
    """Another user does not even reach the socket."""
    with running_daemon(place):
        ran = place.run([*AS_NOBODY, sys.executable, "-c", _ASK, str(place.socket)], cwd=Path("/"))
    assert "PermissionError" in ran.err


def test_others_are_refused(place: Place) -> None:
    """Another user who reaches the socket nevertheless is refused by the daemon."""
    with running_daemon(place):
        open_to_all(place.socket.parent)
        place.socket.chmod(0o666)
        ran = place.run([*AS_NOBODY, sys.executable, "-c", _ASK, str(place.socket)], cwd=Path("/"))
    assert ran.out.startswith("HTTP/1.1 403 ")
    assert '"code":"peer-refused"' in ran.out
    assert f'"uid":{NOBODY}' in ran.out


def test_the_folder_of_somebody_else(place: Place) -> None:
    """A socket is not put into somebody else's folder."""
    place.socket.parent.mkdir(mode=0o700)
    os.chown(place.socket.parent, NOBODY, NOBODY)
    ran = place.run([*DAEMON, "serve"])
    assert ran.code == 1
    assert f"{place.socket.parent} belongs to user {NOBODY}" in ran.err


def test_the_cache_of_somebody_else(place: Place) -> None:
    """A cache that others may write to is not used."""
    place.cache.mkdir()
    os.chown(place.cache, NOBODY, NOBODY)
    place.cache.chmod(0o777)
    with (
        pytest.raises(NotReady, match=f"it belongs to user {NOBODY}"),
        running_daemon(place),
    ):
        pass


def nobodys_interpreter() -> str:
    """One that nobody may run: that of the tests may lie in root's home."""
    return shutil.which("python3", path=os.defpath) or sys.executable


def test_an_environment_that_is_not_writable(
    place: Place, index: RunningIndex, wheels: Path
) -> None:
    """An environment that the daemon may not change is refused before anything is fetched."""
    make_wheel(wheels, "denied")
    nobodys = Place(folder=place.folder / "nobodys", socket=place.socket)
    (nobodys.home / "xdg").mkdir(parents=True)
    open_to_all(nobodys.folder, place.socket.parent.parent)
    for folder in (nobodys.folder, place.socket.parent.parent):
        belongs_to_nobody(folder)
    environment = place.folder / "env"
    place.run([nobodys_interpreter(), "-m", "venv", "--without-pip", str(environment)])
    before = snapshot(environment)
    install = ("install", "-p", str(environment), "-i", index.url, "denied")
    with running_daemon(nobodys, prefix=AS_NOBODY) as daemon:
        distrusted = nobodys.client(*install)
        refused = nobodys.run([*AS_NOBODY, *CLIENT, *install])
        assert "Traceback" not in daemon.log.read_text()
    assert distrusted.code == 3
    assert f"belongs to user {NOBODY}, but you are user 0" in distrusted.err
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith(f"error: {environment} cannot be changed: {environment}")
    reason, hint = refused.err.splitlines()
    assert reason.endswith(": permission denied")
    assert hint.endswith("the daemon must be its owner's")
    assert snapshot(environment) == before
    assert index.count(".whl$") == 0
    check_cache(nobodys.cache)
