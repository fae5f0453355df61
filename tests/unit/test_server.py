"""Who becomes the daemon of a socket, what is said to the others, and what is left behind."""

import os
import socket
from pathlib import Path

import pytest

from linkd.errors import AlreadyRunning, SocketUnusable
from linkd.server import take_post, take_post_or_wait


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    return folder / "linkd.sock"


def test_an_ending_daemon_is_named_as_one(path: Path) -> None:
    """A daemon that keeps the place without answering is told to be finishing its work."""
    post = take_post(str(path))
    try:
        path.unlink()
        with pytest.raises(AlreadyRunning) as caught:
            take_post_or_wait(str(path), 0)
    finally:
        post.leave()
    assert caught.value.detail == (
        f"already running (pid {os.getpid()}): the daemon of {path} is finishing its work"
    )


def test_an_answering_daemon_is_no_failure(path: Path) -> None:
    """Whoever waits for the place and sees its daemon answer needs none of its own."""
    post = take_post(str(path))
    try:
        assert take_post_or_wait(str(path), 0) is None
    finally:
        post.leave()


def test_nothing_is_left_beside_what_is_no_socket(path: Path) -> None:
    """A path at which something else lies is refused before any file is made."""
    path.write_text("precious")
    with pytest.raises(SocketUnusable, match="something else is there already"):
        take_post(str(path))
    assert os.listdir(path.parent) == ["linkd.sock"]


def test_nothing_is_left_beside_a_path_that_is_too_long(path: Path) -> None:
    """A path that no socket can have is refused before any file is made."""
    with pytest.raises(SocketUnusable, match="over 107 bytes"):
        take_post(str(path.with_name("x" * 150)))
    assert os.listdir(path.parent) == []


def test_a_dead_daemons_socket_is_replaced(path: Path) -> None:
    """A socket that nobody listens on is taken away and bound anew."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    take_post(str(path)).leave()
    assert os.listdir(path.parent) == ["linkd.sock.lock"]
