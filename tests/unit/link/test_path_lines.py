"""Lines of easy-install.pth go and come back, and the file is never half there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from linkd.core.installed import Form, InstalledDistribution
from linkd.link.beneath import Beneath
from linkd.link.path_lines import PathLines
from linkd.link.rename import KernelRename

SITE = "lib/site-packages"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "env" / SITE
    site.mkdir(parents=True)
    return site


@pytest.fixture
def lines(tmp_path: Path, site: Path) -> Iterator[PathLines]:
    prefix = tmp_path / "env"
    (tmp_path / "workspace").mkdir()
    descriptor = os.open(prefix, os.O_RDONLY)
    yield PathLines(Beneath(str(prefix), descriptor, KernelRename()), str(tmp_path / "workspace"))
    os.close(descriptor)


def entry(site: Path, names: str) -> InstalledDistribution:
    return InstalledDistribution(
        name=canonicalize_name("foo"),
        version=Version("1"),
        location=str(site),
        dist_info="foo.egg",
        form=Form.EGG,
        path_entry=names,
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import sys; x\n./foo.egg\n/src/other\n", "import sys; x\n/src/other\n"),
        ("/src/other\n./foo.egg", "/src/other\n"),
        ("{site}/foo.egg\n./foo.egg\r\n# foo.egg\n", "# foo.egg\n"),
        ("./foo.egg2\n", "./foo.egg2\n"),
    ],
)
def test_a_line_goes_and_comes_back(lines: PathLines, site: Path, before: str, after: str) -> None:
    """Exactly the lines that name it go, however they are written; undone, they are there again."""
    pth = site / "easy-install.pth"
    text = before.format(site=site)
    pth.write_bytes(text.encode())
    pth.chmod(0o640)
    lines.take_out(entry(site, "./foo.egg"))
    assert pth.read_bytes().decode() == after
    assert pth.stat().st_mode & 0o777 == 0o640
    assert lines.put_back() == ()
    assert pth.read_bytes().decode().splitlines() == text.splitlines()


def test_an_open_file_stays_whole(lines: PathLines, site: Path) -> None:
    """Whoever reads the file meanwhile reads the old one to its end: it is replaced, not written."""
    pth = site / "easy-install.pth"
    pth.write_text("./foo.egg\n/other\n")
    with pth.open() as reader:
        lines.take_out(entry(site, "./foo.egg"))
        assert reader.read() == "./foo.egg\n/other\n"


def test_an_empty_file_goes(lines: PathLines, site: Path) -> None:
    """With its last line the file goes, and comes back with it."""
    pth = site / "easy-install.pth"
    pth.write_text("/src/foo\n")
    lines.take_out(entry(site, "/src/foo"))
    assert not pth.exists()
    assert lines.put_back() == ()
    assert pth.read_text() == "/src/foo\n"


def test_what_others_did_meanwhile_stays(lines: PathLines, site: Path) -> None:
    """Only the line itself is put back: what another took out or added stays so."""
    pth = site / "easy-install.pth"
    pth.write_text("/a\n/b\n/src/foo\n")
    lines.take_out(entry(site, "/src/foo"))
    pth.write_text("/b\n/new")
    assert lines.put_back() == ()
    assert pth.read_text() == "/b\n/new\n/src/foo\n"


def test_nothing_to_take(lines: PathLines, site: Path) -> None:
    """Without the file, or without a line in it, nothing happens."""
    lines.take_out(entry(site, "./foo.egg"))
    assert lines.put_back() == ()
    assert list(site.iterdir()) == []


def test_a_link_is_not_followed(lines: PathLines, site: Path, tmp_path: Path) -> None:
    """A file that leads elsewhere is refused, and what it leads to is left alone."""
    (tmp_path / "elsewhere").write_text("./foo.egg\n")
    (site / "easy-install.pth").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"easy-install\.pth"):
        lines.take_out(entry(site, "./foo.egg"))
    assert (tmp_path / "elsewhere").read_text() == "./foo.egg\n"
