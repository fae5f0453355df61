"""The forms of installing that were there before dist-info are read for what pip takes them for."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from linkd.core.installed import Form, InstalledDistribution
from linkd.venv.eggs import read_legacy, read_legacy_metadata

SCRIPTS = "/env/bin"
PKG_INFO = "Metadata-Version: 1.0\nName: foo\nVersion: 1.0\n"
ENTRY_POINTS = "[console_scripts]\nfoo = foo:main\n[gui_scripts]\nfoo-gui = foo:main\n"


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def zipped(path: Path, files: Mapping[str, str]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def read(folder: Path, name: str) -> InstalledDistribution:
    found = read_legacy(name, str(folder), SCRIPTS)
    assert found is not None
    return found


def test_installed_files(tmp_path: Path) -> None:
    """An egg-info folder's installed-files.txt is relative to the folder itself."""
    files = "../foo/__init__.py\nPKG-INFO\n../../../../bin/foo\n/elsewhere/x\n\n"
    name = "foo-1.0-py3.11.egg-info"
    write(tmp_path / name, {"PKG-INFO": "", "installed-files.txt": files})
    found = read(tmp_path, name)
    assert found.form is Form.EGG_INFO
    assert found.claims == (
        "foo/__init__.py", f"{name}/PKG-INFO", "../../../bin/foo", "/elsewhere/x",
    )  # fmt: skip


def test_top_levels(tmp_path: Path) -> None:
    """Without a list of files its are the packages or modules that it names, and its scripts."""
    metadata = {"PKG-INFO": PKG_INFO, "top_level.txt": "foo\n_foo\n"}
    scripts = {"entry_points.txt": ENTRY_POINTS, "scripts/old": "", "scripts/python3": ""}
    write(tmp_path / "foo.egg-info", metadata | scripts)
    claims = read(tmp_path, "foo.egg-info").claims
    modules = [f"{top}{end}" for top in ("_foo", "foo") for end in ("", ".py", ".pyc", ".pyo")]
    assert claims == (*modules, *(f"{SCRIPTS}/{name}" for name in ("foo", "foo-gui", "old")))


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"top_level.txt": "\n"},
        {"top_level.txt": "foo\n.\n"},
        {"top_level.txt": "foo/../..\n"},
        {"top_level.txt": "/etc\n"},
        {"top_level.txt": "space\nfoo\n", "namespace_packages.txt": "space\nspace.inner\n"},
    ],
)
def test_nobody_can_know(tmp_path: Path, files: Mapping[str, str]) -> None:
    """Nothing that names its files, what climbs, or a shared namespace leaves them unknown."""
    write(tmp_path / "foo.egg-info", {"PKG-INFO": PKG_INFO, **files})
    assert read(tmp_path, "foo.egg-info").claims is None


def test_distutils(tmp_path: Path) -> None:
    """A single file is distutils', and its files are unknown; it may even be empty."""
    (tmp_path / "foo-1.0-py3.11.egg-info").write_text("")
    found = read(tmp_path, "foo-1.0-py3.11.egg-info")
    assert (found.form, found.claims) == (Form.DISTUTILS, None)


@pytest.mark.parametrize("write_egg", [write, zipped])
def test_an_egg(tmp_path: Path, write_egg: object) -> None:
    """An egg is read alike as a folder and as an archive."""
    name = "Foo_Bar-1.0-py3.11-linux-x86_64.egg"
    files = {"PKG-INFO": PKG_INFO, "entry_points.txt": ENTRY_POINTS, "scripts/old": ""}
    contents = {f"EGG-INFO/{file}": content for file, content in files.items()}
    assert callable(write_egg)
    write_egg(tmp_path / name, {**contents, "foo/__init__.py": ""})
    found = read(tmp_path, name)
    assert (found.name, str(found.version), found.form) == ("foo-bar", "1.0", Form.EGG)
    assert found.claims == (f"{SCRIPTS}/foo", f"{SCRIPTS}/foo-gui", f"{SCRIPTS}/old")
    assert found.path_entry == f"./{name}"
    assert read_legacy_metadata(found) == PKG_INFO.encode()


def test_an_egg_link(tmp_path: Path) -> None:
    """An egg-link has its metadata in the source, and its line in easy-install.pth names that."""
    source = tmp_path / "project" / "src"
    write(source / "foo.egg-info", {"PKG-INFO": PKG_INFO, "entry_points.txt": ENTRY_POINTS})
    (tmp_path / "Foo.egg-link").write_text(f"{source}\n../")
    found = read(tmp_path, "Foo.egg-link")
    assert (found.name, str(found.version), found.form) == ("foo", "1.0", Form.EGG_LINK)
    assert (found.path_entry, found.metadata) == (str(source), f"{source}/foo.egg-info")
    assert found.claims == (f"{SCRIPTS}/foo", f"{SCRIPTS}/foo-gui")


@pytest.mark.parametrize("name", ["foo.egg-info", "foo-1.0.egg", "foo.egg-link"])
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"PK\x05\x06", b"../x\n"])
def test_what_cannot_be_read_is_left_out(tmp_path: Path, name: str, content: bytes | None) -> None:
    """A name alone, or rubbish under it, is no distribution."""
    if content is None:
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(content)
    assert read_legacy(name, str(tmp_path), SCRIPTS) is None


def test_requires(tmp_path: Path) -> None:
    """What requires.txt says counts as Requires-Dist, extras and markers too."""
    requires = (
        "lib>=1\nold; python_version < '3'\n\n[x]\nplug\n\n"
        "[:sys_platform == 'linux']\nlin\n\n[y:os_name == 'posix']\nboth\n"
    )
    info = {"PKG-INFO": f"{PKG_INFO}\nAbout it.\n", "requires.txt": requires}
    write(tmp_path / "foo.egg-info", info)
    head, _, body = read_legacy_metadata(read(tmp_path, "foo.egg-info")).decode().partition("\n\n")
    assert body == "About it.\n"
    assert head.splitlines()[3:] == [
        "Requires-Dist: lib>=1",
        "Requires-Dist: old ; (python_version < '3')",
        'Requires-Dist: plug ; extra == "x"',
        "Requires-Dist: lin ; (sys_platform == 'linux')",
        "Requires-Dist: both ; (os_name == 'posix') and extra == \"y\"",
        "Provides-Extra: x",
        "Provides-Extra: y",
    ]


def test_requires_dist_goes_before(tmp_path: Path) -> None:
    """PKG-INFO's own Requires-Dist is the word that counts."""
    content = f"{PKG_INFO}Requires-Dist: lib\n"
    write(tmp_path / "foo.egg-info", {"PKG-INFO": content, "requires.txt": "other\n"})
    assert read_legacy_metadata(read(tmp_path, "foo.egg-info")) == content.encode()
