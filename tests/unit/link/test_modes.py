"""Link modes on real file systems: one mount, two file systems, two mounts of one."""

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from linkd.core.receipt import FallbackReason, LinkMode
from linkd.errors import LinkUnavailable
from linkd.link.modes import LinkPolicy, Placer, choose_mode, mount_of, place_by

PLAIN = LinkPolicy()
REQUIRED = LinkPolicy(required=True)


@contextmanager
def opened(*folders: Path) -> Iterator[list[int]]:
    descriptors = [os.open(folder, os.O_RDONLY | os.O_DIRECTORY) for folder in folders]
    try:
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    (tmp_path / "stage").mkdir()
    return tmp_path / "stage"


@pytest.fixture
def elsewhere(store: Path) -> Iterator[Path]:
    """A folder on another file system than the store."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        assert os.stat(folder).st_dev != store.stat().st_dev
        yield Path(folder)


def test_one_mount(store: Path, stage: Path) -> None:
    """On one mount files are hardlinked, and trying it leaves nothing behind."""
    with opened(store, stage) as (source, target):
        choice = choose_mode(source, target, REQUIRED)

    assert (choice.mode, choice.fallback) == (LinkMode.HARDLINK, None)
    assert os.listdir(store) + os.listdir(stage) == []


def test_another_file_system(store: Path, elsewhere: Path) -> None:
    """Between file systems files are copied, and the reason is told."""
    with opened(store, elsewhere) as (source, target):
        choice = choose_mode(source, target, PLAIN)

    assert choice.mode is LinkMode.COPY
    assert choice.fallback is not None
    assert choice.fallback.wanted is LinkMode.HARDLINK
    assert choice.fallback.used is LinkMode.COPY
    assert choice.fallback.reason is FallbackReason.CROSS_DEVICE
    assert "different mounts" in choice.fallback.detail
    assert os.listdir(store) + os.listdir(elsewhere) == []


@pytest.mark.parametrize("wanted", [None, LinkMode.HARDLINK, LinkMode.REFLINK])
def test_a_link_is_required(store: Path, elsewhere: Path, wanted: LinkMode | None) -> None:
    """Where a link is required and there is none, that is refused with the reason."""
    policy = LinkPolicy(wanted=wanted, required=True)
    with opened(store, elsewhere) as (source, target), pytest.raises(LinkUnavailable) as raised:
        choose_mode(source, target, policy)

    assert raised.value.mode == (wanted or LinkMode.HARDLINK).value
    assert raised.value.reason == "cross-device"
    assert os.listdir(store) + os.listdir(elsewhere) == []


@pytest.mark.parametrize("mode", [LinkMode.COPY, LinkMode.SYMLINK])
def test_what_is_always_possible(store: Path, elsewhere: Path, mode: LinkMode) -> None:
    """A copy and a symbolic link are possible everywhere, so there is no fallback."""
    with opened(store, elsewhere) as (source, target):
        choice = choose_mode(source, target, LinkPolicy(wanted=mode))

    assert (choice.mode, choice.fallback) == (mode, None)


def test_hardlink(store: Path, stage: Path) -> None:
    """A hardlink is the same inode; a link in the store is linked, not followed."""
    (store / "a").write_text("content")
    (store / "link").symlink_to("a")
    with opened(store, stage) as (source, target):
        place_by(LinkMode.HARDLINK, "a", source, "a", target)
        place_by(LinkMode.HARDLINK, "link", source, "link", target)

    assert os.path.samefile(store / "a", stage / "a")
    assert os.readlink(stage / "link") == "a"


def test_copy(store: Path, elsewhere: Path) -> None:
    """A copy has the content, the permissions and the time to the nanosecond."""
    (store / "a").write_bytes(b"content" * 999)
    os.chmod(store / "a", 0o755)
    os.utime(store / "a", ns=(1, 1_234_567_890_123_456_789))
    with opened(store, elsewhere) as (source, target):
        place_by(LinkMode.COPY, "a", source, "a", target)

    facts = (elsewhere / "a").stat()
    assert (elsewhere / "a").read_bytes() == b"content" * 999
    assert (facts.st_mode & 0o777, facts.st_mtime_ns) == (0o755, 1_234_567_890_123_456_789)


def test_symlink(store: Path, elsewhere: Path) -> None:
    """A symbolic link names the store's file by its absolute path."""
    (store / "inner").mkdir()
    (store / "inner/a").write_text("content")
    with opened(store, elsewhere) as (source, target):
        place_by(LinkMode.SYMLINK, "inner/a", source, "a", target)

    assert os.readlink(elsewhere / "a") == str(store / "inner/a")


@pytest.mark.parametrize("mode", [LinkMode.HARDLINK, LinkMode.COPY, LinkMode.SYMLINK])
def test_a_taken_name(store: Path, stage: Path, mode: LinkMode) -> None:
    """Nothing is ever replaced."""
    (store / "a").write_text("new")
    (stage / "a").write_text("old")
    with opened(store, stage) as (source, target), pytest.raises(FileExistsError):
        place_by(mode, "a", source, "a", target)

    assert (stage / "a").read_text() == "old"


def test_too_many_links(store: Path, stage: Path) -> None:
    """A file with as many links as there may be gets a fresh inode; the links to the old one stay.

    It has the old one's content, permissions and time.
    """
    (store / "inner").mkdir()
    name = store / "inner/__init__.py"
    name.write_text("content")
    os.chmod(name, 0o755)
    os.utime(name, ns=(1, 1_234_567_890_123_456_789))
    full = name.stat().st_ino
    with opened(store, stage) as (source, target):
        limited = _fill(name, stage)
        placer = Placer(LinkMode.HARDLINK, source, target)
        placer.place("inner/__init__.py", "a")
        placer.place("inner/__init__.py", "b")

    facts = (stage / "a").stat()
    assert (facts.st_ino != full) == limited
    assert os.path.samefile(stage / "a", stage / "b")
    assert os.path.samefile(stage / "a", name)
    assert (facts.st_mode & 0o777, facts.st_mtime_ns) == (0o755, 1_234_567_890_123_456_789)
    assert os.listdir(store / "inner") == ["__init__.py"]


def _fill(name: Path, folder: Path) -> bool:
    """Make links until there may be no more of them; whether the file system has such a limit."""
    (folder / "links").mkdir()
    with opened(name.parent, folder / "links") as (source, target):
        for number in range(66_000):  # ext4 has 65,000
            try:
                os.link(name.name, str(number), src_dir_fd=source, dst_dir_fd=target)
            except OSError as error:
                return error.errno == errno.EMLINK
    return False


ON_TWO_MOUNTS = """
import os, subprocess, sys
from linkd.link.modes import LinkPolicy, choose_mode, mount_of
store, stage = sys.argv[1:]
subprocess.run(["mount", "--bind", stage, stage], check=True)
store_fd, stage_fd = (os.open(path, os.O_RDONLY) for path in (store, stage))
one, other = mount_of(store_fd), mount_of(stage_fd)
assert one[0] == other[0] and one != other, (one, other)
choice = choose_mode(store_fd, stage_fd, LinkPolicy())
print(choice.mode.value, choice.fallback and choice.fallback.reason.value)
print(os.listdir(store) + os.listdir(stage))
"""


def test_two_mounts_of_one_file_system(store: Path, stage: Path) -> None:
    """Through a bind mount there is no link(2), although the device is the same: it is told so."""
    answer = subprocess.run(
        ["unshare", "--map-root-user", "--mount", sys.executable, "-c", ON_TWO_MOUNTS,
         str(store), str(stage)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    if "Operation not permitted" in answer.stderr:
        print("mount namespaces are not allowed here: nothing was shown")
        return
    mode, reason, *rest = answer.stdout.split() or [answer.stderr, ""]
    assert mode in {"copy", "reflink"}
    assert (reason, rest) == ("cross-device", ["[]"])


def test_mount_of(store: Path, stage: Path, elsewhere: Path) -> None:
    """Folders of one mount have the same, those of another file system another."""
    with opened(store, stage, elsewhere) as (one, other, third):
        assert mount_of(one) == mount_of(other)
        assert mount_of(one) != mount_of(third)


def test_a_copy_is_no_link(store: Path, stage: Path) -> None:
    """To want copies and to require links is refused: no mode is both."""
    policy = LinkPolicy(wanted=LinkMode.COPY, required=True)
    with opened(store, stage) as (source, target), pytest.raises(LinkUnavailable) as raised:
        choose_mode(source, target, policy)

    assert "a copy is no link" in raised.value.detail
