"""What an environment holds is read from its dist-info folders, whatever else lies there."""

import json
import os
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from linkd.core.installed import Form, InstalledDistribution, RecordRow
from linkd.core.target import Interpreter, Scheme, Target
from linkd.errors import NoRecord, NotAnEnvironment, NotInstalled
from linkd.venv.installed import read_details, read_installed, read_metadata, read_record
from linkd.venv.probe import Prober
from tests.unit.venv.environments import Memory, ask

INTERPRETER = Interpreter(
    executable=sys.executable,
    implementation="cpython",
    version="3.11.0",
    cache_tag="cpython-311",
    markers={},
    tags=(),
    scheme={},
)


def make_target(purelib: Path, platlib: Path | None = None) -> Target:
    purelib.mkdir(exist_ok=True)
    status = purelib.stat()
    root = purelib.parent
    return Target(
        prefix=root,
        python=root / "bin" / "python",
        interpreter=INTERPRETER,
        scheme=Scheme(
            purelib=purelib,
            platlib=platlib or purelib,
            headers=root / "include",
            scripts=root / "bin",
            data=root,
        ),
        identity=(status.st_dev, status.st_ino),
    )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    site.mkdir()
    return site


def add(site: Path, folder: str, metadata: str | bytes | None = "", **files: str | bytes) -> Path:
    dist_info = site / folder
    dist_info.mkdir(parents=True)
    if metadata is not None:
        files["METADATA"] = metadata
    for name, content in files.items():
        path = dist_info / name.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return dist_info


def versions(target: Target) -> dict[str, str]:
    return {str(name): str(dist.version) for name, dist in read_installed(target).items()}


def make_dist(site: Path, folder: str, form: Form = Form.DIST_INFO) -> InstalledDistribution:
    return InstalledDistribution(
        name=canonicalize_name("foo"),
        version=Version("1.0"),
        location=str(site),
        dist_info=folder,
        form=form,
    )


async def test_what_is_installed_here_is_what_python_says() -> None:
    """For the environment of these tests the answer is that of importlib.metadata."""
    code = (
        "import importlib.metadata as m, json\n"
        "print(json.dumps([(d.metadata['Name'], d.version) for d in m.distributions()]))"
    )
    pairs = json.loads(ask(sys.executable, code, "-I"))
    target = await Prober(Memory()).probe(sys.executable)
    assert versions(target) == {
        canonicalize_name(name): str(Version(version)) for name, version in pairs
    }


def test_name_and_version_come_from_the_folder(site: Path) -> None:
    """A folder's name is enough: its METADATA is not read, and the name is normalized."""
    add(site, "Foo_Bar.baz-1.0rc1.dist-info", metadata=b"\xff not metadata")
    dist = InstalledDistribution(
        name=canonicalize_name("foo-bar-baz"),
        version=Version("1.0rc1"),
        location=str(site),
        dist_info="Foo_Bar.baz-1.0rc1.dist-info",
    )
    assert read_installed(make_target(site)) == {dist.name: dist}


@pytest.mark.parametrize(
    "folder", ["foo-bar-1.0.dist-info", "foo.dist-info", "foo-x.dist-info", "foö-1.0.dist-info"]
)
def test_metadata_tells_where_the_folder_does_not(site: Path, folder: str) -> None:
    """Where the folder's name cannot be split for sure, METADATA has name and version."""
    add(site, folder, metadata="Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0\n\nName: no\n")
    assert versions(make_target(site)) == {"foo-bar": "1.0"}


@pytest.mark.parametrize(
    "metadata",
    [None, "", b"\xff\xfe", "Name: foo\n", "Name: foo\nVersion: x\n", "Name: ../foo\nVersion: 1\n"],
)
def test_what_tells_nothing_is_left_out(site: Path, metadata: str | bytes | None) -> None:
    """A folder from which no name and version can be had is no distribution."""
    add(site, "foo.dist-info", metadata=metadata)
    assert versions(make_target(site)) == {}


def test_half_installed_is_left_out(site: Path) -> None:
    """A dist-info with neither METADATA nor RECORD was never finished, or is being removed."""
    add(site, "foo-1.0.dist-info", metadata=None, note="")
    (add(site, "bar-1.0.dist-info", metadata=None) / "METADATA").mkdir()
    assert versions(make_target(site)) == {}


def test_without_metadata_a_record_lists(site: Path) -> None:
    """A dist-info that has RECORD is an installation, though it lacks METADATA; it satisfies nothing."""
    add(site, "foo-1.0.dist-info", metadata=None, RECORD="")
    add(site, "bar-2.0.dist-info", metadata=None, RECORD="")
    add(site, "bar-1.0.dist-info")
    found = {str(name): dist for name, dist in read_installed(make_target(site)).items()}
    assert {name: dist.is_whole for name, dist in found.items()} == {"foo": False, "bar": False}
    assert found["bar"].is_complete
    assert [str(other.version) for other in found["bar"].others] == ["2.0"]


def test_what_is_not_a_folder_is_left_out(site: Path, tmp_path: Path) -> None:
    """Files and links of such a name, and folders that pip puts aside, are no distributions."""
    elsewhere = add(tmp_path, "foo-1.0.dist-info")
    (site / "foo-1.0.dist-info").symlink_to(elsewhere)
    (site / "loop-1.0.dist-info").symlink_to("loop-1.0.dist-info")
    (site / "bar-1.0.dist-info").write_text("")
    add(site, "~umpy-1.0.dist-info", metadata="Name: numpy\nVersion: 1.0\n")
    assert versions(make_target(site)) == {}


def test_names_that_are_not_utf8_are_left_out(site: Path) -> None:
    """A folder's name that is no text harms nobody."""
    folder = os.path.join(os.fsencode(site), b"\xff-1.0.dist-info")
    os.mkdir(folder)
    with open(folder + b"/METADATA", "wb") as file:
        file.write(b"Name: foo\nVersion: 1.0\n")
    assert versions(make_target(site)) == {}


def test_a_pipe_for_metadata_is_left_out(site: Path) -> None:
    """Nothing waits for what somebody might write into a pipe."""
    os.mkfifo(add(site, "foo.dist-info", metadata=None) / "METADATA")
    assert versions(make_target(site)) == {}


def test_both_folders_are_read(site: Path, tmp_path: Path) -> None:
    """Purelib and platlib are read where they differ; purelib goes before."""
    platlib = tmp_path / "platlib"
    add(site, "foo-1.0.dist-info")
    add(platlib, "foo-2.0.dist-info")
    add(platlib, "bar-1.0.dist-info")
    target = make_target(site, platlib)
    assert versions(target) == {"foo": "1.0", "bar": "1.0"}
    foo = read_installed(target)[canonicalize_name("foo")]
    assert [one.location for one in foo.installations] == [str(site), str(platlib)]


def test_a_missing_platlib_is_empty(site: Path, tmp_path: Path) -> None:
    """A platlib that nothing was installed into yet holds nothing."""
    add(site, "foo-1.0.dist-info")
    assert versions(make_target(site, tmp_path / "none")) == {"foo": "1.0"}


def test_of_two_versions_the_newer_counts(site: Path) -> None:
    """Of several folders of one name, which others left, the newest counts; none is forgotten."""
    for version in ("1.9", "1.10", "1.2"):
        add(site, f"foo-{version}.dist-info")
    (site / "foo-3.egg-info").write_text("")
    [foo] = read_installed(make_target(site)).values()
    assert [str(one.version) for one in foo.installations] == ["1.10", "1.9", "1.2", "3"]


def test_older_forms_are_listed(site: Path) -> None:
    """What setuptools and distutils installed in their own forms is listed."""
    (site / "foo-1.0-py3.11.egg-info").write_text("Name: foo\nVersion: 1.0\n")
    folder = site / "bar.egg-info"
    folder.mkdir()
    (folder / "PKG-INFO").write_text("Name: bar\nVersion: 2.0\n")
    assert versions(make_target(site)) == {"foo": "1.0", "bar": "2.0"}


def test_development_links_are_listed(site: Path, tmp_path: Path) -> None:
    """A link to a project's source is listed with the version that lies there."""
    source = tmp_path / "source"
    (source / "my_project.egg-info").mkdir(parents=True)
    (source / "my_project.egg-info" / "PKG-INFO").write_text("Name: my-project\nVersion: 3.0\n")
    (site / "my-project.egg-link").write_text(f"{source}\n.\n")
    (site / "broken.egg-link").write_bytes(b"\xff\0\n")
    (site / "gone.egg-link").write_text("/nowhere\n.\n")
    [project] = read_installed(make_target(site)).values()
    assert (project.name, project.version) == ("my-project", Version("3.0"))
    assert (project.location, project.dist_info) == (str(site), "my-project.egg-link")
    assert read_metadata(project) == b"Name: my-project\nVersion: 3.0\n"
    details = read_details(project)
    assert details.direct_url is not None
    assert details.direct_url.to_dict() == {
        "url": source.as_uri(),
        "dir_info": {"editable": True},
    }


def test_unreadable_site_packages_are_told(tmp_path: Path) -> None:
    """Site-packages that cannot be listed are an error, not an empty environment."""
    target = make_target(tmp_path / "site")
    (tmp_path / "site").rmdir()
    (tmp_path / "site").write_text("")
    with pytest.raises(NotAnEnvironment, match="site cannot be read: Not a directory"):
        read_installed(target)


def test_details_are_read(site: Path) -> None:
    """Installer, request and direct URL are what dist-info says."""
    add(
        site,
        "foo-1.0.dist-info",
        INSTALLER="linkd\n",
        REQUESTED="",
        direct_url__json='{"url": "file:///src/foo", "dir_info": {"editable": true}}',
    )
    details = read_details(make_dist(site, "foo-1.0.dist-info"))
    assert (details.installer, details.requested) == ("linkd", True)
    assert details.direct_url is not None
    assert details.direct_url.to_dict() == {
        "url": "file:///src/foo",
        "dir_info": {"editable": True},
    }


@pytest.mark.parametrize("content", ["", "[]", "null", "{", '{"url": 1}', b"\xff", "[" * 100_000])
def test_details_that_cannot_be_read_are_left_out(site: Path, content: str | bytes) -> None:
    """Missing or broken details are no details, never a failure."""
    add(site, "foo-1.0.dist-info", INSTALLER=b"\xff", direct_url__json=content)
    plain = make_dist(site, "foo-1.0.dist-info")
    assert read_details(plain) == plain


def test_a_record_is_read(site: Path) -> None:
    """RECORD's rows are had in their order."""
    add(site, "foo-1.0.dist-info", RECORD="foo.py,,3\n../../../bin/foo,,\n")
    assert read_record(make_dist(site, "foo-1.0.dist-info")) == (
        RecordRow(path="foo.py", size=3),
        RecordRow(path="../../../bin/foo"),
    )


@pytest.mark.parametrize("content", [b"\xff,,\n", b"a,b\n", b"a,,x\n"])
def test_a_record_that_cannot_be_read_is_none(site: Path, content: bytes) -> None:
    """A RECORD that cannot be understood says nothing of the distribution's files."""
    folder = add(site, "foo-1.0.dist-info", RECORD=content)
    with pytest.raises(NoRecord) as caught:
        read_record(make_dist(site, "foo-1.0.dist-info"))
    assert (caught.value.name, caught.value.path) == ("foo", str(folder / "RECORD"))


def test_a_missing_record_is_none(site: Path) -> None:
    """Without RECORD nobody knows the distribution's files; a pipe is no RECORD."""
    folder = add(site, "foo-1.0.dist-info")
    with pytest.raises(NoRecord):
        read_record(make_dist(site, "foo-1.0.dist-info"))
    os.mkfifo(folder / "RECORD")
    with pytest.raises(NoRecord):
        read_record(make_dist(site, "foo-1.0.dist-info"))


def test_metadata_is_had_as_it_lies_there(site: Path) -> None:
    """Core metadata comes byte by byte, from older forms too."""
    add(site, "foo-1.0.dist-info", metadata=b"Name: foo\r\n\xff")
    (site / "foo-1.0.egg-info").write_bytes(b"Name: foo")
    assert read_metadata(make_dist(site, "foo-1.0.dist-info")) == b"Name: foo\r\n\xff"
    assert read_metadata(make_dist(site, "foo-1.0.egg-info", Form.DISTUTILS)) == b"Name: foo"


def test_metadata_that_is_gone_is_not_installed(site: Path) -> None:
    """A distribution that went meanwhile is not installed."""
    with pytest.raises(NotInstalled):
        read_metadata(make_dist(site, "foo-1.0.dist-info"))


def test_metadata_that_cannot_be_read_is_told(site: Path) -> None:
    """Metadata that is something else than a file is an error with its path."""
    (add(site, "foo-1.0.dist-info", metadata=None) / "METADATA").mkdir()
    with pytest.raises(NotAnEnvironment, match="METADATA cannot be read"):
        read_metadata(make_dist(site, "foo-1.0.dist-info"))
