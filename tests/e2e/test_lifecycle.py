"""How daemons begin and end: one for each socket, none that ends in the middle of its work."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import (
    DAEMON,
    NotReady,
    Place,
    Ran,
    UnixConnection,
    finished,
    running_daemon,
    until,
)
from tests.support.index import RunningIndex
from tests.support.invariants import check_cache, check_environment, installed, snapshot
from tests.support.wheels import make_wheel


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Place.temporary(tmp_path) as made:
        yield made
        end_daemon(made)


def end_daemon(place: Place) -> None:
    """End the daemon that a client has started, if there is one, and wait for its end."""
    pid = daemon_pid(place)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        until(lambda: not is_alive(pid))


def daemon_pid(place: Place) -> int | None:
    """Who serves the socket, as the kernel knows it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        try:
            knock.connect(str(place.socket))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        credentials = knock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int.from_bytes(credentials[:4], sys.byteorder)


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as facts:
            return facts.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def slow(index: RunningIndex, wheels: Path) -> RunningIndex:
    """An index from which the download of `slow` takes until `index.stopping` or a second try."""
    make_wheel(wheels, "slow", files={"slow.bin": os.urandom(100_000)})
    index.stall("slow-1.0-py3-none-any.whl$", after=1000)
    return index


# Starting


def test_many_clients_start_one_daemon(place: Place, index: RunningIndex, wheels: Path) -> None:
    """Of eight clients that find no daemon each is served, all of them by the same one."""
    make_wheel(wheels, "wanted")
    environments = [place.environment(f"env-{number}") for number in range(8)]
    clients = [
        place.start_client("install", "-p", path, "-i", index.url, "wanted")
        for path in environments
    ]
    ended = [finished(client) for client in clients]
    assert [(ran.code, ran.err) for ran in ended] == [(0, "")] * 8
    assert [installed(path) for path in environments] == [{"wanted": "1.0"}] * 8
    status = place.client("status", "--json").json
    assert status["pid"] == daemon_pid(place)
    assert status["requests"]["total"] == 9
    assert daemons_of(place) == [status["pid"]]


def daemons_of(place: Place) -> list[int]:
    """The processes that have been told to serve the place's socket and have not ended."""

    def is_ours(pid: str) -> bool:
        with contextlib.suppress(OSError):
            words = Path("/proc", pid, "cmdline").read_bytes().split(b"\0")
            return b"serve" in words and os.fsencode(place.socket) in words
        return False

    until(lambda: sum(is_ours(pid) for pid in os.listdir("/proc") if pid.isdecimal()) <= 1)
    return [int(pid) for pid in os.listdir("/proc") if pid.isdecimal() and is_ours(pid)]


def test_a_dead_daemons_socket_is_replaced(place: Place) -> None:
    """A socket that a killed daemon left is no obstacle to the next one."""
    with running_daemon(place) as first:
        first.stop(signal.SIGKILL)
    assert stat.S_ISSOCK(place.socket.lstat().st_mode)
    ran = place.client("status", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["pid"] == daemon_pid(place) != first.pid


def test_a_live_daemons_socket_is_not_stolen(place: Place) -> None:
    """A second daemon for a socket refuses to start, names the first, and leaves it alone."""
    with running_daemon(place) as first:
        second = serve(place)
        assert (second.code, second.out) == (1, "")
        [line] = second.err.splitlines()
        assert f"a daemon (pid {first.pid}) is already serving {place.socket}" in line
        assert daemon_pid(place) == first.pid


def serve(place: Place, *options: str, env: dict[str, str] | None = None) -> Ran:
    """A daemon that is expected to end by itself."""
    return place.run([*DAEMON, "serve", *options], env=env)


def test_another_socket_is_another_daemon(place: Place) -> None:
    """Two daemons on two sockets live side by side."""
    other = Place(folder=place.folder / "other", socket=place.socket.with_name("other.sock"))
    other.home.mkdir(parents=True)
    with running_daemon(place) as first, running_daemon(other) as second:
        assert (daemon_pid(place), daemon_pid(other)) == (first.pid, second.pid)


def test_no_autostart(place: Place) -> None:
    """With --no-autostart and no daemon the client ends with 3 and says how to start one."""
    ran = place.client("status", "--no-autostart")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == (
        f"linkd: no daemon is running on {place.socket}; start one with: linkd serve\n"
    )
    assert not place.socket.exists()


def test_shutdown_starts_no_daemon(place: Place) -> None:
    """Shutting down where nothing runs starts nothing."""
    assert place.client("shutdown").code == 3
    assert not place.socket.exists()


def test_why_no_daemon_can_be_started(place: Place) -> None:
    """If the daemon cannot run, the client ends with 3 and with the daemon's reason."""
    place.cache.write_text("in the way")
    ran = place.client("status")
    assert (ran.code, ran.out) == (3, "")
    [line] = ran.err.splitlines()
    assert line.startswith("linkd: a daemon could not be started: the cache at ")


def test_a_socket_path_that_is_too_long(place: Place) -> None:
    """A path that no socket can have is refused in words."""
    ran = serve(place, "--socket", str(place.folder / ("x" * 150)))
    assert ran.code == 1
    assert "over 107 bytes" in ran.err
    assert len(ran.err.splitlines()) == 1


def test_something_else_at_the_sockets_place(place: Place) -> None:
    """A file where the socket should be is not removed."""
    place.socket.parent.mkdir(mode=0o700)
    place.socket.write_text("precious")
    ran = serve(place)
    assert ran.code == 1
    assert "something else is there already" in ran.err
    assert place.client("status").code == 3
    assert place.socket.read_text() == "precious"
    assert os.listdir(place.socket.parent) == [place.socket.name]


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_may_write(place: Place, mode: int) -> None:
    """A socket is not put where others could exchange it."""
    place.socket.parent.mkdir()
    place.socket.parent.chmod(mode)
    ran = serve(place)
    assert ran.code == 1
    assert f"others may write in {place.socket.parent}" in ran.err
    assert not place.socket.exists()


def test_a_linked_folder(place: Place) -> None:
    """A socket's folder that is a link is refused: others may have made it."""
    (place.folder / "elsewhere").mkdir(mode=0o700)
    place.socket.parent.symlink_to(place.folder / "elsewhere")
    ran = serve(place)
    assert ran.code == 1
    assert "is not a folder" in ran.err


def test_the_socket_is_the_users_alone(place: Place) -> None:
    """The socket has mode 0600, its folder 0700."""
    with running_daemon(place):
        assert stat.S_IMODE(place.socket.stat().st_mode) == 0o600
        assert stat.S_IMODE(place.socket.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(place.cache.stat().st_mode) == 0o700
    assert not place.socket.exists()


def test_serve_prints_one_line(place: Place) -> None:
    """`linkd serve` says on one line that it is ready, and where."""
    with subprocess.Popen(
        [*DAEMON, "serve"],
        env=place.env,
        cwd=place.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert line.startswith("linkd ")
    assert str(place.socket) in line
    assert (rest, process.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--config", "none.toml"], "none.toml: there is no such file"),
        (["--idle-timeout=-1"], "linkd: --idle-timeout: "),
    ],
)
def test_invalid_settings(place: Place, options: list[str], words: str) -> None:
    """Settings that are not valid are told in one line."""
    ran = serve(place, *options)
    assert (ran.code, ran.out) == (1, "")
    [line] = ran.err.splitlines()
    assert line.startswith("linkd: ")
    assert words in line


# A socket that is passed

_ACTIVATION = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="linkd.socket")
os.execv(sys.executable, sys.argv[2:])
"""


def test_a_passed_socket_is_served(place: Place) -> None:
    """A socket that systemd passes is served, and is still there when the daemon has ended."""
    place.socket.parent.mkdir(mode=0o700)
    prefix = [sys.executable, "-c", _ACTIVATION, str(place.socket)]
    with activated(place, prefix) as process:
        assert place.client("status", "--no-autostart", "--json").json["pid"] == process.pid
        assert place.client("shutdown").code == 0
        assert process.wait(60) == 0
    assert stat.S_ISSOCK(place.socket.lstat().st_mode)
    place.socket.unlink()


@contextlib.contextmanager
def activated(place: Place, prefix: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The client need not wait until it is ready: the socket listens from the beginning."""
    command = [*prefix, *DAEMON, "serve"]
    with subprocess.Popen(command, env=place.env, cwd=place.folder) as process:
        until(place.socket.exists)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def test_a_socket_passed_to_another_process_is_not_taken(place: Place) -> None:
    """LISTEN_FDS that was meant for another process is left alone."""
    with running_daemon(place, env={"LISTEN_PID": "1", "LISTEN_FDS": "1"}) as daemon:
        assert daemon_pid(place) == daemon.pid


# Ending


def test_idle_exit(place: Place) -> None:
    """A daemon with an idle timeout ends by itself, takes its socket away, and the next starts."""
    with running_daemon(place, "--idle-timeout", "0.2") as daemon:
        assert daemon.wait() == 0
    assert not place.socket.exists()
    assert place.client("status").code == 0


def test_idle_exit_of_a_daemon_that_a_client_has_started(place: Place) -> None:
    """The variable's idle timeout holds for a daemon that a client starts."""
    assert place.client("status", env={**place.env, "LINKD_IDLE_TIMEOUT": "2"}).code == 0
    until(lambda: not place.socket.exists())


def test_idle_exit_cuts_nothing(place: Place, slow: RunningIndex, tmp_path: Path) -> None:
    """A request that lasts longer than the idle timeout is finished."""
    environment = place.environment()
    with running_daemon(place, "--idle-timeout", "3") as daemon:
        client = place.start_client("install", "-p", environment, "-i", slow.url, "slow")
        until(lambda: slow.count("slow-1.0-py3-none-any.whl$"))
        time.sleep(4)  # longer than the timeout; what is claimed is what does not happen
        assert daemon.process.poll() is None
        release(slow)
        ran = finished(client)
        assert (ran.code, ran.err) == (0, "")
        assert daemon.wait() == 0
    check_environment(environment)
    check_cache(place.cache)


def release(index: RunningIndex) -> None:
    """End the stalled download; the daemon goes on with it on another connection."""
    index._server.disconnect()


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "shutdown"])
def test_what_is_under_way_is_finished(place: Place, slow: RunningIndex, how: str) -> None:
    """A daemon that is told to end answers first who has asked already."""
    environment = place.environment()
    with running_daemon(place) as daemon:
        client = place.start_client("install", "-p", environment, "-i", slow.url, "slow")
        until(lambda: slow.count("slow-1.0-py3-none-any.whl$"))
        if how == "shutdown":
            told = place.client("shutdown")
            assert told.out == f"The daemon (pid {daemon.pid}) is stopping, after 1 request\n"
        else:
            daemon.process.send_signal(getattr(signal, how))
        until(lambda: daemon_pid(place) is None)
        release(slow)
        ran = finished(client)
        assert (ran.code, ran.err) == (0, "")
        assert daemon.wait() == 0
    assert installed(environment) == {"slow": "1.0"}
    assert not place.socket.exists()
    check_environment(environment)
    check_cache(place.cache)


def test_a_client_meets_an_ending_daemon(place: Place, slow: RunningIndex, wheels: Path) -> None:
    """While one daemon is finishing its last request, a new client waits for the next daemon."""
    make_wheel(wheels, "quick")
    first, second = place.environment("first"), place.environment("second")
    with running_daemon(place) as daemon:
        last = place.start_client("install", "-p", first, "-i", slow.url, "slow")
        until(lambda: slow.count("slow-1.0-py3-none-any.whl$"))
        daemon.process.send_signal(signal.SIGTERM)
        until(lambda: daemon_pid(place) is None)
        new = place.start_client("install", "-p", second, "-i", slow.url, "quick")
        release(slow)
        assert finished(last).code == 0
        assert daemon.wait() == 0
        ran = finished(new)
        assert (ran.code, ran.err) == (0, "")
    assert installed(second) == {"quick": "1.0"}
    assert daemon_pid(place) != daemon.pid


def test_restarts_under_fire(place: Place, index: RunningIndex, wheels: Path) -> None:
    """No client notices that daemons come and go: each of its requests is answered."""
    for number in range(4):
        make_wheel(wheels, f"part-{number}")
    environment = place.environment()
    ended: list[Ran] = []
    for round_ in range(3):
        clients = [
            place.start_client("install", "-p", environment, "-i", index.url, f"part-{number}")
            for number in range(4)
        ]
        until(lambda: daemon_pid(place) is not None)
        place.client("shutdown")
        ended += [finished(client) for client in clients]
        names = [f"part-{number}" for number in range(4)]
        if round_ < 2:
            ended.append(place.client("uninstall", "-p", environment, *names))
    assert [(ran.code, ran.err) for ran in ended] == [(0, "")] * len(ended)
    check_environment(environment)
    assert len(installed(environment)) == 4


def test_an_idle_connection_does_not_hold_the_end_up(place: Place) -> None:
    """A connection that is kept alive but asks nothing is closed when the daemon ends."""
    with running_daemon(place) as daemon:
        connection = UnixConnection(place.socket)
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b'{"status":"ok"}'
        assert daemon.stop() == 0
        connection.close()


# Being killed


def test_killed_in_the_middle(place: Place, slow: RunningIndex) -> None:
    """When the daemon is killed the client ends with 3 and says so; the next request works."""
    environment = place.environment()
    before = snapshot(environment)
    install = ("install", "-p", environment, "-i", slow.url, "slow")
    with running_daemon(place) as daemon:
        client = place.start_client(*install, "--no-autostart")
        until(lambda: slow.count("slow-1.0-py3-none-any.whl$"))
        daemon.stop(signal.SIGKILL)
        ran = finished(client)
    assert (ran.code, ran.out) == (3, "")
    [line] = ran.err.splitlines()
    assert line.startswith("linkd: ")
    assert snapshot(environment) == before
    again = place.client(*install)
    assert (again.code, again.err) == (0, "")
    check_environment(environment)
    check_cache(place.cache)


def test_killed_and_asked_again(place: Place, slow: RunningIndex) -> None:
    """A client that may start a daemon makes its request again of a new one."""
    environment = place.environment()
    with running_daemon(place) as daemon:
        client = place.start_client("install", "-p", environment, "-i", slow.url, "slow")
        until(lambda: slow.count("slow-1.0-py3-none-any.whl$"))
        daemon.stop(signal.SIGKILL)
        ran = finished(client)
    assert (ran.code, ran.err) == (0, "")
    assert installed(environment) == {"slow": "1.0"}


def test_a_folder_may_go_away(place: Place) -> None:
    """The daemon holds no folder that it was started in."""
    with running_daemon(place) as daemon:
        assert os.readlink(f"/proc/{daemon.pid}/cwd") == "/"


def test_readiness_tells_the_reason(place: Place) -> None:
    """To a parent that waits, a daemon that cannot start says why."""
    place.cache.write_text("in the way")
    with pytest.raises(NotReady, match="error: the cache at"), running_daemon(place):
        pass
