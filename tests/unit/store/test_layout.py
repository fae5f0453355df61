import os
import stat
from pathlib import Path

import pytest

from linkd.errors import CacheUnusable
from linkd.store.layout import Layout, owner_problem

SHA = "ab" * 32


def test_folders_are_private(tmp_path: Path) -> None:
    """Only the owner gets into the cache."""
    layout = Layout(tmp_path / "cache")
    layout.create()
    folders = [layout.version, layout.wheels, layout.pool, layout.index, layout.incoming]
    modes = {stat.S_IMODE(os.stat(folder).st_mode) for folder in [str(layout.root), *folders]}
    assert modes == {0o700}


def test_tag(tmp_path: Path) -> None:
    """Backup tools see that it is a cache."""
    Layout(tmp_path).create()
    tag = (tmp_path / "CACHEDIR.TAG").read_text()
    assert tag.startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


def test_create_again(tmp_path: Path) -> None:
    """Creating what is there changes nothing."""
    layout = Layout(tmp_path)
    layout.create()
    layout.create()
    assert sorted(os.listdir(tmp_path)) == ["CACHEDIR.TAG", "v1"]


def test_entry(tmp_path: Path) -> None:
    """A wheel's folder is found by its sha256, below the first two digits."""
    assert Layout(tmp_path).tree(SHA) == str(tmp_path / "v1" / "wheels" / "ab" / SHA / "tree")


@pytest.mark.parametrize("text", ["", "../../../etc", SHA.upper(), SHA + "/", SHA[:-1] + "\n"])
def test_not_a_sha256(tmp_path: Path, text: str) -> None:
    """What an index promises never becomes a path unless it is a digest."""
    with pytest.raises(ValueError, match="not a sha256"):
        Layout(tmp_path).entry(text)


def test_file_in_the_way(tmp_path: Path) -> None:
    """A file where a folder should be is named."""
    (tmp_path / "v1").write_text("")
    with pytest.raises(CacheUnusable) as caught:
        Layout(tmp_path).create()
    assert caught.value.reason == f"{tmp_path / 'v1'} is in the way and is not a folder"


def test_file_above(tmp_path: Path) -> None:
    """A file on the way to the cache is told of."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheUnusable) as caught:
        Layout(tmp_path / "file" / "cache").create()
    assert "is in the way and is not a folder" in caught.value.reason


def test_not_writable() -> None:
    """A file system that takes no folders is told of with the system's own words."""
    with pytest.raises(CacheUnusable) as caught:
        Layout(Path("/proc/linkd")).create()
    assert caught.value.reason == "/proc/linkd: no such file or directory"


def test_others_may_write(tmp_path: Path) -> None:
    """A folder of another user that still others may write to is refused."""
    os.chmod(tmp_path, 0o777)
    facts = os.stat(tmp_path)
    assert owner_problem(facts, facts.st_uid + 1) == (
        f"it belongs to user {facts.st_uid} and others than that user may write to it"
    )


def test_own_folder(tmp_path: Path) -> None:
    """A folder of one's own is taken with the permissions that it has."""
    os.chmod(tmp_path, 0o777)
    facts = os.stat(tmp_path)
    assert owner_problem(facts, facts.st_uid) is None
