import os
from pathlib import Path

import pytest

from linkd.fetch.disk import DiskCache


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """A key gives what was last written for it, also to another process."""
    DiskCache(tmp_path).write("http://example.org/a b", b"one")
    DiskCache(tmp_path).write("http://example.org/a b", b"two")
    assert DiskCache(tmp_path).read("http://example.org/a b") == b"two"


def test_an_unknown_key_is_none(tmp_path: Path) -> None:
    """What was never written is not there."""
    assert DiskCache(tmp_path).read("key") is None


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 40])
def test_a_damaged_file_is_not_believed(tmp_path: Path, damage: bytes) -> None:
    """A file that is cut off or changed reads as absent and can be written again."""
    cache = DiskCache(tmp_path)
    cache.write("key", b"content")
    [path] = files(tmp_path)
    path.write_bytes(damage)
    assert cache.read("key") is None
    cache.write("key", b"content")
    assert cache.read("key") == b"content"


def test_nothing_temporary_is_left(tmp_path: Path) -> None:
    """One key is one file."""
    cache = DiskCache(tmp_path)
    for number in range(5):
        cache.write("key", b"%d" % number)
    assert len(files(tmp_path)) == 1


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """Where the folder cannot be made, nothing is kept and nothing is raised."""
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    cache = DiskCache(os.path.join(blocked, "below"))
    cache.write("key", b"content")
    assert cache.read("key") is None


def test_the_oldest_go_first(tmp_path: Path) -> None:
    """Trimmed, a cache has what was written last, and no more of it than it may."""
    cache = DiskCache(tmp_path)
    for number in range(6):
        cache.write(f"{number}", b"content")
        for path in files(tmp_path):
            facts = path.stat()
            os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns - 1_000_000_000))
    cache.trim(2)
    assert [number for number in range(6) if cache.read(f"{number}")] == [4, 5]


def test_trimming_what_is_not_there(tmp_path: Path) -> None:
    """A cache without a folder has nothing to trim."""
    DiskCache(tmp_path / "none").trim(1)
    assert not (tmp_path / "none").exists()
