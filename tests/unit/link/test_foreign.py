"""What older installers left is removed and replaced whole, or refused before anything moves."""

import itertools
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from linkd.errors import GraftFailed, NoRecord
from linkd.link.rename import KernelRename
from tests.support.stored import SITE, Environment, Store
from tests.unit.link.test_transaction import Failing

ENTRY_POINTS = "[console_scripts]\nfoo-run = foo:main\n"
INFO = {"PKG-INFO": "Name: foo\nVersion: 1.0\n", "entry_points.txt": ENTRY_POINTS}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def package(environment: Environment) -> None:
    write(environment.site, {"foo/__init__.py": "old", "foo/sub/data": "old", "_foo.py": "old"})
    write(environment.site, {"foo/__pycache__/__init__.cpython-311.pyc": "compiled"})


def flat(environment: Environment) -> None:
    """Installed with a list of its files."""
    package(environment)
    listed = "../foo/__init__.py\n../foo/sub/data\n../_foo.py\nPKG-INFO\ninstalled-files.txt\n"
    info = {**INFO, "installed-files.txt": listed}
    write(environment.site / "foo-1.0-py3.11.egg-info", info)


def listless(environment: Environment) -> None:
    """Installed with the names of its packages alone."""
    package(environment)
    info = {**INFO, "top_level.txt": "foo\n_foo\n", "scripts/foo-old": ""}
    write(environment.site / "foo-1.0-py3.11.egg-info", info)
    write(environment.target.prefix, {"bin/foo-old": "old"})


def egg(environment: Environment) -> None:
    name = "foo-1.0-py3.11.egg"
    write(environment.site / name, {f"EGG-INFO/{file}": text for file, text in INFO.items()})
    write(environment.site / name, {"foo/__init__.py": "old"})
    write(environment.site, {"easy-install.pth": f"/src/other\n./{name}\n"})


def zipped_egg(environment: Environment) -> None:
    name = "foo-1.0-py3.11.egg"
    with zipfile.ZipFile(environment.site / name, "w") as archive:
        for file, text in INFO.items():
            archive.writestr(f"EGG-INFO/{file}", text)
    write(environment.site, {"easy-install.pth": f"/src/other\n./{name}\n"})


def linked(environment: Environment) -> None:
    source = environment.target.prefix.parent / "source"
    write(source / "foo.egg-info", INFO)
    write(source, {"foo.py": "mine"})
    write(environment.site, {"foo.egg-link": f"{source}\n."})
    write(environment.site, {"easy-install.pth": f"/src/other\n{source}\n"})


def twice(environment: Environment) -> None:
    """A second version beside the first, with files of its own."""
    package(environment)
    for version, record in {
        "1.0": "foo/__init__.py,,\nfoo/sub/data,,\n_foo.py,,\n",
        "0.9": "foo/__init__.py,,\nfoo/sub/data,,\nfoo/gone.py,,\n../../../bin/foo-old,,\n",
    }.items():
        folder = f"foo-{version}.dist-info"
        info = {"METADATA": "", "RECORD": f"{folder}/METADATA,,\n{folder}/RECORD,,\n{record}"}
        write(environment.site / folder, info)
    write(environment.site, {"foo/gone.py": "older"})
    write(environment.target.prefix, {"bin/foo-old": "older"})


@dataclass(frozen=True, slots=True)
class Left:
    """An environment with a foreign installation of foo beside others' files."""

    environment: Environment
    without: dict[str, bytes | str]
    """What the environment is without it."""


@pytest.fixture(params=[flat, listless, egg, zipped_egg, linked, twice])
def left(request: pytest.FixtureRequest, environment: Environment) -> Left:
    make: Callable[[Environment], None] = request.param
    write(environment.target.prefix, {"bin/mine": "mine", f"{SITE}/mine.py": "mine"})
    without = environment.files()
    make(environment)
    if (environment.site / "easy-install.pth").exists():
        without[f"{SITE}/easy-install.pth"] = b"/src/other\n"
    if make is not twice:
        write(environment.target.prefix, {"bin/foo-run": "old"})
    return Left(environment, without)


def test_it_goes(left: Left) -> None:
    """Its files, scripts and lines go, everybody else's stay."""
    left.environment.change(remove=["foo"])
    assert left.environment.files() == left.without
    assert left.environment.installed() == {}


def test_it_is_replaced(left: Left, store: Store) -> None:
    """A wheel takes its place as it would in an environment that never had it."""
    wheel = store.wheel("foo", "2.0", {"foo/__init__.py": "new"}, entry_points=ENTRY_POINTS)
    left.environment.change(wheel)
    files = left.environment.files()
    assert {path: files[path] for path in left.without} == left.without
    left_over = [
        f"nobody recorded {left.environment.target.prefix / path}" for path in left.without
    ]
    assert sorted(left.environment.problems()) == sorted(left_over)
    [foo] = left.environment.installed().values()
    assert (str(foo.version), foo.others) == ("2.0", ())


def test_a_failure_leaves_it(left: Left, store: Store) -> None:
    """Whatever rename fails, everything of it is there again, its line in easy-install.pth too."""
    wheel = store.wheel("foo", "2.0", {"foo/__init__.py": "new"}, entry_points=ENTRY_POINTS)
    before = left.environment.files()
    for calls in itertools.count(1):
        failing = Failing(KernelRename(), calls)
        store.workspaces.rename = failing
        try:
            left.environment.change(wheel)
        except GraftFailed:
            assert left.environment.files() == before
            continue
        assert not failing.failed
        break


def test_a_shared_file_stays(environment: Environment, store: Store) -> None:
    """What another distribution recorded too stays, though it lies in a package that goes."""
    listless(environment)
    environment.change(store.wheel("bar", files={"foo/bar.py": "bar"}))
    environment.change(remove=["foo"])
    names = sorted(path.name for path in (environment.site / "foo").iterdir())
    assert names == ["bar.py"]


@pytest.mark.parametrize("policy", ["remove", "replace"])
@pytest.mark.parametrize(
    ("files", "installer"),
    [
        ({"foo-1.0.egg-info": "Name: foo\n"}, "distutils"),
        ({"foo-1.0.egg-info/PKG-INFO": ""}, None),
        ({"foo-1.0.dist-info/METADATA": "", "foo-1.0.dist-info/INSTALLER": "conda\n"}, "conda"),
        ({"foo-1.0.dist-info/METADATA": "", "foo-1.0.dist-info/RECORD": ""}, None),
    ],
)
def test_what_is_not_known_is_refused(
    environment: Environment, store: Store, files: dict[str, str], installer: str, policy: str
) -> None:
    """Without a record of its files it is refused, who installed it named, before anything moves."""
    write(environment.site, {**files, "foo/__init__.py": "old"})
    before = environment.files()
    new = [store.wheel("foo", "2.0")] if policy == "replace" else []
    with pytest.raises(NoRecord) as caught:
        environment.change(*new, remove=["foo"])
    assert caught.value.installer == installer
    assert environment.files() == before


def test_one_of_two_is_not_known(environment: Environment) -> None:
    """A second installation without a record keeps the first from being half removed."""
    twice(environment)
    (environment.site / "foo-0.9.dist-info/RECORD").unlink()
    before = environment.files()
    with pytest.raises(NoRecord):
        environment.change(remove=["foo"])
    assert environment.files() == before


def test_a_strange_path_file_is_refused(environment: Environment) -> None:
    """An easy-install.pth that leads elsewhere refuses the request, and nothing has moved."""
    linked(environment)
    pth = environment.site / "easy-install.pth"
    pth.rename(environment.site / "elsewhere")
    pth.symlink_to("elsewhere")
    before = environment.files()
    with pytest.raises(GraftFailed, match=r"easy-install\.pth"):
        environment.change(remove=["foo"])
    assert environment.files() == before


@pytest.mark.parametrize(
    "line", ["..", "../.", "../..", "../../../..", "../../../../bin", "/", "{prefix}", "{site}"]
)
def test_a_list_that_climbs(environment: Environment, line: str) -> None:
    """A list of files that names folders above takes nothing with it but its own files."""
    write(environment.site, {"mine.py": "mine", "foo.py": "old"})
    write(environment.target.prefix, {"bin/mine": "mine"})
    before = environment.files()
    folders = {"prefix": environment.target.prefix, "site": environment.site}
    listed = f"../foo.py\n{line.format(**folders)}\n"
    write(environment.site / "foo-1.0.egg-info", {**INFO, "installed-files.txt": listed})
    environment.change(remove=["foo"])
    del before[f"{SITE}/foo.py"]
    assert environment.files() == before


def test_the_folder_of_headers_goes(environment: Environment, store: Store) -> None:
    """With the last header its folder goes, too, if only linkd had a use for it."""
    before = environment.files()
    foo = store.wheel("foo", data={"headers/foo.h": ""})
    environment.change(foo, store.wheel("bar", data={"headers/bar.h": ""}))
    environment.change(remove=["foo"])
    assert (environment.target.scheme.headers / "bar" / "bar.h").exists()
    environment.change(remove=["bar"])
    assert environment.files() == before
