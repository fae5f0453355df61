"""Which paths a distribution has, from its manifest and from its RECORD."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from linkd.core.installed import InstalledDistribution
from linkd.core.target import Scheme, SchemeKey
from linkd.errors import NoRecord, NotAnEnvironment
from linkd.link.footprint import (
    RecordedFootprint,
    Roots,
    StayingFootprint,
    WheelFootprint,
    shared_paths,
)
from tests.support.stored import SITE, VERSION, Environment, Store, make_target


def recorded(environment: Environment, record: str) -> RecordedFootprint:
    (environment.site / "foo-1.dist-info").mkdir()
    (environment.site / "foo-1.dist-info/RECORD").write_text(record)
    return RecordedFootprint(
        installed(environment), environment.target, Roots.of(environment.target)
    )


def installed(environment: Environment) -> InstalledDistribution:
    return InstalledDistribution(
        name=canonicalize_name("foo"),
        version=Version("1"),
        location=str(environment.site),
        dist_info="foo-1.dist-info",
    )


@pytest.mark.parametrize(
    ("path", "top"),
    [
        (f"{SITE}/foo/a/b.py", f"{SITE}/foo"),
        (f"{SITE}/foo.py", f"{SITE}/foo.py"),
        ("bin/foo", "bin/foo"),
        ("share/doc/foo", "share"),
        ("lib/foo.so", "lib/foo.so"),
        (f"lib/{VERSION}/foo/bar", f"lib/{VERSION}/foo"),
        ("include/foo/x.h", "include/foo"),
        ("foo", "foo"),
    ],
)
def test_top_of(environment: Environment, path: str, top: str) -> None:
    """A path's top is the outermost name that is not one of the scheme's own folders."""
    assert Roots.of(environment.target).top_of(path) == top


def test_one_top_for_one_path(store: Store, environment: Environment) -> None:
    """A wheel and its RECORD have the same paths and tops, whatever scheme a file came by."""
    files = {"foo/__init__.py": "", "foo/a,b.py": "", ".hidden/x": "", "one.py": ""}
    data = {f"data/{SITE}/foo/by_data.py": "", "data/lib/x.so": "", "headers/foo.h": ""}
    wheel = store.wheel(
        "foo", files=files, data=data, entry_points="[console_scripts]\nfoo = foo:main\n"
    )
    roots = Roots.of(environment.target)
    coming = WheelFootprint(wheel.manifest, roots)
    environment.change(wheel)
    (present,) = environment.installed().values()
    there = RecordedFootprint(present, environment.target, roots)

    assert coming.paths.keys() == there.paths.keys()
    assert coming.tops == there.tops
    assert coming.tops == {roots.top_of(path) for path in coming.paths}
    assert f"{SITE}/foo" in coming.tops


@pytest.mark.parametrize(
    "row",
    ["../../../..", "/etc/passwd", "..", "../../..", ".", "../../../../x", "", "../../../bin",
     "a/../../../../../x", "//etc/passwd", "bar-1.0.dist-info/RECORD", "Bar.egg-info/PKG-INFO"],
)  # fmt: skip
def test_rows_that_lead_out(environment: Environment, row: str) -> None:
    """Rows that lead out of the prefix, name a folder of the scheme, or are another's, are left out."""
    footprint = recorded(environment, f"foo.py,,\n{row},,\n" if row else "foo.py,,\n\n")

    assert footprint.paths.keys() == {f"{SITE}/foo.py"}
    assert footprint.tops == {f"{SITE}/foo.py"}


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ("a/../b/c.py", f"{SITE}/b/c.py"),
        ("./a/c.py", f"{SITE}/a/c.py"),
        ("a//c.py", f"{SITE}/a/c.py"),
        ('"a,b/c.py"', f"{SITE}/a,b/c.py"),
        ('"a\nb/c.py"', f"{SITE}/a\nb/c.py"),
        ("../../../bin/x", "bin/x"),
        ("{prefix}/bin/x", "bin/x"),
    ],
)
def test_rows_written_otherwise(environment: Environment, row: str, path: str) -> None:
    """A path is known by where it leads, however it is written; its top fits it."""
    footprint = recorded(environment, row.format(prefix=environment.target.prefix) + ",,\n")

    assert footprint.paths.keys() == {path}
    assert Roots.of(environment.target).top_of(path) in footprint.tops


@pytest.mark.parametrize(
    "path",
    [
        *("pyvenv.cfg", ".lock", ".gitignore", "CACHEDIR.TAG", "bin/python", "bin/python3"),
        *("bin/python3.11", "bin/pythonw", "bin/pypy", "bin/pypy3.10", "bin/activate"),
        *("bin/activate.bat", "bin/activate.csh", "bin/activate.fish", "bin/activate.nu"),
        *("bin/activate.ps1", "bin/Activate.ps1", "bin/activate_this.py", "bin/activate.xsh"),
        *("bin/deactivate.bat", "bin/deactivate.nu", "bin/pydoc.bat"),
    ],
)
def test_the_environments_own_files(environment: Environment, path: str) -> None:
    """Rows that name what came with the environment itself are left out, however they are written."""
    prefix = environment.target.prefix
    footprint = recorded(environment, f"foo.py,,\n../../../{path},,\n{prefix}/{path},,\n")

    assert footprint.paths.keys() == {f"{SITE}/foo.py"}
    assert footprint.tops == {f"{SITE}/foo.py"}


@pytest.mark.parametrize(
    "path",
    [
        *("bin/activate-global-python-argcomplete", "bin/pypyr", "bin/python-argcomplete-check"),
        *("bin/pyvenv.cfg", "share/pyvenv.cfg", "share/bin/python", f"{SITE}/activate"),
        *(f"{SITE}/.gitignore", f"{SITE}/python"),
    ],
)
def test_what_only_looks_like_them(environment: Environment, path: str) -> None:
    """Real scripts whose names begin alike, and like names elsewhere, are the distribution's."""
    footprint = recorded(environment, f"../../../{path},,\n")

    assert footprint.paths.keys() == {path}


def flat(folder: Path, record: str) -> RecordedFootprint:
    """Of a distribution in a folder that is itself site-packages."""
    target = make_target(folder)
    scheme = Scheme(
        purelib=folder,
        platlib=folder,
        headers=folder / "include",
        scripts=folder / "bin",
        data=folder,
    )
    target = replace(target, scheme=scheme)
    distribution = InstalledDistribution(
        name=canonicalize_name("foo"),
        version=Version("1"),
        location=str(folder),
        dist_info="foo-1.dist-info",
    )
    (folder / "foo-1.dist-info").mkdir()
    (folder / "foo-1.dist-info/RECORD").write_text(record)
    return RecordedFootprint(distribution, target, Roots.of(target))


def test_a_flat_folder(tmp_path: Path) -> None:
    """Where site-packages is the prefix, its own dist-info is no top, and nothing leads out."""
    record = "foo/a.py,,\nbin/foo,,\nfoo-1.dist-info/RECORD,,\n../out.py,,\n"
    footprint = flat(tmp_path, record)

    assert footprint.paths.keys() == {"foo/a.py", "bin/foo"}
    assert footprint.tops == {"foo", "bin/foo"}


def test_pips_detour(tmp_path: Path) -> None:
    """pip's record of a target names scripts and data from where they were before they were moved."""
    footprint = flat(tmp_path, "foo.py,,\n../../bin/foo,,\n../../share/x,,\n../../../out,,\n")

    assert footprint.paths.keys() == {"foo.py", "bin/foo", "share/x"}
    assert footprint.tops == {"foo.py", "bin/foo", "share"}


def test_removing_what_names_the_interpreter(store: Store, environment: Environment) -> None:
    """Removing a distribution takes nothing of the environment's own, whatever its RECORD names."""
    environment.change(store.wheel("foo"))
    own = ("pyvenv.cfg", ".lock", "bin/python3", "bin/activate")
    for path in own:
        (environment.target.prefix / path).write_text(path)
    with (environment.site / "foo-1.0.dist-info/RECORD").open("a") as record:
        record.writelines(f"../../../{path},,\n" for path in own)

    environment.change(remove=["foo"])

    assert environment.files() == {
        **{path: path.encode() for path in own},
        f"{SITE}/": "",
    }


def test_a_record_that_is_a_pipe(environment: Environment) -> None:
    """A RECORD that is no file is one that cannot be read; nobody waits for its other end."""
    footprint = recorded(environment, "")
    path = environment.site / "foo-1.dist-info/RECORD"
    path.unlink()
    os.mkfifo(path)

    with pytest.raises(NoRecord):
        len(footprint.paths)


@pytest.mark.parametrize("record", ['"open,,\n', "one column\n"])
def test_a_broken_record(environment: Environment, record: str) -> None:
    """A RECORD that cannot be read is an error for what goes, and claims nothing for what stays."""
    footprint = recorded(environment, record)
    with pytest.raises(NoRecord):
        len(footprint.paths)
    staying = StayingFootprint(
        installed(environment), environment.target, Roots.of(environment.target)
    )

    assert staying.paths == {}


def test_a_missing_record(environment: Environment) -> None:
    """So it is with one that is not there."""
    roots = Roots.of(environment.target)
    with pytest.raises(NoRecord):
        len(RecordedFootprint(installed(environment), environment.target, roots).tops)
    staying = StayingFootprint(installed(environment), environment.target, roots)

    assert (staying.tops, staying.paths) == (frozenset(), {})


def test_a_scheme_outside(tmp_path: Path, environment: Environment) -> None:
    """An environment of which a folder lies outside of its prefix is refused."""
    target = make_target(tmp_path / "other")
    object.__setattr__(target.scheme, "scripts", tmp_path / "bin")

    with pytest.raises(NotAnEnvironment):
        Roots.of(target)


def test_shared_paths(store: Store, environment: Environment) -> None:
    """Two wheels share the paths that both have."""
    roots = Roots.of(environment.target)
    one, other = (
        WheelFootprint(
            store.wheel(name, files={"space/x": "", f"space/{name}": ""}).manifest, roots
        )
        for name in ("foo", "bar")
    )

    assert shared_paths(one, other) == {f"{SITE}/space/x"}
    assert os.fspath(environment.target.prefix)
    assert roots[SchemeKey.DATA] == ""
