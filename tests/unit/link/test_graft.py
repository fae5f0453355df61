"""How many renames a graft takes, what they leave, and that it stays within its prefix."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkd.errors import GraftFailed, PathOccupied
from linkd.link.beneath import Step
from linkd.link.graft import Graft
from linkd.link.rename import KernelRename, PortableRename
from tests.support.stored import SITE, Environment, Store


class Counting(KernelRename):
    """Notes every rename by name."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def noreplace(self, source: str, source_fd: int, target: str, target_fd: int) -> None:
        super().noreplace(source, source_fd, target, target_fd)
        self.calls.append(f"publish {target}")

    def exchange(self, source: str, source_fd: int, target: str, target_fd: int) -> None:
        super().exchange(source, source_fd, target, target_fd)
        self.calls.append(f"exchange {target}")


@pytest.fixture
def counting(store: Store) -> Counting:
    store.workspaces.rename = counting = Counting()
    return counting


def plenty(text: str) -> dict[str, str]:
    return {f"pkg/sub{a}/{b}.py": text for a in range(5) for b in range(5)}


def test_an_absent_package(store: Store, environment: Environment, counting: Counting) -> None:
    """A package that is absent comes by one rename, and its dist-info, as the last, by another."""
    environment.change(store.wheel("foo", files=plenty("")))

    assert counting.calls == ["publish pkg", "publish foo-1.0.dist-info"]


def test_a_shared_folder(store: Store, environment: Environment, counting: Counting) -> None:
    """A folder that is there is descended into: absent folders below it are moved whole."""
    environment.change(store.wheel("bar", files={"space/__init__.py": "", "space/bar/x.py": ""}))
    counting.calls.clear()

    files = {"space/__init__.py": "", "space/foo/x.py": "", "space/foo/y/z.py": ""}
    environment.change(store.wheel("foo", files=files | {"space/only.py": ""}))

    # __init__.py is the one of bar, or the same: bar sorts first, so foo's is put in its place.
    assert counting.calls == [
        "exchange __init__.py",
        "publish foo",
        "publish only.py",
        "publish foo-1.0.dist-info",
    ]


def test_an_upgrade(store: Store, environment: Environment, counting: Counting) -> None:
    """A package that is nobody else's is upgraded by one exchange."""
    environment.change(store.wheel("foo", "1.0", files=plenty("1") | {"pkg/old.py": ""}))
    counting.calls.clear()

    environment.change(store.wheel("foo", "2.0", files=plenty("2") | {"pkg/new/x.py": ""}))

    assert counting.calls == ["exchange pkg", "publish foo-2.0.dist-info"]
    assert environment.problems() == []


def test_an_upgrade_beside_others(
    store: Store, environment: Environment, counting: Counting
) -> None:
    """A package in which somebody else has files is upgraded file by file."""
    environment.change(store.wheel("foo", "1.0", files={"pkg/a.py": "1", "pkg/b.py": "1"}))
    environment.change(store.wheel("bar", files={"pkg/bar.py": ""}))
    counting.calls.clear()

    environment.change(store.wheel("foo", "2.0", files={"pkg/a.py": "2", "pkg/c.py": "2"}))

    assert counting.calls[:2] == ["exchange a.py", "publish c.py"]
    assert environment.problems() == []


def test_a_removal(store: Store, environment: Environment) -> None:
    """A package that is nobody else's goes by one rename, with its bytecode."""
    environment.change(store.wheel("foo", files=plenty("")))
    (environment.site / "pkg/sub1/__pycache__").mkdir()
    (environment.site / "pkg/sub1/__pycache__/1.cpython-312.opt-1.pyc").write_text("")
    inode = (environment.site / "pkg").stat().st_ino
    looked = threading.Event()
    store.background.submit(looked.wait, 10)

    environment.change(remove=["foo"])

    (gone,) = Path(store.layout.trash).glob("*/gone-foo")
    assert [path.stat().st_ino for path in gone.iterdir()] == [inode]
    looked.set()
    assert environment.files() == {f"{SITE}/": "", "bin/": ""}


@pytest.fixture
def graft(tmp_path: Path) -> Iterator[Graft]:
    prefix = tmp_path / "prefix"
    (prefix / "site").mkdir(parents=True)
    (tmp_path / "staged").mkdir()
    descriptor = os.open(prefix, os.O_RDONLY | os.O_DIRECTORY)
    yield Graft(str(prefix), descriptor, KernelRename())
    os.close(descriptor)


def write(folder: Path, *names: str, content: str = "new") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


@pytest.mark.parametrize("path", ["..", "site/../..", "site/../../other"])
def test_out_of_the_prefix(graft: Graft, tmp_path: Path, path: str) -> None:
    """A path that climbs out is refused, whatever is to be done there."""
    write(tmp_path / "staged", "a")
    write(tmp_path / "other", "a", content="precious")

    with pytest.raises(GraftFailed):
        graft.publish(str(tmp_path / "staged"), path, distribution="foo")
    with pytest.raises(GraftFailed):
        graft.move_out(f"{path}/a", str(tmp_path / "aside"))

    assert (tmp_path / "other/a").read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["other", "prefix", "staged"]


def test_a_scheme_folder_that_is_a_link(graft: Graft, tmp_path: Path) -> None:
    """A folder of the scheme that is a link to somewhere else is refused."""
    write(tmp_path / "staged", "a")
    (tmp_path / "other").mkdir()
    (tmp_path / "prefix/bin").symlink_to(tmp_path / "other")

    with pytest.raises(GraftFailed):
        graft.publish(str(tmp_path / "staged"), "bin", distribution="foo")

    assert os.listdir(tmp_path / "other") == []
    assert not graft.move_out("bin/a", str(tmp_path / "aside"))
    assert graft.hash_of("bin/a") is None


def test_times_of_folders(graft: Graft, tmp_path: Path) -> None:
    """Every step changes the time of the folder in which it is taken, undoing too."""
    site = tmp_path / "prefix/site"
    write(tmp_path / "staged", "absent", "present")
    write(site, "present", "gone", content="old")
    (tmp_path / "aside").mkdir()

    def changes_time() -> bool:
        changed = site.stat().st_mtime > 1
        os.utime(site, (1, 1))
        return changed

    assert changes_time()
    for name in ("absent", "present"):
        one = tmp_path / f"one-{name}"
        one.mkdir()
        os.rename(tmp_path / "staged" / name, one / name)
        graft.publish(str(one), "site", distribution="foo")
        assert changes_time()
    assert graft.move_out("site/gone", str(tmp_path / "aside/gone"))
    assert changes_time()
    assert [move.step for move in graft.moves] == [
        Step.PUBLISHED,
        Step.EXCHANGED,
        Step.MOVED_OUT,
    ]
    for _ in range(3):
        *graft.moves, last = graft.moves
        Graft(graft.prefix, graft.prefix_fd, graft.rename, moves=[last]).undo(lambda _path: False)
        assert changes_time()


def test_undo_leaves_what_others_replaced(graft: Graft, tmp_path: Path) -> None:
    """What somebody else has put in the place of ours stays when ours is taken back."""
    site = tmp_path / "prefix/site"
    write(tmp_path / "staged", "absent", "present", "folder/a")
    write(site, "present", content="old")
    graft.publish(str(tmp_path / "staged"), "site", distribution="foo")
    write(tmp_path / "others", "absent", "present", content="others")
    for name in ("absent", "present"):
        os.rename(tmp_path / "others" / name, site / name)
    write(site, "folder/b", content="others")

    left = graft.undo(lambda path: path == "site/folder/b")

    assert left == ()
    assert (site / "absent").read_text() == "others"
    assert (site / "present").read_text() == "others"
    assert os.listdir(site / "folder") == ["b"]


def test_undo_of_a_folder_that_came_back(graft: Graft, tmp_path: Path) -> None:
    """A folder that was moved out is put back into one of its name that came meanwhile."""
    site = tmp_path / "prefix/site"
    write(site, "pkg/a", "pkg/inner/b", content="old")
    (tmp_path / "aside").mkdir()
    graft.move_out("site/pkg", str(tmp_path / "aside/pkg"))
    write(site, "pkg/others", "pkg/a", content="others")

    assert graft.undo(lambda _path: False) == ()

    assert (site / "pkg/inner/b").read_text() == "old"
    assert (site / "pkg/a").read_text() == "others"
    assert (site / "pkg/others").read_text() == "others"


def test_undo_tells_what_it_could_not_do(graft: Graft, tmp_path: Path) -> None:
    """A step that cannot be taken back is told, and the others are taken back."""
    site = tmp_path / "prefix/site"
    write(site, "a", "b", content="old")
    (tmp_path / "aside").mkdir()
    for name in ("a", "b"):
        graft.move_out(f"site/{name}", str(tmp_path / "aside" / name))
    (tmp_path / "aside/b").unlink()

    assert graft.undo(lambda _path: False) == ("site/b",)

    assert os.listdir(site) == ["a"]


def test_a_folder_that_cannot_be_moved(graft: Graft, tmp_path: Path) -> None:
    """A folder that the file system does not rename is moved out file by file, and comes back.

    overlayfs answers so for folders of a lower layer, such as an image's own packages.
    """
    site = tmp_path / "prefix/site"
    write(site, "pkg/a", "pkg/inner/b", content="old")
    (tmp_path / "aside").mkdir()

    class Layered(Graft):
        def _out(
            self, name: str, folder_fd: int, aside: str, out_fd: int, facts: os.stat_result
        ) -> None:
            if (Path(f"/proc/self/fd/{folder_fd}") / name).is_dir():
                raise OSError(18, "cross-device", name)
            super()._out(name, folder_fd, aside, out_fd, facts)

    layered = Layered(graft.prefix, graft.prefix_fd, PortableRename())
    assert layered.move_out("site/pkg", str(tmp_path / "aside/pkg"))
    assert os.listdir(site) == []

    assert layered.undo(lambda _path: False) == ()
    assert (site / "pkg/a").read_text() == (site / "pkg/inner/b").read_text() == "old"


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_neither_a_file_nor_a_link(store: Store, environment: Environment, kind: str) -> None:
    """A pipe or a socket in the way is named and stays; nobody waits for its other end."""
    path = environment.site / "foo.py"
    with socket.socket(socket.AF_UNIX) as one:
        if kind == "pipe":
            os.mkfifo(path)
        else:
            _bind(one, path)
        before = path.lstat().st_ino

        with pytest.raises(PathOccupied, match="is neither a file nor a link"):
            environment.change(store.wheel("foo", files={"foo.py": "", "before.py": ""}))

    assert os.listdir(environment.site) == ["foo.py"]
    assert path.lstat().st_ino == before


def _bind(one: socket.socket, path: Path) -> None:
    """By a short name: a socket's may have no more than 107 bytes."""
    folder_fd = os.open(path.parent, os.O_RDONLY)
    try:
        one.bind(f"/proc/self/fd/{folder_fd}/{path.name}")
    finally:
        os.close(folder_fd)


class ReplacedByPipes(KernelRename):
    """Somebody puts a pipe in the place of each file just before it is exchanged."""

    def exchange(self, source: str, source_fd: int, target: str, target_fd: int) -> None:
        os.unlink(target, dir_fd=target_fd)
        os.mkfifo(target, dir_fd=target_fd)
        super().exchange(source, source_fd, target, target_fd)


def test_a_pipe_that_came_just_now(store: Store, environment: Environment) -> None:
    """A pipe that came in the last moment is kept for its user like a file, and not read."""
    (environment.site / "foo.py").write_text("mine")
    store.workspaces.rename = ReplacedByPipes()

    outcome = environment.change(store.wheel("foo", files={"foo.py": "new"}))

    assert (environment.site / "foo.py").read_text() == "new"
    assert [Path(kept.moved_to).is_fifo() for kept in outcome.kept_files] == [True]
