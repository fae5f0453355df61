"""What goes with a distribution, and what stays."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkd.link.graft import Graft
from linkd.link.removal import Removal, holds_only, remove
from linkd.link.rename import KernelRename


@pytest.fixture
def graft(tmp_path: Path) -> Iterator[Graft]:
    (tmp_path / "prefix/site").mkdir(parents=True)
    (tmp_path / "aside").mkdir()
    descriptor = os.open(tmp_path / "prefix", os.O_RDONLY | os.O_DIRECTORY)
    yield Graft(str(tmp_path / "prefix"), descriptor, KernelRename())
    os.close(descriptor)


def write(tmp_path: Path, *names: str) -> None:
    for name in names:
        path = tmp_path / "prefix" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def removal(graft: Graft, tmp_path: Path, *own: str, alone: bool = True) -> Removal:
    return Removal(graft, frozenset(own), str(tmp_path / "aside"), lambda _: alone, {"site"})


def files(tmp_path: Path) -> set[str]:
    prefix = tmp_path / "prefix"
    return {str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize("alone", [True, False])
def test_bytecode(graft: Graft, tmp_path: Path, *, alone: bool) -> None:
    """The bytecode of a module goes with it, by whatever interpreter; nobody else's does."""
    cache = "site/pkg/__pycache__"
    own = [
        f"{cache}/a.cpython-312.pyc",
        f"{cache}/a.cpython-313.opt-2.pyc",
        f"{cache}/b.c.pypy311.pyc",
    ]
    others = [
        f"{cache}/ab.cpython-312.pyc",
        f"{cache}/b.cpython-312.pyc",
        f"{cache}/a.b.cpython-312.pyc",
        f"{cache}/a.txt",
        "site/pkg/mine.py",
        "site/pkg/my__pycache__/a.cpython-312.pyc",
    ]
    write(tmp_path, "site/pkg/a.py", "site/pkg/b.c.py", *own, *others)

    remove(graft, [removal(graft, tmp_path, "site/pkg/a.py", "site/pkg/b.c.py", alone=alone)])

    assert files(tmp_path) == {*others}


def test_a_whole_folder(graft: Graft, tmp_path: Path) -> None:
    """A folder of nothing but recorded files and their bytecode goes as it is."""
    write(tmp_path, "site/pkg/a.py", "site/pkg/b/c.py", "site/pkg/b/__pycache__/c.cpython-312.pyc")

    remove(graft, [removal(graft, tmp_path, "site/pkg/a.py", "site/pkg/b/c.py")])

    assert [move.path for move in graft.moves] == ["site/pkg"]
    assert os.listdir(tmp_path / "prefix/site") == []


def test_a_folder_of_others(graft: Graft, tmp_path: Path) -> None:
    """One in which somebody else has something goes file by file, and its empty folders go."""
    write(tmp_path, "site/pkg/a.py", "site/pkg/b/c.py")

    remove(graft, [removal(graft, tmp_path, "site/pkg/a.py", "site/pkg/b/c.py", alone=False)])

    assert [move.path for move in graft.moves] == ["site/pkg/a.py", "site/pkg/b/c.py"]
    assert os.listdir(tmp_path / "prefix/site") == []


def test_fixed_folders(graft: Graft, tmp_path: Path) -> None:
    """The scheme's own folders stay, even empty ones."""
    write(tmp_path, "site/a.py", "site/__pycache__/a.cpython-312.pyc")

    remove(graft, [removal(graft, tmp_path, "site/a.py")])

    assert os.listdir(tmp_path / "prefix") == ["site"]
    assert os.listdir(tmp_path / "prefix/site") == []


def test_links_to_folders(graft: Graft, tmp_path: Path) -> None:
    """A recorded path below a link to a folder is not the distribution's; the link stays too."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.py").write_text("precious")
    (tmp_path / "prefix/site/pkg").symlink_to(tmp_path / "outside")

    remove(graft, [removal(graft, tmp_path, "site/pkg/a.py")])

    assert (tmp_path / "outside/a.py").read_text() == "precious"
    assert (tmp_path / "prefix/site/pkg").is_symlink()


def test_replaced(graft: Graft, tmp_path: Path) -> None:
    """Of what was replaced the bytecode goes, but for what has come with the new."""
    cache = "site/__pycache__"
    write(tmp_path, "site/a.py", f"{cache}/a.cpython-312.pyc", f"{cache}/a.cpython-311.pyc")
    going = removal(graft, tmp_path)
    going.replaced = {"site/a.py"}
    going.kept = {"site/a.py", f"{cache}/a.cpython-311.pyc"}

    remove(graft, [going])

    assert files(tmp_path) == {"site/a.py", f"{cache}/a.cpython-311.pyc"}


def test_what_is_gone_already(graft: Graft, tmp_path: Path) -> None:
    """Recorded files that are not there are no trouble."""
    remove(graft, [removal(graft, tmp_path, "site/pkg/a.py", "nowhere/b.py")])

    assert graft.moves == []


@pytest.mark.parametrize(
    "other", ["site/pkg/mine.py", "site/pkg/x/mine", "site/pkg/__pycache__/m.pyc"]
)
def test_holds_only(graft: Graft, tmp_path: Path, other: str) -> None:
    """A folder with anything of a user's own in it does not count as the distribution's."""
    write(tmp_path, "site/pkg/a.py")
    assert holds_only(graft, "site/pkg", {"site/pkg/a.py"})

    write(tmp_path, other)

    assert not holds_only(graft, "site/pkg", {"site/pkg/a.py"})
