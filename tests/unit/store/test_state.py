import contextlib
import os
import resource
import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import structlog

from linkd.errors import CacheUnusable
from linkd.store.state import KnownEnvironment, LocalFile, State

SHA, OTHER = "ab" * 32, "cd" * 32
FILE = LocalFile(path="/w/foo.whl", size=3, mtime_ns=5, inode=2**64 - 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


@pytest.fixture
def state(path: Path) -> Iterator[State]:
    state = State(str(path))
    yield state
    state.close()


def test_environment(state: State) -> None:
    """An environment keeps when it was seen first, and its newest path and use."""
    state.remember_environment("/a/.venv", (2**64 - 1, 7), 1.0)
    state.remember_environment("/b/.venv", (2**64 - 1, 7), 2.0)
    assert state.environments() == (
        KnownEnvironment(prefix="/b/.venv", identity=(2**64 - 1, 7), first_seen=1.0, last_used=2.0),
    )


def test_environment_made_anew(state: State) -> None:
    """A path is one environment: what was there before is forgotten."""
    state.remember_environment("/a/.venv", (1, 7), 1.0)
    state.remember_environment("/a/.venv", (1, 8), 2.0)
    assert [known.identity for known in state.environments()] == [(1, 8)]


def test_environment_of_any_bytes(state: State) -> None:
    """A path that is no UTF-8 is kept as it is."""
    prefix = os.fsdecode(b"/a/\xff")
    state.remember_environment(prefix, (1, 7))
    assert [known.prefix for known in state.environments()] == [prefix]


def test_installed_from(state: State) -> None:
    """The wheel of a distribution is known while it is installed in an environment that is known."""
    one, two = (1, 7), (1, 8)
    state.remember_installed(one, {"foo": "a" * 64, "bar": "b" * 64}, gone=[])
    state.remember_installed(two, {"foo": "c" * 64}, gone=[])
    state.remember_installed(one, {"foo": "d" * 64}, gone=["foo", "bar"])

    assert state.installed_from(one, "foo") == "d" * 64
    assert state.installed_from(one, "bar") is None
    assert state.installed_from(two, "foo") == "c" * 64

    state.forget_environment(two)
    assert state.installed_from(two, "foo") is None


def test_forget_environment(state: State) -> None:
    """A forgotten environment is gone, the others are not."""
    state.remember_environment("/a", (1, 7))
    state.remember_environment("/b", (1, 8))
    state.forget_environment((1, 7))
    assert [known.prefix for known in state.environments()] == ["/b"]


def test_wheels(state: State) -> None:
    """Use and size of a wheel are kept beside each other, whichever comes first."""
    state.touch_wheels([SHA, OTHER], 1.0)
    state.remember_wheel(SHA, 10, 2.0)
    state.touch_wheels([OTHER], 3.0)
    assert (state.wheel_sizes(), state.wheel_use()) == ({SHA: 10}, {SHA: 1.0, OTHER: 3.0})


def test_forget_wheels(state: State) -> None:
    """A forgotten wheel's digests go with it."""
    state.remember_wheel(SHA, 10)
    state.remember_digests(SHA, {"sha512": "ff"})
    state.forget_wheels([SHA])
    assert (state.wheel_use(), state.digests(SHA)) == ({}, {})


def test_local_hash(state: State) -> None:
    """A hash is remembered for a file as it was, and for no other."""
    state.remember_local_hash(FILE, SHA)
    changed = LocalFile(path=FILE.path, size=3, mtime_ns=6, inode=FILE.inode)
    assert (state.local_hash(FILE), state.local_hash(changed)) == (SHA, None)


def test_interpreter(state: State) -> None:
    """An interpreter's facts come back as they were."""
    state.remember_interpreter("key", b"\x00facts")
    assert (state.interpreter("key"), state.interpreter("other")) == (b"\x00facts", None)


def test_another_run(path: Path) -> None:
    """What one run remembers the next one knows; only the owner can read it."""
    first = State(str(path))
    first.remember_interpreter("key", b"facts")
    first.close()
    second = State(str(path))
    assert second.interpreter("key") == b"facts"
    second.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_threads(state: State) -> None:
    """Any thread may use it at any time."""
    with ThreadPoolExecutor(4) as executor:
        list(executor.map(lambda n: state.touch_wheels([f"{n:064x}"], float(n)), range(200)))
    assert len(state.wheel_use()) == 200


def test_two_at_once(path: Path) -> None:
    """Two processes may open the same new database."""
    with ThreadPoolExecutor(8) as executor:
        states = list(executor.map(lambda _: State(str(path)), range(8)))
    for state in states:
        state.touch_wheels([SHA])
        state.close()


def test_damaged_from_the_start(path: Path) -> None:
    """A file that is no database is moved aside and the state begun anew."""
    path.write_bytes(b"nonsense" * 1000)
    state = State(str(path))
    state.remember_interpreter("key", b"facts")
    assert state.interpreter("key") == b"facts"
    state.close()
    assert Path(f"{path}.old").read_bytes() == b"nonsense" * 1000


def test_damaged_later(path: Path) -> None:
    """A database whose pages turn out damaged is begun anew in the midst of the work."""
    state = State(str(path))
    state.touch_wheels([f"{n:064x}" for n in range(2000)])
    state.close()
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    state = State(str(path))
    state.touch_wheels([SHA], 1.0)
    state.touch_wheels([SHA], 1.0)
    assert state.wheel_use() == {SHA: 1.0}
    state.close()


def test_another_version(path: Path) -> None:
    """A database of another version is left to the daemon that made it, and begun anew."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    state = State(str(path))
    assert state.environments() == ()
    state.close()


def test_unusable(tmp_path: Path) -> None:
    """A database that cannot be opened is told of with the reason."""
    with pytest.raises(CacheUnusable) as caught:
        State(str(tmp_path / "missing" / "state.sqlite"))
    assert caught.value.reason == "unable to open database file"


@contextlib.contextmanager
def no_room(size: int) -> Iterator[None]:
    """No file may be larger: what writes more is refused, as on a full disk. It has to be logged."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with structlog.testing.capture_logs() as lines:
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    [line] = lines
    assert (line["log_level"], line["code"]) == ("warning", "no-space")


@pytest.mark.parametrize("size", [0, 4096, 20_000])
def test_no_room_from_the_start(path: Path, size: int) -> None:
    """Where a new database does not fit it is kept in memory, and that is told."""
    with no_room(size):
        state = State(str(path))
        state.touch_wheels([SHA], 1.0)
        assert state.wheel_use() == {SHA: 1.0}
        [warning] = state.warnings
        state.close()
    assert warning.startswith(f"no space left on the file system of {path} while writing the state")


@pytest.mark.parametrize("size", [0, 50_000])
def test_no_room_any_more(path: Path, size: int) -> None:
    """What was there before stays known, what comes is kept in memory, and the file stays whole."""
    before = State(str(path))
    before.touch_wheels([SHA], 1.0)
    before.close()
    many = {f"{n:064x}": 2.0 for n in range(1000)}
    with no_room(size):
        state = State(str(path))
        state.touch_wheels(many, 2.0)
        assert len(state.warnings) == 1
        assert state.wheel_use() == {SHA: 1.0, **many}
        state.close()
    after = State(str(path))
    assert (after.wheel_use(), after.warnings) == ({SHA: 1.0}, ())
    after.close()


def test_room_again(path: Path) -> None:
    """What was kept in memory is written as soon as there is room."""
    with no_room(0):
        state = State(str(path))
        state.touch_wheels([SHA], 1.0)
    state.close()
    again = State(str(path))
    assert (again.wheel_use(), again.warnings) == ({SHA: 1.0}, ())
    again.close()
