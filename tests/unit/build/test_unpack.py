import stat
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from linkd.build.unpack import read_pkg_info, unpack_source
from linkd.errors import SourceUnsafe
from tests.support.sources import Project, make_tar


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def unpack(archive: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir(parents=True)
    return Path(unpack_source(str(archive), archive.name, str(folder), threading.Event()))


def test_project_folder(tmp_path: Path) -> None:
    """An sdist's one folder is the project's."""
    project = unpack(Project(name="app").sdist(tmp_path), tmp_path)

    assert project == tmp_path / "folder" / "app-1.0"
    assert (project / "pyproject.toml").is_file()


def test_without_folder(tmp_path: Path) -> None:
    """An archive with several things at its top is itself the project's folder."""
    archive = make_tar(tmp_path / "a.tar.gz", {"setup.py": b"", "a.py": b""})

    assert unpack(archive, tmp_path) == tmp_path / "folder"


def test_links_within(tmp_path: Path) -> None:
    """Links that stay in the archive are made."""
    archive = make_tar(tmp_path / "a.tar.gz", {"a/x": b"1", "soft": link("a/y", "x"), "b": b""})

    assert (unpack(archive, tmp_path) / "a" / "y").read_text() == "1"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"../evil": b""}, "not within"),
        ({"a/../../evil": b""}, "not within"),
        ({"/evil": b""}, "not within"),
        ({"l": link("a/l", "../../evil")}, "leads out"),
        ({"l": link("a/l", "/etc/passwd")}, "leads out"),
        ({"l": link("l", "../evil", tarfile.LNKTYPE)}, "leads out"),
        ({"l": link("a/l", "."), "a/l/x": b""}, "behind the link"),
        ({"a/l/x": b"", "l": link("a/l", "b")}, "takes the place"),
        ({"l": link("a/l", "b"), "a/l": b""}, "twice"),
        ({"d": link("a/null", "", tarfile.CHRTYPE)}, "cannot be unpacked"),
    ],
)
def test_hostile(members: dict[str, bytes | tarfile.TarInfo], reason: str, tmp_path: Path) -> None:
    """What would write elsewhere is refused, and nothing is written there."""
    archive = make_tar(tmp_path / "a.tar.gz", members)

    with pytest.raises(SourceUnsafe) as caught:
        unpack(archive, tmp_path)

    assert reason in caught.value.reason
    assert not (tmp_path / "evil").exists()


def test_hostile_zip(tmp_path: Path) -> None:
    """A zip's names are held to the same, and links in one are refused."""
    escaping, linking = tmp_path / "a.zip", tmp_path / "b.zip"
    with zipfile.ZipFile(escaping, "w") as archive:
        archive.writestr("../evil", "")
    with zipfile.ZipFile(linking, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")

    for path, reason in ((escaping, "not within"), (linking, "is a link")):
        with pytest.raises(SourceUnsafe, match=reason):
            unpack(path, tmp_path / path.stem)


def test_zip(tmp_path: Path) -> None:
    """A zip is unpacked too, with its executable files."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("a-1/run.sh")
        info.create_system, info.external_attr = 3, (stat.S_IFREG | 0o755) << 16
        archive.writestr(info, "x")

    project = unpack(path, tmp_path)

    assert stat.S_IMODE((project / "run.sh").stat().st_mode) == 0o755


def test_no_archive(tmp_path: Path) -> None:
    """What is no archive is refused as such."""
    path = tmp_path / "a.tar.gz"
    path.write_bytes(b"nothing")

    with pytest.raises(SourceUnsafe, match="cannot be unpacked"):
        unpack(path, tmp_path)


def test_pkg_info(tmp_path: Path) -> None:
    """PKG-INFO of the top folder is read without unpacking."""
    archive = Project(name="app").sdist(tmp_path)

    assert b"Name: app" in (read_pkg_info(str(archive), archive.name) or b"")
