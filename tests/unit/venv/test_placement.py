"""A folder becomes a target, is made where it is missing, and goes again if nobody needed it."""

import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from linkd.core.target import Interpreter, Placement, Scheme, SchemeKey, Target
from linkd.errors import EnvironmentNotWritable, InvalidRequest, NotAnEnvironment
from linkd.venv.placement import Folders, place, require_folder

INTERPRETER = Interpreter(
    executable="/usr/bin/python3.12",
    implementation="cpython",
    version="3.12.1",
    cache_tag="cpython-312",
    markers={},
    tags=("py3-none-any",),
    scheme={
        SchemeKey.PURELIB: "lib/python3.12/site-packages",
        SchemeKey.PLATLIB: "lib64/python3.12/site-packages",
        SchemeKey.HEADERS: "include/site/python3.12",
        SchemeKey.SCRIPTS: "bin",
        SchemeKey.DATA: ".",
    },
    externally_managed="[externally-managed]\nError=Use apt.\n",
)
SITE = "lib/python3.12/site-packages"


def target_at(folder: Path) -> Target:
    return place(Placement(folder=str(folder), flat=True), INTERPRETER, "/env/bin/python")


def prefix_at(folder: Path) -> Target:
    return place(Placement(folder=str(folder), flat=False), INTERPRETER, "/env/bin/python")


def test_flat(tmp_path: Path) -> None:
    """In a target everything lies in the folder itself, but for scripts and headers."""
    assert target_at(tmp_path).scheme == Scheme(
        purelib=tmp_path,
        platlib=tmp_path,
        headers=tmp_path / "include",
        scripts=tmp_path / "bin",
        data=tmp_path,
    )


def test_layered(tmp_path: Path) -> None:
    """A prefix has the scheme of the interpreter's environments."""
    assert prefix_at(tmp_path).scheme == Scheme(
        purelib=tmp_path / SITE,
        platlib=tmp_path / "lib64/python3.12/site-packages",
        headers=tmp_path / "include/site/python3.12",
        scripts=tmp_path / "bin",
        data=tmp_path,
    )


def test_lib64_that_is_lib(tmp_path: Path) -> None:
    """Where lib64 is a link to lib, there is one site-packages."""
    (tmp_path / SITE).mkdir(parents=True)
    (tmp_path / "lib64").symlink_to("lib")

    assert prefix_at(tmp_path).scheme.platlib == tmp_path / SITE


def test_facts(tmp_path: Path) -> None:
    """The interpreter is the environment's; that the system looks after it does not matter."""
    target = target_at(tmp_path)

    assert target.python == Path("/env/bin/python")
    assert target.interpreter == replace(INTERPRETER, externally_managed=None)


@pytest.mark.parametrize("make", [target_at, prefix_at])
def test_identity(tmp_path: Path, make: Callable[[Path], Target]) -> None:
    """A folder is known by its site-packages, whatever path leads there, once that is made."""
    folder = tmp_path / "folder"
    link = tmp_path / "link"
    assert make(folder).identity == (0, 0)
    make(folder).site_packages.mkdir(parents=True)
    link.symlink_to(folder)
    status = make(folder).site_packages.stat()

    assert make(link).identity == make(folder).identity == (status.st_dev, status.st_ino)


def test_another_path_of_it(tmp_path: Path) -> None:
    """`..` is understood as the system does, and a path that is not absolute not at all."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("a/b")

    assert target_at(tmp_path / "link" / ".." / "x").prefix == tmp_path / "a" / "x"
    with pytest.raises(NotAnEnvironment):
        target_at(Path("relative"))


@pytest.mark.parametrize("name", ["file", "file/below", "link", "link/below"])
def test_in_the_way(tmp_path: Path, name: str) -> None:
    """A file, or a link to nowhere, is not taken for a folder."""
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")

    with pytest.raises(InvalidRequest, match="is not a folder$"):
        target_at(tmp_path / name)


def test_not_readable(tmp_path: Path) -> None:
    """What cannot even be looked at is refused with the reason."""
    with pytest.raises(NotAnEnvironment, match="cannot be read: file name too long$"):
        target_at(tmp_path / ("x" * 300))


def test_required(tmp_path: Path) -> None:
    """What is not there is refused where it has to be, in the words of the option."""
    require_folder(Placement(folder=str(tmp_path), flat=True))
    with pytest.raises(InvalidRequest, match=r"^--prefix names .*/x, and there is no such folder$"):
        require_folder(Placement(folder=str(tmp_path / "x"), flat=False))


def test_made(tmp_path: Path) -> None:
    """Missing folders are there while they are needed, and stay if something came into them."""
    with Folders().made(prefix_at(tmp_path / "a" / "b")) as target:
        assert target.identity == prefix_at(tmp_path / "a" / "b").identity != (0, 0)
        (target.site_packages / "module.py").touch()

    assert (tmp_path / "a" / "b" / SITE / "module.py").exists()


def test_unused(tmp_path: Path) -> None:
    """What was made and stayed empty goes again, up to the folder that was there before."""
    with pytest.raises(ValueError, match="refused"), Folders().made(prefix_at(tmp_path / "a" / "b")):
        raise ValueError("refused")

    assert os.listdir(tmp_path) == []


def test_there_before(tmp_path: Path) -> None:
    """An empty folder that was there before stays."""
    folder = tmp_path / "mine"
    folder.mkdir()
    with Folders().made(target_at(folder)):
        pass

    assert folder.exists()


def test_several_users(tmp_path: Path) -> None:
    """A folder that one has made stays as long as another needs it, by whatever path."""
    (tmp_path / "link").symlink_to(tmp_path)
    folders = Folders()
    with ExitStack() as others:
        with folders.made(target_at(tmp_path / "a" / "b")) as first:
            second = others.enter_context(folders.made(target_at(tmp_path / "link" / "a" / "b")))
            assert first.identity == second.identity
        assert (tmp_path / "a" / "b").exists()
    assert not (tmp_path / "a" / "b").exists()


def test_users_of_a_part(tmp_path: Path) -> None:
    """Folders above that several need go with the last of them."""
    folders = Folders()
    with ExitStack() as others:
        with folders.made(target_at(tmp_path / "a" / "one")):
            others.enter_context(folders.made(target_at(tmp_path / "a" / "two")))
        assert os.listdir(tmp_path / "a") == ["two"]
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_made(tmp_path: Path) -> None:
    """Where a folder cannot be made the reason is told, and nothing is left."""
    folder = tmp_path / "a" / ("x" * 300)
    with (
        pytest.raises(EnvironmentNotWritable, match="file name too long"),
        Folders().made(target_at(folder)),
    ):
        pass

    assert os.listdir(tmp_path) == []


def test_taken_away(tmp_path: Path) -> None:
    """Somebody who removes the folder meanwhile does no harm to what follows."""
    folders = Folders()
    with folders.made(target_at(tmp_path / "a")):
        shutil.rmtree(tmp_path / "a")
    with folders.made(target_at(tmp_path / "a")):
        assert (tmp_path / "a").exists()
    assert not (tmp_path / "a").exists()
