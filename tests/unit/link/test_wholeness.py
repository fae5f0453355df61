"""A staged tree that is not what was made any more is recognized."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from linkd.core.receipt import LinkMode
from linkd.core.wheel import StoredWheel
from linkd.link.blueprint import Blueprint, Shape
from linkd.link.stage import Staging, prepare
from linkd.link.wholeness import find_flaw
from tests.support.stored import Environment, Store

INFO = "dist-info/foo-1.0.dist-info"


class Tree:
    """A tree that was staged ahead, and the question whether it is whole."""

    def __init__(self, store: Store, environment: Environment, path: Path) -> None:
        self.wheel: StoredWheel = store.wheel(
            "foo",
            files={"foo/__init__.py": "", "foo/sub/a.py": "a = 1\n"},
            data={"scripts/run": "#!python\n", "data/share/foo.txt": "text"},
            entry_points="[console_scripts]\nfoo = foo:main\n",
        )
        self.shape = Shape.of(environment.target, requested=True)
        self.path = path
        staging = Staging(mode=LinkMode.HARDLINK, constants=store.stager.constants)
        prepare(self.wheel, self.shape, str(path), staging=staging)

    def flaw(self) -> str | None:
        return find_flaw(str(self.path), self.wheel, Blueprint(self.wheel.manifest, self.shape))


@pytest.fixture
def tree(store: Store, environment: Environment, tmp_path: Path) -> Tree:
    return Tree(store, environment, tmp_path / "tree")


def test_a_whole_one(tree: Tree) -> None:
    """A tree as it was made has no flaw."""
    assert tree.flaw() is None


def _write(path: str, text: str) -> Callable[[Path], object]:
    return lambda tree: (tree / path).write_text(text)


def _replace(path: str) -> Callable[[Path], object]:
    """By a file with the same content and the same time."""

    def change(tree: Path) -> None:
        facts = (tree / path).stat()
        content = (tree / path).read_bytes()
        (tree / path).unlink()
        (tree / path).write_bytes(content)
        os.utime(tree / path, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    return change


def _link_out(path: str) -> Callable[[Path], object]:
    """A folder by a link to it, elsewhere."""

    def change(tree: Path) -> None:
        os.rename(tree / path, tree.parent / "elsewhere")
        (tree / path).symlink_to(tree.parent / "elsewhere")

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_write("purelib/foo/sub/a.py", "a = 2\n"), id="a file edited, of the same size"),
        pytest.param(_write("purelib/foo/__init__.py", "x"), id="a file edited"),
        pytest.param(_write(f"{INFO}/RECORD", ""), id="RECORD"),
        pytest.param(_write(f"{INFO}/INSTALLER", "pip\n"), id="INSTALLER"),
        pytest.param(_write("scripts/foo", "#!/bin/sh\n"), id="a launcher"),
        pytest.param(_write("scripts/run", "#!/bin/sh\n"), id="a script"),
        pytest.param(_write("purelib/foo/new.py", ""), id="a file added"),
        pytest.param(_write("new", ""), id="a file added at the top"),
        pytest.param(lambda tree: (tree / "purelib/other").mkdir(), id="a folder added"),
        pytest.param(lambda tree: (tree / "purelib/foo/sub/a.py").unlink(), id="a file removed"),
        pytest.param(lambda tree: (tree / f"{INFO}/REQUESTED").unlink(), id="REQUESTED removed"),
        pytest.param(lambda tree: (tree / "scripts/foo").unlink(), id="a launcher removed"),
        pytest.param(_replace("purelib/foo/sub/a.py"), id="a file replaced"),
        pytest.param(_link_out("purelib/foo/sub"), id="a folder replaced by a link"),
    ],
)  # fmt: skip
def test_a_flaw(tree: Tree, change: Callable[[Path], object]) -> None:
    """A file that was changed, removed, added or replaced is found."""
    change(tree.path)
    assert tree.flaw() is not None


def test_a_tree_that_is_gone(tree: Tree) -> None:
    """What is not there is not whole."""
    os.rename(tree.path, tree.path.with_name("taken"))
    assert tree.flaw() is not None
