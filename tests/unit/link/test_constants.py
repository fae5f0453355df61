"""Files that are linked into many environments, and stay what they are."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from linkd.core.receipt import LinkMode
from linkd.core.record import parse_record
from linkd.link.beneath import open_folder
from linkd.link.blueprint import Shape
from linkd.link.constants import Constants
from linkd.link.stage import Marks, Staging, complete, prepare
from tests.support.stored import Environment, Store


@pytest.fixture
def constants(tmp_path: Path) -> Constants:
    (tmp_path / "constants").mkdir()
    return Constants(str(tmp_path / "constants"))


def place(constants: Constants, where: Path, mode: LinkMode = LinkMode.HARDLINK) -> Path:
    """Put the constant ``C`` into a new folder."""
    where.mkdir()
    with open_folder(str(where)) as where_fd:
        constants.place("C", lambda: b"content", where_fd, "./name", mode)
    return where / "name"


def test_one_inode(constants: Constants, tmp_path: Path) -> None:
    """A constant is written once, and is the same inode wherever it is put."""
    names = [place(constants, tmp_path / str(number)) for number in range(3)]
    assert {name.read_bytes() for name in names} == {b"content"}
    assert len({name.stat().st_ino for name in names}) == 1
    assert os.listdir(constants.folder) == ["C"]


def test_where_files_are_no_links(constants: Constants, tmp_path: Path) -> None:
    """Where files are copied, constants are written."""
    name = place(constants, tmp_path / "a", LinkMode.COPY)
    assert (name.read_bytes(), name.stat().st_nlink) == (b"content", 1)


@pytest.mark.parametrize("text", ["edited!", "content and more"])
def test_edited_through_an_environment(constants: Constants, tmp_path: Path, text: str) -> None:
    """What somebody wrote into it in one environment does not reach the next, whatever its size."""
    edited = place(constants, tmp_path / "a")
    edited.write_text(text)
    assert place(constants, tmp_path / "b").read_bytes() == b"content"
    assert edited.read_text() == text


def test_many_at_once(constants: Constants, tmp_path: Path) -> None:
    """Threads that make and renew it at the same moment all get it, whole."""
    with ThreadPoolExecutor(8) as threads:
        names = threads.map(lambda number: place(constants, tmp_path / str(number)), [*range(50)])
        for name in names:
            assert name.read_bytes() == b"content"
    with ThreadPoolExecutor(8) as threads:
        (Path(constants.folder) / "C").write_text("edited!")
        names = threads.map(
            lambda number: place(constants, tmp_path / f"again-{number}"), [*range(50)]
        )
        assert {name.read_bytes() for name in names} == {b"content"}
    assert os.listdir(constants.folder) == ["C"]


def test_too_many_links(constants: Constants, tmp_path: Path) -> None:
    """A constant with all the links that a file may have gets a fresh inode, and is not taken for
    an edited one afterwards."""
    first = place(constants, tmp_path / "a")
    limited = _fill(Path(constants.folder), tmp_path / "links")
    second, third = (place(constants, tmp_path / name) for name in "bc")
    assert (first.stat().st_ino != second.stat().st_ino) == limited
    assert os.path.samefile(second, third)
    assert second.read_bytes() == b"content"
    assert second.stat().st_mtime_ns == first.stat().st_mtime_ns


def _fill(folder: Path, links: Path) -> bool:
    """Whether the file system has a limit."""
    links.mkdir()
    with open_folder(str(folder)) as folder_fd, open_folder(str(links)) as links_fd:
        for number in range(66_000):  # ext4 has 65,000
            try:
                os.link("C", str(number), src_dir_fd=folder_fd, dst_dir_fd=links_fd)
            except OSError as error:
                return error.errno == errno.EMLINK
    return False


def test_a_linked_record_is_not_appended_to(
    store: Store, environment: Environment, tmp_path: Path
) -> None:
    """Where a tree has a row of its own, its RECORD becomes its own; the others' stays as it is."""
    wheel, target = store.wheel("foo"), environment.target
    staging = Staging(mode=LinkMode.HARDLINK, constants=store.stager.constants)
    shape = Shape.of(target, requested=False)
    for name in "ab":
        prepare(wheel, shape, str(tmp_path / name), staging=staging)
    records = [tmp_path / name / "dist-info/foo-1.0.dist-info/RECORD" for name in "ab"]
    assert os.path.samefile(*records)
    before = records[1].read_text()

    marks = Marks(requested=False, direct_url='{"url":"file:///foo"}')
    complete(wheel, target, str(tmp_path / "a"), staging=staging, marks=marks)

    assert records[1].read_text() == before
    rows = {row.path for row in parse_record(records[0].read_text())}
    assert rows == {row.path for row in parse_record(before)} | {
        "foo-1.0.dist-info/direct_url.json"
    }
    assert records[0].stat().st_mode == records[1].stat().st_mode
