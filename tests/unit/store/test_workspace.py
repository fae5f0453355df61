import os
import time
from pathlib import Path

import pytest

from linkd.store.workspace import clear, clear_leftovers, discard, workspace


def test_workspace_goes(tmp_path: Path) -> None:
    """What is in a workspace goes with it, also when the work fails."""

    def fail() -> None:
        with workspace(str(tmp_path)) as folder:
            Path(folder, "tree", "pkg").mkdir(parents=True)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert os.listdir(tmp_path) == []


def test_moved_workspace_stays(tmp_path: Path) -> None:
    """A workspace that has been published is not removed."""
    with workspace(str(tmp_path)) as folder:
        os.rename(folder, tmp_path / "published")
    assert os.listdir(tmp_path) == ["published"]


def test_discard_follows_no_link(tmp_path: Path) -> None:
    """Links go, what they point at stays."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("")
    inside = tmp_path / "inside"
    (inside / "folder").mkdir(parents=True)
    (inside / "link").symlink_to(outside)
    (inside / "folder" / "link").symlink_to(outside)
    for name in ("link", "folder"):
        discard(str(inside), name)
    assert (os.listdir(inside), os.listdir(outside)) == ([], ["file"])


@pytest.mark.parametrize("name", ["", ".", "..", "../outside", "/etc"])
def test_discard_stays_below(tmp_path: Path, name: str) -> None:
    """Only an entry of the folder itself can be discarded."""
    with pytest.raises(ValueError, match="not the name of an entry"):
        discard(str(tmp_path), name)


def test_discard_what_is_gone(tmp_path: Path) -> None:
    """What is not there is no error."""
    discard(str(tmp_path), "gone")
    discard(str(tmp_path / "gone"), "gone")
    assert os.listdir(tmp_path) == []


def test_leftovers(tmp_path: Path) -> None:
    """Of what is older, all goes but what can be gone on with and what somebody works in."""
    for name in ("unpack-old", "old.part", "old.download"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / "new.download").write_text("")
    with workspace(str(tmp_path)) as folder:
        os.utime(folder, (1, 1))
        clear_leftovers(str(tmp_path), before=time.time() - 60, keep=".part")
        found = sorted(os.listdir(tmp_path))
    assert found == sorted(["new.download", "old.part", os.path.basename(folder)])


def test_clear(tmp_path: Path) -> None:
    """Everything in a folder goes, the folder stays."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "c").write_text("")
    clear(str(tmp_path))
    assert os.listdir(tmp_path) == []
