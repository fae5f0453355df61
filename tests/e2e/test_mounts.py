"""Full, read-only and other file systems, mounted for one daemon alone (as root only)."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, Place, running_daemon
from tests.support.index import RunningIndex
from tests.support.invariants import check_environment, snapshot
from tests.support.wheels import make_wheel


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Place.temporary(tmp_path) as made:
        yield made


def mounting(folder: Path, options: str) -> Sequence[str]:
    """A command's prefix that gives it a file system of its own at a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    script = 'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, "sh", options, str(folder)]


def inside(daemon: Daemon, path: Path) -> Path:
    """A path as the daemon sees it."""
    return Path(f"/proc/{daemon.pid}/root{path}")


def left_over(daemon: Daemon) -> list[str]:
    """What lies half-made in the daemon's cache."""
    version = inside(daemon, daemon.place.cache / "v1")
    incoming = [path.name for path in (version / "incoming").iterdir()]
    return [name for name in incoming if not name.endswith(".part")] + [
        path.name for path in (version / "pool").iterdir() if path.name.startswith("txn-")
    ]


@pytest.mark.parametrize(
    ("size", "compress", "doing"), [("3m", False, "downloading"), ("3m", True, "unpacking")]
)
def test_a_full_disk(
    place: Place, index: RunningIndex, size: str, compress: bool, doing: str
) -> None:
    """When the cache's disk is full it is said so, and what was there goes on working."""
    content = b"x" * 8_000_000 if compress else os.urandom(8_000_000)
    make_wheel(index.folder, "huge", files={"huge.bin": content}, compress=compress)
    make_wheel(index.folder, "small")
    environment = place.environment()
    before = snapshot(environment)
    with running_daemon(place, prefix=mounting(place.cache, f"size={size},mode=700")) as daemon:
        ran = place.client("install", "-p", environment, "-i", index.url, "huge")
        assert (ran.code, ran.out) == (1, "")
        error, hint = ran.err.splitlines()
        assert error.startswith("error: no space left on the file system of ")
        assert doing in error
        assert hint.startswith("hint: free some space")
        assert snapshot(environment) == before
        daemon.idle()
        assert left_over(daemon) == []
        again = place.client("install", "-p", environment, "-i", index.url, "small")
        assert (again.code, again.out.splitlines()[1:]) == (0, [" + small==1.0"])
        assert "Traceback" not in daemon.log.read_text()
    check_environment(environment)


def test_a_disk_filled_by_others(place: Place, index: RunningIndex) -> None:
    """When nothing fits on the cache's disk any more, what was installed can be uninstalled."""
    make_wheel(index.folder, "small")
    environment = place.environment()
    with running_daemon(place, prefix=mounting(place.cache, "size=3m,mode=700")) as daemon:
        ran = place.client("install", "-p", environment, "-i", index.url, "small")
        assert ran.code == 0
        with (
            contextlib.suppress(OSError),
            (inside(daemon, place.cache) / "fill").open("wb") as file,
        ):
            while True:
                os.write(file.fileno(), b"x" * 4096)
        ran = place.client("uninstall", "-p", environment, "small")
        assert (ran.code, ran.out.splitlines()[1:]) == (0, [" - small==1.0"]), ran
        [warning] = place.call("GET", "/v1/status").json["warnings"]
        assert "no space left" in warning
    check_environment(environment)


def test_a_full_environment(place: Place, index: RunningIndex) -> None:
    """When the environment's disk is full nothing of the install is left in it."""
    make_wheel(index.folder, "huge", files={"huge.bin": os.urandom(4_000_000)})
    path = place.folder / "mounted"
    with running_daemon(place, prefix=mounting(path, "size=2m,mode=755")) as daemon:
        assert place.client("venv", path / "env").code == 0
        environment = inside(daemon, path / "env")
        before = snapshot(environment)
        body = {"requirements": ["huge"], "index_url": index.url}
        reply = place.call("POST", "/v1/install", {"environment": str(path / "env"), **body})
        assert (reply.status, reply.json["code"]) == (507, "no-space")
        assert snapshot(environment) == before


def test_another_file_system(place: Place, index: RunningIndex) -> None:
    """On another file system than the cache's files are copied, and the result says why."""
    make_wheel(index.folder, "copied")
    path = place.folder / "mounted"
    with running_daemon(place, prefix=mounting(path, "size=20m,mode=755")) as daemon:
        assert place.client("venv", path / "env").code == 0
        body = {"environment": str(path / "env"), "requirements": ["copied"]}
        result = place.call("POST", "/v1/install", {**body, "index_url": index.url}).json
        assert [one["link_mode"] for one in result["installed"]] == ["copy"]
        fallback = result["links"]["fallback"]
        assert (fallback["from"], fallback["to"]) == ("hardlink", "copy")
        assert fallback["reason"] == "cross-device"
        check_environment(inside(daemon, path / "env"))
        required = {**body, "index_url": index.url, "reinstall": True, "require_link": True}
        refused = place.call("POST", "/v1/install", required).json
        assert refused["code"] == "link-unavailable"
        check_environment(inside(daemon, path / "env"))


def test_a_read_only_environment(place: Place, index: RunningIndex) -> None:
    """An environment on a read-only mount is refused before anything is fetched."""
    make_wheel(index.folder, "sealed")
    environment = place.environment()
    script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
    prefix = ["unshare", "--mount", "sh", "-c", script, "sh", str(environment)]
    with running_daemon(place, prefix=prefix):
        ran = place.client("install", "-p", environment, "-i", index.url, "sealed")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"error: {environment} cannot be changed: ")
    assert "read-only file system" in ran.err
    assert index.count(".whl$") == 0
