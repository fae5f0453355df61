"""A daemon whose files may not grow, which any user can have: what it is asked for it still does."""

import os
from collections.abc import Sequence
from pathlib import Path

from tests.support.daemon import Place, running_daemon
from tests.support.index import RunningIndex
from tests.support.invariants import check_environment, installed
from tests.support.wheels import make_wheel


def limited(kib: int) -> Sequence[str]:
    """A command's prefix that holds its files to a size, its log too: writing more is refused."""
    # The shell of POSIX counts in blocks of 512 bytes.
    return ["sh", "-c", 'ulimit -f "$1" && shift && exec "$@"', "sh", str(kib * 2)]


def test_nothing_can_be_written(tmp_path: Path, index: RunningIndex) -> None:
    """A daemon that cannot write its state starts, says so, and uninstalls."""
    make_wheel(index.folder, "small")
    with Place.temporary(tmp_path) as place:
        environment = place.environment()
        with running_daemon(place):
            assert place.client("install", "-p", environment, "-i", index.url, "small").code == 0
        with running_daemon(place, prefix=limited(0)):
            [warning] = place.call("GET", "/v1/status").json["warnings"]
            assert warning.startswith(f"no space left on the file system of {place.cache}")
            told = place.client("status")
            assert (told.code, told.err.count("warning: no space left")) == (0, 1)
            ran = place.client("uninstall", "-p", environment, "small")
            assert (ran.code, ran.out.splitlines()[1:]) == (0, [" - small==1.0"]), ran
        assert installed(environment) == {}
        check_environment(environment)


def test_a_download_that_does_not_fit(tmp_path: Path, index: RunningIndex) -> None:
    """A download that fills the disk is told as such and leaves nothing of it behind."""
    make_wheel(index.folder, "huge", files={"huge.bin": os.urandom(3_000_000)})
    with Place.temporary(tmp_path) as place, running_daemon(place, prefix=limited(1024)) as daemon:
        environment = place.environment()
        problem = place.install(environment, "huge", index_url=index.url).json
        assert (problem["code"], problem["status"]) == ("no-space", 507)
        assert "downloading huge-1.0-py3-none-any.whl" in problem["detail"]
        daemon.idle()
        assert list((place.cache / "v1" / "incoming").iterdir()) == []
        assert installed(environment) == {}


def test_a_member_that_does_not_fit(tmp_path: Path, index: RunningIndex) -> None:
    """A wheel that does not fit when it is unpacked leaves neither its archive nor any member."""
    make_wheel(index.folder, "wide", files={"wide.bin": b"\0" * 3_000_000})
    with Place.temporary(tmp_path) as place, running_daemon(place, prefix=limited(1024)) as daemon:
        environment = place.environment()
        problem = place.install(environment, "wide", index_url=index.url).json
        assert (problem["code"], problem["status"]) == ("no-space", 507)
        assert "unpacking wide-1.0-py3-none-any.whl" in problem["detail"]
        daemon.idle()
        assert list((place.cache / "v1" / "incoming").iterdir()) == []
