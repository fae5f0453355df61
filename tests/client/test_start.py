"""Where no daemon is running, one is found, started and waited for, or it is said why not."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import linkd_client
from tests.client.conftest import Client
from tests.client.fake_daemon import FakeDaemon

SERVE = """
import json, os, socket, sys
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
path, ready = options["--socket"], int(options["--ready-fd"])
listener = socket.socket(socket.AF_UNIX)
listener.settimeout(30)
listener.bind(path)
listener.listen()
told = {
    "argv": sys.argv,
    "leads": os.getsid(0) == os.getpid(),
    "streams": [os.readlink(f"/proc/self/fd/{n}") for n in range(3)],
    "config": os.environ.get("LINKD_CONFIG"),
}
os.write(ready, b"ready\\n")
os.close(ready)
connection, _ = listener.accept()
connection.recv(65536)
head = "HTTP/1.1 200 OK\\r\\nContent-Type: application/vnd.linkd.lines\\r\\n\\r\\n"
connection.sendall(f"{head}o{json.dumps(told)}\\nx0\\n".encode())
connection.close()
os.unlink(path)
"""
REFUSE = (
    "import os, sys; os.write(int(sys.argv[sys.argv.index('--ready-fd') + 1]), b'error: no\\n')"
)
CRASH = "import sys; sys.exit('\\n'.join(map(str, range(9))))"


class Machine:
    """A client with nothing but itself: no linkd beside it, on PATH or among its modules."""

    def __init__(self, folder: Path, client: Client) -> None:
        self.folder = folder
        self.client = client
        self.client_script = self._script(
            "client/linkd-client", "from linkd_client import __main__"
        )
        self.python = folder / "python/python3"
        self.python.parent.mkdir()
        self.python.symlink_to(sys.executable)
        (folder / "modules").mkdir()
        (folder / "modules/linkd_client").symlink_to(Path(linkd_client.__file__).parent)

    def put(self, place: str, code: str) -> None:
        """Put a linkd there that runs the code."""
        self._script(place, code)

    def _script(self, place: str, code: str) -> Path:
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{sys.executable}\n{code}\n")
        path.chmod(0o755)
        return path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        variables = {
            "PYTHONPATH": str(self.folder / "modules"),
            "PATH": str(self.folder / "path"),
            "LINKD_CONFIG": "some.toml",
        }
        return subprocess.run(
            [self.python, self.client_script, *arguments],
            cwd=self.client.folder,
            env={**self.client.env, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path, client: Client) -> Machine:
    return Machine(tmp_path / "machine", client)


def _told(result: subprocess.CompletedProcess[str]) -> Any:
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    "place", ["client/linkd", "python/linkd", "path/linkd", "modules/linkd/__main__.py"]
)
def test_linkd_is_found(machine: Machine, place: str) -> None:
    """The daemon is found beside the client, beside its interpreter, on PATH, or as a module."""
    machine.put(place, SERVE)
    assert _told(machine.run("status"))["argv"][0] == str(machine.folder / place)


def test_the_nearest_linkd_is_taken(machine: Machine) -> None:
    """A daemon beside the client goes before any other."""
    for place in ("python/linkd", "path/linkd", "modules/linkd/__main__.py"):
        machine.put(place, CRASH)
    machine.put("client/linkd", SERVE)
    _told(machine.run("status"))


def test_the_daemon_is_told_what_it_must_know(machine: Machine, socket_path: Path) -> None:
    """It gets readiness descriptor and socket, no more; the rest is for its own settings."""
    machine.put("path/linkd", SERVE)
    told = _told(machine.run("status"))
    options = dict(zip(told["argv"][2::2], told["argv"][3::2], strict=True))
    assert told["argv"][1] == "serve"
    assert options.pop("--ready-fd").isdigit()
    assert options == {"--socket": str(socket_path)}
    assert told["config"] == "some.toml"


def test_the_daemon_is_detached(machine: Machine, socket_path: Path) -> None:
    """It leads a session of its own and holds none of the client's streams."""
    machine.put("path/linkd", SERVE)
    told = _told(machine.run("status"))
    assert told["leads"]
    assert told["streams"] == ["/dev/null", "/dev/null", f"{socket_path}.log"]


def test_the_sockets_folder_is_made_private(machine: Machine) -> None:
    """A folder that is missing is made for the user alone."""
    machine.put("path/linkd", SERVE)
    folder = machine.folder / "new"
    _told(machine.run("status", "--socket", f"{folder}/linkd.sock"))
    assert folder.stat().st_mode & 0o777 == 0o700


def test_no_daemon_is_started_where_one_answers(
    machine: Machine, daemon: Callable[..., FakeDaemon]
) -> None:
    """A daemon that is running is the one that is asked."""
    daemon(b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.linkd.lines\r\n\r\nx0\n")
    machine.put("path/linkd", CRASH)
    assert machine.run("status").returncode == 0


def test_an_ending_daemon_is_followed_by_a_new_one(
    machine: Machine, daemon: Callable[..., FakeDaemon], socket_path: Path
) -> None:
    """If a daemon ends instead of answering, the next one is started and asked."""
    daemon(lambda _: socket_path.unlink())
    machine.put("path/linkd", SERVE)
    _told(machine.run("status"))


def test_no_linkd_is_told(machine: Machine) -> None:
    """With no daemon's command to be found it is said what to install."""
    result = machine.run("status")
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr == (
        "linkd: no daemon is running and there is no linkd command to start one; "
        "install the distribution linkd, or put its command on PATH\n"
    )


def test_a_refusal_is_told(machine: Machine) -> None:
    """The reason that the daemon gives for not running is passed on."""
    machine.put("path/linkd", REFUSE)
    result = machine.run("status")
    assert result.returncode == 3
    assert result.stderr == "linkd: a daemon could not be started: no\n"


def test_a_crash_is_told_with_its_last_lines(machine: Machine, socket_path: Path) -> None:
    """A daemon that ends without a word is told with the end of what it wrote this time."""
    Path(f"{socket_path}.log").write_text("from an earlier time\n")
    machine.put("path/linkd", CRASH)
    result = machine.run("status")
    last = "".join(f"\n  {number}" for number in range(4, 9))
    assert result.returncode == 3
    assert result.stderr == (
        "linkd: a daemon was started but ended at once; "
        f"the last lines of {socket_path}.log:{last}\n"
    )


def test_a_linkd_that_cannot_be_run_is_told(machine: Machine) -> None:
    """A command without its interpreter is named, with the system's reason."""
    machine.put("path/linkd", "")
    path = machine.folder / "path/linkd"
    path.write_text("#!/nowhere/python\n")
    result = machine.run("status")
    assert result.returncode == 3
    assert result.stderr == f"linkd: {path} cannot be run: no such file or directory\n"


def test_a_log_is_not_written_through_a_link(machine: Machine, socket_path: Path) -> None:
    """A link where the log should be is not followed."""
    machine.put("path/linkd", SERVE)
    precious = machine.folder / "precious"
    precious.write_text("mine")
    os.symlink(precious, f"{socket_path}.log")
    result = machine.run("status")
    assert result.returncode == 3
    assert "linkd.sock.log cannot be written: too many levels of symbolic links" in result.stderr
    assert precious.read_text() == "mine"


def test_nothing_is_left_beside_what_is_no_socket(machine: Machine) -> None:
    """Where something else has the socket's name no daemon is started and no file made."""
    machine.put("path/linkd", CRASH)
    folder = machine.folder / "files"
    folder.mkdir(mode=0o700)
    (folder / "precious").write_text("mine")
    result = machine.run("status", "--socket", f"{folder}/precious")
    assert result.returncode == 3
    assert os.listdir(folder) == ["precious"]


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_no_log_is_made_where_others_may_write(machine: Machine, mode: int) -> None:
    """In a folder in which others may write no daemon is started and no file made."""
    machine.put("path/linkd", CRASH)
    folder = machine.folder / "open"
    folder.mkdir()
    folder.chmod(mode)
    result = machine.run("status", "--socket", f"{folder}/linkd.sock")
    assert result.returncode == 3
    assert result.stderr == (
        f"linkd: a daemon cannot be started: {folder}/linkd.sock cannot be used: "
        f"others may write in {folder}\n"
    )
    assert os.listdir(folder) == []
