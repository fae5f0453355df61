"""linkd at work in an environment that pip, uv or older installers filled."""

import fcntl
import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.interplay.tools import Tools, site_packages
from tests.support.daemon import finished, until
from tests.support.invariants import check_environment, installed, snapshot
from tests.support.sources import Project


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_taken_over(tools: Tools, environment: Path, tool: str) -> None:
    """What a peer installed satisfies, is upgraded, and goes without a trace."""
    before = snapshot(environment)
    tools.run(tool, environment, "install", "app-tool", "lib==1.0")
    expected = {"app-tool": "1.0", "lib": "1.0"}
    assert tools.listed("linkd", environment) == tools.listed(tool, environment) == expected
    assert tools.run("linkd", environment, "install", "app-tool").out.startswith("Nothing to do")
    ran = tools.run("linkd", environment, "install", "-U", "lib")
    assert ran.out.splitlines()[1:] == [" - lib==1.0", " + lib==3.0"]
    check_environment(environment)
    tools.run("linkd", environment, "uninstall", "app-tool", "lib")
    left = snapshot(environment)
    left.pop(".lock", None)
    assert left == before


def test_synced(tools: Tools, environment: Path, tmp_path: Path) -> None:
    """`sync` makes a mixture of all three installers exactly what the file names."""
    for tool, requirement in {"pip": "lib==1.0", "uv": "app-tool", "linkd": "plug"}.items():
        tools.run(tool, environment, "install", "--no-deps", requirement)
    (tmp_path / "requirements.txt").write_text("lib==2.0\nplug\n")
    tools.run("linkd", environment, "sync", tmp_path / "requirements.txt")
    assert tools.listed("pip", environment) == {"lib": "2.0", "plug": "1.0"}
    check_environment(environment)


def test_an_editable_of_pips(tools: Tools, environment: Path, tmp_path: Path) -> None:
    """pip's editable installation (PEP 660) is listed as one, and goes or is replaced as one."""
    before = snapshot(environment)
    project = Project(name="lib", version="9.0").tree(tmp_path / "lib")
    install = ("install", "--no-build-isolation", "-e", project)
    tools.run("pip", environment, *install)
    frozen = tools.run("linkd", environment, "list", "--format", "freeze").out
    assert frozen == f"-e {project}\n"
    tools.run("linkd", environment, "uninstall", "lib")
    assert snapshot(environment) == before

    tools.run("pip", environment, *install)
    tools.run("linkd", environment, "install", "lib<9")
    assert installed(environment) == {"lib": "3.0"}
    check_environment(environment)
    assert (project / "pyproject.toml").exists()


@pytest.mark.parametrize("upgrade", [(), ("-U",)])
def test_what_no_index_has(
    tools: Tools, environment: Path, tmp_path: Path, upgrade: tuple[str, ...]
) -> None:
    """What is installed answers what comes, although it is not to be had anywhere else."""
    project = Project(name="lib", version="9.0").tree(tmp_path / "lib")
    tools.run("pip", environment, "install", "--no-build-isolation", "-e", project)
    ran = tools.run("linkd", environment, "install", *upgrade, "app-tool", "lib>3")
    assert ran.out.splitlines()[1:] == [" + app-tool==1.0"]
    assert tools.listed("pip", environment) == {"app-tool": "1.0", "lib": "9.0"}
    ran = tools.linkd(environment, "install", "--reinstall-package", "lib", "lib>3")
    assert ran.code == 1


ENTRY_POINTS = "[console_scripts]\n{name}-run = {name}:main\n"


def _info(name: str, **files: str) -> dict[str, str]:
    """What lies in an egg-info; `files` are text files of these names."""
    metadata = f"Metadata-Version: 1.0\nName: {name}\nVersion: 1.0\n"
    texts = {"PKG-INFO": metadata, "entry_points.txt": ENTRY_POINTS.format(name=name)}
    return texts | {f"{file}.txt": text for file, text in files.items()}


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


@pytest.fixture
def older(environment: Path, tmp_path: Path) -> Path:
    """An environment with each of the older forms that can be removed, and what they need."""
    site = site_packages(environment)
    source = tmp_path / "source"
    listed = "../flat.py\nPKG-INFO\ninstalled-files.txt\nentry_points.txt\n"
    _write(site / "flat-1.0-py3.11.egg-info", _info("flat") | {"installed-files.txt": listed})
    _write(site / "tops-1.0-py3.11.egg-info", _info("tops", top_level="tops\n"))
    _write(site, {"flat.py": "", "tops/__init__.py": "", "tops/inner/x.py": "", "mine.py": ""})
    _write(site / "egg-1.0-py3.11.egg", {f"EGG-INFO/{k}": v for k, v in _info("egg").items()})
    with zipfile.ZipFile(site / "zipped-1.0-py3.11.egg", "w") as archive:
        for name, text in _info("zipped").items():
            archive.writestr(f"EGG-INFO/{name}", text)
    _write(source / "linked.egg-info", _info("linked", requires="egg\n\n[x]\nghost\n"))
    _write(site, {"linked.egg-link": f"{source}\n."})
    lines = ["/src/other", "./egg-1.0-py3.11.egg", "./zipped-1.0-py3.11.egg", str(source)]
    _write(site, {"easy-install.pth": "".join(f"{line}\n" for line in lines)})
    for name in OLDER:
        _write(environment / "bin", {f"{name}-run": "#!/bin/sh\n"})
    return environment


OLDER = ("egg", "flat", "linked", "tops", "zipped")


def test_older_forms(tools: Tools, older: Path) -> None:
    """What installers before wheels left is listed as pip lists it, and goes as with pip."""
    names = dict.fromkeys(OLDER, "1.0")
    assert tools.listed("linkd", older) == tools.listed("pip", older) == names
    frozen = tools.run("linkd", older, "list", "--format", "freeze").out.splitlines()
    assert [line for line in frozen if line.startswith("-e ")] == [frozen[2]]

    copy = older.with_name(f"{older.name}-pip")
    shutil.copytree(older, copy, symlinks=True)
    tools.run("pip", copy, "uninstall", "-y", *OLDER)
    ran = tools.run("linkd", older, "uninstall", *OLDER)
    assert ran.out.splitlines()[1:] == [f" - {name}==1.0" for name in OLDER]
    assert snapshot(older) == snapshot(copy)
    assert (site_packages(older) / "easy-install.pth").read_text() == "/src/other\n"


def test_older_forms_count(tools: Tools, older: Path) -> None:
    """They answer requirements, with what they themselves need."""
    assert tools.run("linkd", older, "install", "linked", "flat>=1").out.startswith("Nothing to do")
    ran = tools.linkd(older, "install", "linked[x]")
    assert (ran.code, "ghost" in ran.err) == (1, True)


@pytest.mark.parametrize(
    ("files", "installer"),
    [
        ({"lib-0.5-py3.11.egg-info": "Name: lib\nVersion: 0.5\n"}, "distutils"),
        (
            {
                "lib-0.5.dist-info/METADATA": "Metadata-Version: 2.1\nName: lib\nVersion: 0.5\n",
                "lib-0.5.dist-info/INSTALLER": "conda\n",
            },
            "conda",
        ),
    ],
)
def test_what_pip_refuses(
    tools: Tools, environment: Path, files: Mapping[str, str], installer: str
) -> None:
    """Where pip cannot know the files, linkd refuses too: to remove, and to upgrade."""
    _write(site_packages(environment), files)
    before = snapshot(environment)
    assert tools.pip(environment, "uninstall", "-y", "lib").code == 1
    for command in (("uninstall", "lib"), ("install", "-U", "lib")):
        ran = tools.linkd(environment, *command)
        assert ran.code == 1
        assert "lib cannot be removed" in ran.err
        assert f"{installer} installed it" in ran.err
    assert snapshot(environment) == before
    assert tools.run("linkd", environment, "install", "lib").out.startswith("Nothing to do")


@pytest.mark.parametrize("command", ["uninstall", "install"])
def test_installed_twice(tools: Tools, environment: Path, command: str) -> None:
    """Of two installations of one name both go, as with uv; and a new one puts it right."""
    before = snapshot(environment)
    tools.run("pip", environment, "install", "lib==1.0")
    spare = environment.with_name(f"{environment.name}-spare")
    shutil.copytree(site_packages(environment) / "lib-1.0.dist-info", spare)
    tools.run("pip", environment, "install", "lib==2.0")
    shutil.copytree(spare, site_packages(environment) / "lib-1.0.dist-info")
    ran = tools.run("linkd", environment, command, "lib")
    if command == "install":
        assert ran.out.splitlines()[1:] == [" - lib==1.0", " ~ lib==2.0"]
        check_environment(environment)
        return
    assert ran.out.splitlines()[1:] == [" - lib==2.0", " - lib==1.0"]
    assert snapshot(environment) == before


def test_a_lock_of_uvs(tools: Tools, environment: Path) -> None:
    """linkd waits while uv's lock is held, and then sees what was done meanwhile."""
    tools.run("uv", environment, "install", "lib==1.0")
    with (environment / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        client = tools.place.start_client(
            "install", "-p", environment, *tools.local, "--json", "lib==3.0"
        )
        until(lambda: tools.place.call("GET", "/v1/status").json["requests"]["active"] == 1)
        tools.run("pip", environment, "install", "lib==2.0")
        assert client.poll() is None
    ran = finished(client)
    assert ran.code == 0, ran
    assert [one["version"] for one in json.loads(ran.out)["removed"]] == ["2.0"]
    assert installed(environment) == {"lib": "3.0"}
    check_environment(environment)
