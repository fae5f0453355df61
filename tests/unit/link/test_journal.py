"""What a transaction is about to do, on record."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from linkd.link.journal import (
    Brings,
    Coming,
    Entries,
    Inherits,
    Intention,
    Journal,
    Makes,
    Place,
    Purpose,
    Takes,
    mark_ended,
    read_journal,
)

ODD = "caf\udce9 \n/\u2603"


def place(workspace: str = "") -> Place:
    return Place(
        prefix=f"/env {ODD}",
        site="lib/site-packages",
        inode=2**63,
        born_ns=17,
        workspace=workspace,
        roots={"purelib": "lib/site-packages/", "data": ""},
    )


def intentions(workspace: str) -> list[Intention]:
    return [
        Takes("lib/foo-1.0.dist-info", f"{workspace}/unlisted/0"),
        Brings(f"lib/{ODD}", f"{workspace}/0/purelib", (("foo", 12, None), ("bar", 13, True))),
        Makes("bin"),
        Inherits("lib/shared.py", ("abc", None)),
    ]


def written(folder: Path, *batches: Sequence[Intention], at: Place | None = None) -> Journal:
    folder.mkdir()
    journal = Journal(str(folder), -1, at or place())
    for batch in batches:
        journal.tell(batch)
    return journal


def read(folder: Path, prefix: str | None = None) -> Entries:
    entries = read_journal(str(folder), prefix)
    assert entries is not None
    return entries


def test_read(tmp_path: Path) -> None:
    """What was told is read, in its order, with names of any bytes."""
    folder = tmp_path / "txn"
    told = intentions(str(folder))
    journal = written(folder, told[:2])
    journal.purpose = Purpose(
        began=1.5,
        coming=(
            Coming(
                name="foo",
                version="2.0",
                root="lib/",
                dist_info="foo-2.0.dist-info",
                staged=f"{folder}/0/dist-info/foo-2.0.dist-info",
            ),
        ),
        going=(("foo", "1.0"),),
    )
    journal.tell(told[2:])
    entries = read(folder)
    assert (place(), journal.purpose) == (entries.place, entries.purpose)
    assert told == list(entries.intentions)
    assert not entries.ended


def test_nothing_begun(tmp_path: Path) -> None:
    """A folder in which nothing was told has no journal."""
    (tmp_path / "other").touch()
    assert read_journal(str(tmp_path)) is None


@pytest.mark.parametrize("prefix", ["/moved", None])
def test_moved(tmp_path: Path, prefix: str | None) -> None:
    """The folder in an environment that has been moved is where the environment is now."""
    folder = tmp_path / "txn"
    at = place(f"/env {ODD}/.linkd-1")
    written(folder, [Takes("a", f"{at.workspace}/b")], at=at)
    entries = read(folder, prefix)
    workspace = "/moved/.linkd-1" if prefix else at.workspace
    assert (workspace, (Takes("a", f"{workspace}/b"),)) == (entries.workspace, entries.intentions)


def test_cut_off(tmp_path: Path) -> None:
    """Of what was being told when the process was killed nothing counts."""
    folder = tmp_path / "txn"
    long = [Takes(os.urandom(4000).hex(), f"{folder}/b")]
    written(folder, [Makes("a")], long, [Makes("c")])
    pieces = sorted(name for name in os.listdir(folder) if name.startswith("log-00001-"))
    assert len(pieces) > 1
    (folder / pieces[-1]).unlink()
    assert (Makes("a"), Makes("c")) == read(folder).intentions


def test_short_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a link's target may not be as long as elsewhere there are more links."""
    symlink = os.symlink

    def as_on_xfs(target: bytes, path: bytes) -> None:
        if len(target) > 1024:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path)
        symlink(target, path)

    monkeypatch.setattr(os, "symlink", as_on_xfs)
    told: list[Any] = [Takes(os.urandom(4000).hex(), f"{tmp_path}/txn/b")]
    written(tmp_path / "txn", told)
    assert told == list(read(tmp_path / "txn").intentions)


def test_ended(tmp_path: Path) -> None:
    """That nothing is to be undone any more is on record."""
    written(tmp_path / "txn", [Makes("a")])
    mark_ended(str(tmp_path / "txn"))
    mark_ended(str(tmp_path / "txn"))
    assert read(tmp_path / "txn").ended


@pytest.mark.parametrize("text", ["bm90IG91cnM=", "!", "eJyLVkpKLFKK1VFQMgQAFdMDNg=="])
def test_not_a_journal(tmp_path: Path, text: str) -> None:
    """What is not a journal of ours is not taken for one."""
    os.symlink(text, tmp_path / "log-00000-00000")
    with pytest.raises(ValueError, match=r".+"):
        read_journal(str(tmp_path))
