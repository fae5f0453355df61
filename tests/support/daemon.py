"""A real daemon and real clients, each a process of its own, that no setting of this machine reaches.

with running_daemon(tmp_path) as daemon:
    ran = daemon.client("install", "foo", "-i", index.url, "-p", str(environment))
    reply = daemon.call("POST", "/v1/install", {...})
"""

import contextlib
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

CLIENT: Final = (sys.executable, "-m", "linkd_client")
DAEMON: Final = (sys.executable, "-m", "linkd")
PATIENCE_S: Final = 60
"""After which a process that does not do what it should is given up."""
_LOOK_S: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A process that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The objects of an NDJSON answer."""
        return [json.loads(line) for line in self.body.splitlines()]


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("linkd", timeout=PATIENCE_S)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The folders and the variables that daemons and clients of one test have."""

    folder: Path
    socket: Path

    @classmethod
    @contextlib.contextmanager
    def temporary(cls, folder: Path) -> Iterator["Place"]:
        """The socket lies apart from the rest: its path may be 107 bytes long."""
        with tempfile.TemporaryDirectory(prefix="linkd-test-") as run:
            place = cls(folder=folder / "linkd", socket=Path(run, "run", "linkd.sock"))
            for made in (place.home, place.cache.parent, place.home / "xdg"):
                made.mkdir(parents=True, exist_ok=True)
            yield place

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def env(self) -> dict[str, str]:
        """All variables that there are: nothing of the machine's pip and uv is among them."""
        return {
            "PATH": os.defpath,
            "HOME": str(self.home),
            "XDG_CONFIG_DIRS": str(self.home / "xdg"),
            "XDG_RUNTIME_DIR": str(self.socket.parent.parent),
            "LC_ALL": "C.UTF-8",
            "PIP_CONFIG_FILE": os.devnull,
            "PYTHONSAFEPATH": "1",
            "LINKD_SOCKET": str(self.socket),
            "LINKD_CACHE_DIR": str(self.cache),
            # What an environment gets must not depend on what is ready by then.
            "LINKD_COMPILE_PROCESSES": "0",
        }

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
    ) -> Ran:
        """Run any command as a client is run."""
        done = subprocess.run(
            list(command),
            input=stdin,
            capture_output=True,
            text=True,
            cwd=cwd or self.folder,
            env={**self.env, **(env or {})},
            timeout=PATIENCE_S,
            check=False,
        )
        return Ran(code=done.returncode, out=done.stdout, err=done.stderr)

    def client(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
    ) -> Ran:
        """Run ``linkd-client`` to its end."""
        return self.run([*CLIENT, *map(str, arguments)], cwd=cwd, env=env, stdin=stdin)

    def start_client(
        self, *arguments: str | Path, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Begin ``linkd-client``; to be ended with `ended`."""
        return subprocess.Popen(
            [*CLIENT, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env={**self.env, **(env or {})},
        )

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        accept: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One HTTP request over the socket. A body of bytes is sent as it stands."""
        connection = UnixConnection(self.socket)
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            given = {"Accept": accept, **(headers or {})}
            if data is not None:
                given.setdefault("Content-Type", "application/json")
            connection.request(method, path, data, given)
            response = connection.getresponse()
            return Reply(
                status=response.status,
                headers={name.lower(): value for name, value in response.getheaders()},
                body=response.read(),
            )
        finally:
            connection.close()

    def install(self, environment: Path, *requirements: str, **members: Any) -> Reply:
        """``POST /v1/install``."""
        body = {"environment": str(environment), "requirements": requirements, **members}
        return self.call("POST", "/v1/install", body)

    def uninstall(self, environment: Path, *names: str) -> Reply:
        """``POST /v1/uninstall``."""
        body = {"environment": str(environment), "names": names}
        return self.call("POST", "/v1/uninstall", body)

    def environment(self, name: str = "env") -> Path:
        """A new environment, without pip."""
        path = self.folder / name
        venv.EnvBuilder(symlinks=True, with_pip=False).create(path)
        return path


@dataclass(slots=True)
class Daemon:
    """A daemon's process, which has answered; `place` is where it serves."""

    place: Place
    process: subprocess.Popen[bytes]
    log: Path
    ended: bool = field(default=False)

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and give its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end."""
        self.ended = True
        return self.process.wait(PATIENCE_S)

    def idle(self) -> None:
        """Wait until all background work is done."""
        assert self.place.call("GET", "/v1/status?wait_idle=true").status == 200

    def until_active(self, count: int) -> None:
        """Wait until so many requests, besides this question itself, are under way."""
        until(lambda: self.active == count)

    @property
    def active(self) -> int:
        return int(self.place.call("GET", "/v1/status").json["requests"]["active"])


class NotReady(Exception):
    """The daemon did not become ready; the text is what it said."""


@contextlib.contextmanager
def running_daemon(
    place: Place,
    *options: str,
    prefix: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> Iterator[Daemon]:
    """``linkd serve`` at a place, ready, until the end of the block; its log is shown if that fails.

    `prefix` is a command that runs it, such as ``unshare -m`` or ``setpriv``. Raises NotReady.
    """
    log = place.folder / f"daemon-{time.monotonic_ns()}.log"
    read_end, write_end = os.pipe()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*prefix, *DAEMON, "serve", "--ready-fd", str(write_end), *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(write_end,),
            cwd=place.folder,
            env={**place.env, **(env or {})},
        )
    os.close(write_end)
    daemon = Daemon(place, process, log)
    try:
        _await_ready(read_end, log)
        yield daemon
        if not daemon.ended:
            assert daemon.stop() == 0
    except BaseException:
        print(log.read_text())
        raise
    finally:
        os.close(read_end)
        if process.poll() is None:
            process.kill()
        process.wait()


def finished(process: subprocess.Popen[str]) -> Ran:
    """Wait for the end of a process that `start_client` began."""
    out, err = process.communicate(timeout=PATIENCE_S)
    return Ran(code=process.returncode, out=out, err=err)


def until(condition: Any) -> None:
    """Wait until something holds; fail if it never does."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "what was waited for never came"
        time.sleep(_LOOK_S)


def _await_ready(descriptor: int, log: Path) -> None:
    word = _read_word(descriptor)
    if word != "ready":
        raise NotReady(word or log.read_text())


def _read_word(descriptor: int) -> str:
    end = time.monotonic() + PATIENCE_S
    word = b""
    while not word.endswith(b"\n"):
        if not select.select([descriptor], [], [], max(end - time.monotonic(), 0))[0]:
            return ""
        piece = os.read(descriptor, 4096)
        if not piece:
            break
        word += piece
    return word.decode().strip()
