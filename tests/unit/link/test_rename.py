"""Both renames, on real files and folders."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from linkd.link.rename import KernelRename, PortableRename, Rename, probe_rename

BOTH = pytest.mark.parametrize(
    "rename", [KernelRename(), PortableRename()], ids=["kernel", "portable"]
)


@contextmanager
def opened(*folders: Path) -> Iterator[list[int]]:
    descriptors = [os.open(folder, os.O_RDONLY | os.O_DIRECTORY) for folder in folders]
    try:
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    (tmp_path / "staged").mkdir()
    return tmp_path / "staged"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    return tmp_path / "site"


@BOTH
def test_publish_a_file(rename: Rename, staged: Path, site: Path) -> None:
    """What is absent is published, and its staged name is gone."""
    (staged / "a").write_text("new")
    with opened(staged, site) as (source, target):
        rename.noreplace("a", source, "a", target)

    assert os.listdir(staged) == []
    assert (site / "a").read_text() == "new"


@BOTH
@pytest.mark.parametrize("same", [False, True], ids=["another inode", "the same inode"])
def test_publish_onto_a_file(rename: Rename, staged: Path, site: Path, *, same: bool) -> None:
    """A name that is taken is left alone, even by a link to the same file."""
    (staged / "a").write_text("new")
    if same:
        os.link(staged / "a", site / "a")
    else:
        (site / "a").write_text("old")
    with opened(staged, site) as (source, target), pytest.raises(FileExistsError):
        rename.noreplace("a", source, "a", target)

    assert os.listdir(staged) == ["a"]
    assert (site / "a").read_text() == ("new" if same else "old")


@BOTH
def test_exchange_files(rename: Rename, staged: Path, site: Path) -> None:
    """Both names stay, each with the other's file, and no third one appears."""
    (staged / "a").write_text("new")
    (site / "a").write_text("old")
    with opened(staged, site) as (source, target):
        rename.exchange("a", source, "a", target)

    assert (os.listdir(staged), os.listdir(site)) == (["a"], ["a"])
    assert ((staged / "a").read_text(), (site / "a").read_text()) == ("old", "new")


@BOTH
def test_exchange_one_inode(rename: Rename, staged: Path, site: Path) -> None:
    """Two names of one inode stay as they are, again and again; no temporary name is left."""
    (staged / "a").write_text("same")
    os.link(staged / "a", site / "a")
    with opened(staged, site) as (source, target):
        for _ in range(2):
            rename.exchange("a", source, "a", target)

    assert (os.listdir(staged), os.listdir(site)) == (["a"], ["a"])
    assert (site / "a").stat().st_nlink == 2


@BOTH
def test_exchange_links(rename: Rename, staged: Path, site: Path) -> None:
    """A symbolic link is exchanged itself, not what it points at."""
    (staged / "a").write_text("new")
    (site / "target").write_text("target")
    (site / "a").symlink_to("target")
    with opened(staged, site) as (source, target):
        rename.exchange("a", source, "a", target)

    assert os.readlink(staged / "a") == "target"
    assert (site / "a").read_text() == "new"
    assert (site / "target").read_text() == "target"


@BOTH
def test_exchange_with_nothing(rename: Rename, staged: Path, site: Path) -> None:
    """Where nothing is there nothing is published, and nothing is left behind."""
    (staged / "a").write_text("new")
    with opened(staged, site) as (source, target), pytest.raises(FileNotFoundError):
        rename.exchange("a", source, "a", target)

    assert (os.listdir(staged), os.listdir(site)) == (["a"], [])


@BOTH
def test_exchange_in_a_folder_with_like_names(rename: Rename, staged: Path, site: Path) -> None:
    """Neighbours of any name are left alone."""
    names = ["a", "a.replaced", "a.tmp", ".a"]
    for name in names:
        (staged / name).write_text("neighbour")
    (site / "a").write_text("old")
    with opened(staged, site) as (source, target):
        rename.exchange("a", source, "a", target)

    assert sorted(os.listdir(staged)) == sorted(names)


def test_publish_a_folder(staged: Path, site: Path) -> None:
    """The kernel moves a folder whole, but not onto another one, even an empty one."""
    rename = KernelRename()
    for name in ("a", "b"):
        (staged / name).mkdir()
        (staged / name / "file").write_text(name)
    (site / "b").mkdir()
    with opened(staged, site) as (source, target):
        rename.noreplace("a", source, "a", target)
        with pytest.raises(FileExistsError):
            rename.noreplace("b", source, "b", target)

    assert (site / "a/file").read_text() == "a"
    assert os.listdir(site / "b") == []


def test_exchange_folders(staged: Path, site: Path) -> None:
    """The kernel exchanges folders that are not empty."""
    for folder, content in ((staged, "new"), (site, "old")):
        (folder / "a").mkdir()
        (folder / "a" / content).write_text(content)
    with opened(staged, site) as (source, target):
        KernelRename().exchange("a", source, "a", target)

    assert (os.listdir(staged / "a"), os.listdir(site / "a")) == (["old"], ["new"])


def test_folders_without_the_kernel(staged: Path, site: Path) -> None:
    """Without renameat2 a folder is said to be there, so that it is descended into."""
    rename = PortableRename()
    (staged / "a").mkdir()
    with opened(staged, site) as (source, target):
        with pytest.raises(FileExistsError):
            rename.noreplace("a", source, "a", target)
        (site / "a").mkdir()
        with pytest.raises(IsADirectoryError):
            rename.exchange("a", source, "a", target)

    assert not rename.moves_folders


@BOTH
def test_the_folders_time(rename: Rename, staged: Path, site: Path) -> None:
    """The folder's time changes with every rename into it, which import caches rely on."""
    (site / "a").write_text("old")
    for name in ("a", "b"):
        (staged / name).write_text("new")
    with opened(staged, site) as (source, target):
        for call, name in ((rename.exchange, "a"), (rename.noreplace, "b")):
            os.utime(site, (1, 1))
            call(name, source, name, target)
            assert site.stat().st_mtime > 1


@pytest.mark.parametrize("folder", [Path("/dev/shm"), None], ids=["tmpfs", "tmp_path"])
def test_probe(tmp_path: Path, folder: Path | None) -> None:
    """Probing finds renameat2 where it is, and leaves nothing behind."""
    where = folder or tmp_path
    before = set(os.listdir(where))
    with opened(where) as (descriptor,):
        rename = probe_rename(descriptor)

    assert rename.moves_folders
    assert not {name for name in set(os.listdir(where)) - before if name.startswith(".linkd")}


def test_probe_an_unwritable_folder() -> None:
    """A folder that cannot be written is an error, not a lack of renameat2."""
    with opened(Path("/proc/self")) as (descriptor,), pytest.raises(OSError, match=r"."):
        probe_rename(descriptor)
