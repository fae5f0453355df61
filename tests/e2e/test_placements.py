"""Folders in the place of an environment: ``--target`` and ``--prefix``, as uv and pip mean them."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.e2e.test_refusals import reasons
from tests.support.daemon import Daemon, Place, Ran
from tests.support.invariants import check_environment, snapshot
from tests.support.sources import Project
from tests.support.wheels import Tamper, make_wheel

UV = str(Path(sys.executable).with_name("uv"))
OPTIONS = ("--target", "--prefix")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One that is not there, in one that is not there."""
    return tmp_path / "made" / "folder"


@pytest.fixture
def tool(wheels: Path) -> Path:
    """A wheel that has something for each of the scheme's folders."""
    make_wheel(wheels, "lib", "1.0")
    make_wheel(wheels, "lib", "2.0")
    return make_wheel(
        wheels,
        "atool",
        requires=["lib"],
        files={"atool/__init__.py": "def main():\n    import lib; print(lib.__version__)\n"},
        data={
            "scripts/a-script": "#!python\nimport atool; atool.main()\n",
            "data/share/atool.txt": "",
            "headers/atool.h": "",
            "purelib/pure.py": "",
            "platlib/plat.py": "",
        },
        entry_points="[console_scripts]\natool = atool:main\n",
    )


class Client:
    """Asks one daemon to work on one folder, for one environment's interpreter."""

    def __init__(self, place: Place, environment: Path, wheels: Path) -> None:
        self.place = place
        self.environment = environment
        self.searching = ("--no-index", "-f", str(wheels))

    def install(self, *words: str | Path) -> Ran:
        return self.place.client("install", "-p", self.environment, *self.searching, *words)

    def ask(self, *words: str | Path) -> Ran:
        return self.place.client(*words, "-p", self.environment)


@pytest.fixture
def client(place: Place, daemon: Daemon, environment: Path, wheels: Path) -> Iterator[Client]:
    """The environment itself stays as it is, whatever the test does."""
    before = snapshot(environment)
    yield Client(daemon.place, environment, wheels)
    assert snapshot(environment) == before


def files(folder: Path) -> dict[str, str]:
    """Each file with the first line of its content; without what an installer has for itself."""
    own = {".lock", "uv_cache.json", "INSTALLER", "RECORD"}
    return {
        str(path.relative_to(folder)): path.read_text().partition("\n")[0]
        for path in folder.rglob("*")
        if path.is_file() and path.name not in own
    }


def recorded(folder: Path) -> dict[str, set[str]]:
    """What each RECORD names, without what only one installer writes."""
    return {
        path.parent.name: {
            line.partition(",")[0]
            for line in path.read_text().splitlines()
            if "uv_cache.json" not in line
        }
        for path in folder.rglob("RECORD")
    }


@pytest.mark.parametrize("option", OPTIONS)
def test_as_uv_does(client: Client, tool: Path, folder: Path, tmp_path: Path, option: str) -> None:
    """Every file comes to the place where uv puts it, and RECORD names it as uv's does."""
    words = ("--no-deps", "atool")
    ran = client.install(option, folder, *words)
    theirs = tmp_path / "theirs"
    uv = [UV, "pip", "install", "--offline", "--no-cache", "-p", str(client.environment)]
    other = client.place.run([*uv, *client.searching, option, str(theirs), *words])
    assert (ran.code, other.code) == (0, 0), (ran, other)
    assert files(folder) == files(theirs)
    assert recorded(folder) == recorded(theirs)


def test_a_target_runs(client: Client, tool: Path, folder: Path) -> None:
    """Modules in a target are found where it is on the path; its scripts run the interpreter."""
    assert client.install("--target", folder, "atool", "lib<2").code == 0
    env = {"PYTHONPATH": str(folder)}
    for script in ("atool", "a-script"):
        assert client.place.run([str(folder / "bin" / script)], env=env).out == "1.0\n"
    found = distributions(path=[str(folder)])
    assert sorted(one.metadata["Name"] for one in found) == ["atool", "lib"]


def test_a_prefix_is_whole(client: Client, tool: Path, folder: Path) -> None:
    """What lies in a prefix is recorded and complete, as in an environment."""
    assert client.install("--prefix", folder, "atool").code == 0
    check_environment(folder)


@pytest.mark.parametrize("option", OPTIONS)
def test_it_is_an_environment_of_its_own(
    client: Client, tool: Path, folder: Path, option: str
) -> None:
    """A folder is listed, upgraded, synchronized and emptied like any environment."""
    client.install(option, folder, "lib<2", "atool")
    kept = client.install(option, folder, "atool")
    assert kept.out.startswith("Nothing to do: 2 distributions already there")
    upgraded = client.install(option, folder, "-U", "lib", "--json").json
    assert [one["version"] for one in upgraded["removed"]] == ["1.0"]
    assert client.ask("list", option, folder, "--format", "freeze").out == "atool==1.0\nlib==2.0\n"
    file = folder.parent / "requirements.txt"
    file.write_text("lib<2\n")
    synced = client.ask("sync", option, folder, file, *client.searching)
    assert synced.code == 0, synced
    assert client.ask("list", option, folder, "--format", "freeze").out == "lib==1.0\n"
    assert client.ask("uninstall", option, folder, "lib").code == 0
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert client.ask("list", option, folder).out == ""


def test_the_environments_own_do_not_count(client: Client, tool: Path, folder: Path) -> None:
    """What the environment has installed is not in the folder, so it comes."""
    other = client.place.environment("other-of-placements")
    elsewhere = Client(client.place, other, tool.parent)
    assert elsewhere.install("lib").code == 0
    ran = elsewhere.install("--target", folder, "atool", "--json")
    assert [one["name"] for one in ran.json["installed"]] == ["atool", "lib"]


def test_files_of_others_stay(client: Client, tool: Path, folder: Path) -> None:
    """Somebody's own files in a target stay; one that is replaced is kept aside and told of."""
    (folder / "lib").mkdir(parents=True)
    (folder / "app.py").write_text("mine")
    (folder / "lib" / "mine.py").write_text("mine")
    (folder / "lib" / "__init__.py").write_text("mine too")
    ran = client.install("--target", folder, "atool")
    assert ran.err.startswith("warning: lib/__init__.py was there and nobody's; it is kept as ")
    [kept] = (folder / "replaced-files").rglob("__init__.py")
    assert kept.read_text() == "mine too"
    assert client.ask("uninstall", "--target", folder, "atool", "lib").code == 0
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert left == {"app.py", "lib/mine.py", str(kept.relative_to(folder))}


def test_what_pip_put_there(client: Client, tool: Path, folder: Path) -> None:
    """What pip installed into a target goes whole, though its RECORD misses its own scripts."""
    pip = [sys.executable, "-m", "pip", "--python", str(client.environment), "--no-cache-dir"]
    ran = client.place.run(
        [*pip, "install", *client.searching, "--target", str(folder), "atool", "lib"]
    )
    assert ran.code == 0, ran
    [record] = folder.glob("atool-*/RECORD")
    assert "../../bin/atool," in record.read_text()
    outside = folder.parent.parent / "bin" / "atool"
    outside.parent.mkdir()
    outside.touch()
    assert client.ask("uninstall", "--target", folder, "atool", "lib").code == 0
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert outside.exists()


@pytest.mark.parametrize("option", OPTIONS)
def test_an_editable(client: Client, folder: Path, tmp_path: Path, option: str) -> None:
    """An editable install is found where the folder is a site folder; of a target that is told."""
    project = Project(name="edited").tree(tmp_path / "edited")
    ran = client.install(option, folder, "-e", project)
    assert ran.code == 0, ran
    warnings = ["warning: edited is editable: "] if option == "--target" else []
    assert [
        line[: len("warning: edited is editable: ")] for line in ran.err.splitlines()
    ] == warnings
    [entry] = folder.rglob("edited.pth")
    code = (
        f"import site; site.addsitedir({str(entry.parent)!r}); import edited; print(edited.value)"
    )
    assert client.place.run([str(client.environment / "bin" / "python"), "-c", code]).out == "1\n"


@pytest.mark.parametrize("option", OPTIONS)
def test_a_dry_run_makes_nothing(client: Client, tool: Path, folder: Path, option: str) -> None:
    """A dry run tells what would come, and makes no folder."""
    ran = client.install(option, folder, "atool", "--dry-run")
    assert ran.out.startswith("Would have installed 2 distributions")
    assert not folder.parent.exists()


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("wanted", [["nonsense"], ["broken"], ["one", "two", "--collisions=error"]])
def test_a_refusal_leaves_no_folder(
    client: Client, wheels: Path, folder: Path, option: str, wanted: list[str]
) -> None:
    """Whatever an install is refused for, the folder that it would have made is not there."""
    make_wheel(wheels, "broken", tamper=Tamper(wrong_hash={"broken/__init__.py"}))
    make_wheel(wheels, "one", files={"shared.py": "1"})
    make_wheel(wheels, "two", files={"shared.py": "2"})
    ran = client.install(option, folder, *wanted)
    assert (ran.code, ran.out) == (1, "")
    assert not folder.parent.exists()


def test_a_refusal_leaves_the_folder_to_others(
    client: Client, wheels: Path, tool: Path, folder: Path
) -> None:
    """Of requests for one new folder some are refused, and the others succeed all the same."""
    make_wheel(wheels, "one", files={"shared.py": "1"})
    make_wheel(wheels, "two", files={"shared.py": "2"})
    good, bad = ["lib"], ["one", "two", "--collisions=error"]
    with ThreadPoolExecutor(8) as pool:
        ran = list(
            pool.map(lambda wanted: client.install("--target", folder, *wanted), [bad, good] * 4)
        )
    assert [one.code for one in ran] == [1, 0] * 4
    assert (folder / "lib" / "__init__.py").exists()


@pytest.mark.parametrize("option", OPTIONS)
def test_something_else_is_there(client: Client, tool: Path, tmp_path: Path, option: str) -> None:
    """A file is no folder, and nothing comes to lie below one."""
    occupied = tmp_path / "occupied"
    occupied.touch()
    for folder in (occupied, occupied / "below"):
        [first] = reasons(client.install(option, folder, "atool"), 2)[:1]
        assert first == f"{option} names {folder}, but {occupied} is not a folder"


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("words", [["list"], ["uninstall", "lib"]])
def test_nothing_is_there(client: Client, folder: Path, option: str, words: list[str]) -> None:
    """A folder that is not there is not taken for an empty one."""
    ran = client.ask(*words, option, folder)
    first, hint = reasons(ran, 2)
    assert first == f"{option} names {folder}, and there is no such folder"
    assert hint == "it is made by installing something into it"


def test_nothing_for_this_python_is_there(client: Client, tmp_path: Path) -> None:
    """A prefix without this Python's site-packages has nothing installed; none is made by asking."""
    assert client.ask("list", "--prefix", tmp_path).out == ""
    assert reasons(client.ask("uninstall", "--prefix", tmp_path, "lib"))
    assert not (tmp_path / "lib").exists()


def test_a_relative_folder_without_an_environment(
    place: Place, tmp_path: Path, wheels: Path, tool: Path
) -> None:
    """A folder is the client's to find, and ``python3`` is its interpreter where nothing else is."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "python3").symlink_to(os.path.realpath(sys.executable))
    here = tmp_path / "here"
    here.mkdir()
    env = {"PATH": f"{programs}:{os.defpath}"}
    words = ("--no-index", "-f", wheels, "--target", "new/folder", "lib")
    ran = place.client("install", *words, cwd=here, env=env)
    assert ran.code == 0, ran
    assert (here / "new" / "folder" / "lib" / "__init__.py").exists()


def test_an_environments_own_site_packages(client: Client, tool: Path) -> None:
    """A target may be what another request knows as an environment: both come whole."""
    other = client.place.environment("target-is-site-packages")
    [site] = other.glob("lib/python*/site-packages")
    elsewhere = Client(client.place, other, tool.parent)
    flat = ("--target", site)
    wanted = [("atool",), (*flat, "lib<2"), ("lib>1",), (*flat, "lib")] * 3
    with ThreadPoolExecutor(4) as pool:
        ran = list(pool.map(lambda words: elsewhere.install(*words), wanted))
    assert [one.err for one in ran if one.code] == [], ran
    check_environment(other)
