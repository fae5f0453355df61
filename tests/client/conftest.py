"""A client to run as users run it, in a folder and a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.client.fake_daemon import FakeDaemon, Script

CLIENT = (sys.executable, "-m", "linkd_client")


class Client:
    """Runs ``linkd-client`` with few variables, in a folder that has an environment."""

    def __init__(self, folder: Path, socket: Path) -> None:
        self.folder = folder
        (folder / ".venv").mkdir(parents=True)
        self.env = {"PATH": os.defpath, "LINKD_SOCKET": str(socket), "LC_ALL": "C.UTF-8"}

    def __call__(
        self, *arguments: str, env: Mapping[str, str] | None = None, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*CLIENT, *arguments],
            input=stdin,
            capture_output=True,
            cwd=self.folder,
            env={**self.env, **(env or {})},
            timeout=60,
            check=False,
        )


@pytest.fixture
def socket_path(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    return folder / "linkd.sock"


@pytest.fixture
def client(tmp_path: Path, socket_path: Path) -> Client:
    return Client(tmp_path / "project", socket_path)


@pytest.fixture
def daemon(socket_path: Path) -> Iterator[Callable[..., FakeDaemon]]:
    """Starts a fake daemon that answers with the given scripts."""
    started: list[FakeDaemon] = []

    def start(*scripts: Script, path: Path = socket_path) -> FakeDaemon:
        started.append(FakeDaemon(path, *scripts))
        return started[-1]

    yield start
    for fake in started:
        fake.close()
