import os
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from linkd.errors import IndexUnavailable
from linkd.fetch.folders import belongs_to, read_folder, read_index, read_index_project, read_place
from tests.support.wheels import make_wheel


@pytest.mark.parametrize(
    ("filename", "project", "expected"),
    [
        ("Foo_Bar-1.0-py3-none-any.whl", "foo-bar", True),
        ("foo.bar-1.0-py3-none-any.whl", "foo-bar", True),
        ("foo_bar-1.0-py3-none-any.whl", "foo", False),
        ("foo_bar-1.0.tar.gz", "foo-bar", True),
        ("foo-bar-1.0.zip", "foo-bar", True),
        ("foo-bar-1.0.tar.gz", "foo", False),
        ("foo-bar.tar.gz", "foo", False),
        ("Foo--Bar-1.0.post1.tar.gz", "foo-bar", True),
        ("foo-2-1.0.tar.gz", "foo-2", True),
        ("foo.tar.gz", "foo", False),
    ],
)
def test_whose_a_file_is(filename: str, project: str, expected: bool) -> None:
    """A wheel's first part, or what goes before an archive's version, is the project's name."""
    assert belongs_to(filename, canonicalize_name(project)) == expected


def test_a_folder_lists_its_archives_sorted(tmp_path: Path) -> None:
    """Wheels and source archives, with size and file URL; nothing else, and no folders."""
    wheel = make_wheel(tmp_path, "foo", "2.0")
    (tmp_path / "bar 1.tar.gz").write_bytes(b"x")
    (tmp_path / "notes.txt").write_bytes(b"")
    (tmp_path / "dir.whl").mkdir()
    (tmp_path / "gone.whl").symlink_to("nowhere")
    folder = read_folder(str(tmp_path))
    assert folder is not None
    assert [(file.filename, file.size) for file in folder.files] == [
        ("bar 1.tar.gz", 1),
        (wheel.name, wheel.stat().st_size),
    ]
    assert folder.files[0].url == f"file://{tmp_path}/bar%201.tar.gz"


def test_an_unchanged_folder_is_the_same_object(tmp_path: Path) -> None:
    """A second look gives what the first one gave, until an archive comes or is replaced."""
    wheel = make_wheel(tmp_path, "foo")
    first = read_folder(str(tmp_path))
    assert read_folder(str(tmp_path), first) is first
    wheel.write_bytes(wheel.read_bytes() + b"x")
    second = read_folder(str(tmp_path), first)
    assert second is not first
    make_wheel(tmp_path, "bar")
    third = read_folder(str(tmp_path), second)
    assert third is not None
    assert len(third.files) == 2


def test_what_is_no_folder_is_none(tmp_path: Path) -> None:
    """A missing place, and a file, have no listing."""
    (tmp_path / "file").write_bytes(b"")
    assert [read_folder(str(tmp_path / name)) for name in ("none", "file")] == [None, None]
    assert read_place(str(tmp_path / "none.html")) is None


def test_a_page_on_the_disk(tmp_path: Path) -> None:
    """A find-links place that ends in .html is read as a page."""
    (tmp_path / "links.html").write_text('<a href="foo-1.0-py3-none-any.whl#sha256=ab">foo</a>')
    page = read_place(str(tmp_path / "links.html"))
    assert page is not None
    assert [(file.url, file.sha256) for file in page.files] == [
        (f"file://{tmp_path}/foo-1.0-py3-none-any.whl", "ab")
    ]


def test_an_index_on_the_disk(tmp_path: Path) -> None:
    """A project is a page in its folder, or the folder's files, or files of the index itself."""
    make_wheel(tmp_path / "paged", "paged")
    page = '<a href="paged-3-py3-none-any.whl">x</a>'
    (tmp_path / "paged" / "index.html").write_text(page)
    make_wheel(tmp_path / "filed", "filed", "2")
    make_wheel(tmp_path, "flat", "1")
    index = read_index(str(tmp_path))
    found = {
        name: read_index_project(str(tmp_path), canonicalize_name(name)) or index.flat
        for name in ("paged", "filed", "flat")
    }
    assert {name: [f.filename for f in folder.files] for name, folder in found.items()} == {
        "paged": ["paged-3-py3-none-any.whl"],
        "filed": ["filed-2-py3-none-any.whl"],
        "flat": ["flat-1-py3-none-any.whl"],
    }
    assert index.names == {"paged", "filed"}


def test_a_page_that_is_a_pipe(tmp_path: Path) -> None:
    """A page that is no file cannot be read; nobody waits for a pipe's other end."""
    os.mkfifo(tmp_path / "index.html")

    with pytest.raises(IndexUnavailable):
        read_place(str(tmp_path / "index.html"))
