"""One environment by several names, and one that is not where it was made."""

import os
import shutil
from pathlib import Path

import pytest

from tests.interplay.tools import Tools, site_packages
from tests.support.invariants import check_environment, installed


def by_link(environment: Path) -> Path:
    link = environment.with_name(f"{environment.name}-link")
    link.symlink_to(environment.name)
    return link


def by_interpreter(environment: Path) -> Path:
    return environment / "bin" / "python"


def by_linked_interpreter(environment: Path) -> Path:
    link = environment.with_name(f"{environment.name}-python")
    link.symlink_to(environment / "bin" / "python")
    return link


def by_linked_parent(environment: Path) -> Path:
    link = environment.with_name(f"{environment.name}-parent")
    link.symlink_to(environment.parent)
    return link / environment.name


NAMES = [by_link, by_interpreter, by_linked_interpreter, by_linked_parent]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_environment(tools: Tools, environment: Path, name: object) -> None:
    """By another name it is the same: what was installed by one is there by the other, and runs."""
    assert callable(name)
    other: Path = name(environment)
    tools.run("linkd", other, "install", "app-tool")
    assert installed(environment) == {"app-tool": "1.0", "lib": "3.0"}
    for script, said in {"app-tool": "it runs\n", "app-old": "so does this\n"}.items():
        assert tools.out(environment / "bin" / script) == said
    assert tools.run("linkd", environment, "install", "app-tool").out.startswith("Nothing to do")
    tools.run("linkd", environment, "install", "plug")
    tools.run("linkd", other, "uninstall", "plug", "lib")
    assert installed(environment) == {"app-tool": "1.0"}


def test_known_once(tools: Tools, environment: Path) -> None:
    """The daemon knows it as one, however often it is reached by another name."""
    before = tools.place.call("GET", "/v1/status").json["environments"]
    for name in (environment, by_link(environment), by_linked_parent(environment)):
        tools.run("linkd", name, "install", "--reinstall", "plug")
    assert tools.place.call("GET", "/v1/status").json["environments"] == before + 1


def test_lib64(tools: Tools, environment: Path) -> None:
    """With lib64 a link to lib, platlib and purelib are one, and a path through it is the same."""
    if not (environment / "lib64").exists():
        (environment / "lib64").symlink_to("lib")
    [site] = environment.glob("lib64/python*/site-packages")
    path = site / ".." / ".." / ".."
    assert os.path.samefile(path, environment)
    tools.run("linkd", path, "install", "app-tool")
    assert installed(environment) == {"app-tool": "1.0", "lib": "3.0"}
    assert tools.listed("pip", environment) == tools.listed("linkd", environment)
    assert tools.out(environment / "bin" / "app-tool") == "it runs\n"
    check_environment(environment)


def test_moved(tools: Tools, environment: Path) -> None:
    """An environment that was moved is installed into, upgraded and emptied where it is now."""
    tools.run("linkd", environment, "install", "app-tool", "lib==1.0")
    moved = environment.rename(environment.with_name(f"{environment.name}-moved"))
    assert tools.listed("linkd", moved) == {"app-tool": "1.0", "lib": "1.0"}
    tools.run("linkd", moved, "install", "-U", "lib")
    check_environment(moved)
    # Launchers have the interpreter's path in them; those of what is installed again are right.
    tools.run("linkd", moved, "install", "--reinstall", "app-tool")
    assert tools.out(moved / "bin" / "app-tool") == "it runs\n"
    tools.run("linkd", moved, "uninstall", "app-tool", "lib")
    assert list(site_packages(moved).iterdir()) == []
    assert not environment.exists()


def test_another_in_its_place(tools: Tools, environment: Path) -> None:
    """What is made where an environment was is another one, and both are what they hold."""
    tools.run("linkd", environment, "install", "plug")
    moved = environment.rename(environment.with_name(f"{environment.name}-moved"))
    tools.place.environment(environment.name)
    assert tools.listed("linkd", environment) == {}
    tools.run("linkd", environment, "install", "lib")
    assert tools.listed("linkd", moved) == {"plug": "1.0"}
    assert tools.listed("linkd", environment) == {"lib": "3.0"}


def test_copied(tools: Tools, environment: Path) -> None:
    """A copy is an environment of its own: what goes from it stays in the first."""
    tools.run("linkd", environment, "install", "app-tool")
    copy = environment.with_name(f"{environment.name}-copy")
    shutil.copytree(environment, copy, symlinks=True)
    tools.run("linkd", copy, "uninstall", "app-tool", "lib")
    assert tools.listed("linkd", copy) == {}
    assert tools.out(environment / "bin" / "app-tool") == "it runs\n"


@pytest.mark.parametrize("change", ["base gone", "link dangles"])
def test_what_cannot_work_is_told(tools: Tools, environment: Path, change: str) -> None:
    """Without the interpreter that it was made from it is refused with the reason."""
    interpreter = (environment / "bin" / "python").resolve()
    for path in (environment / "bin").glob("python*"):
        path.unlink()
    if change == "link dangles":
        (environment / "bin" / "python").symlink_to("/nowhere/python")
    else:
        shutil.copy(interpreter, environment / "bin" / "python")
        (environment / "pyvenv.cfg").write_text("home = /nowhere\nversion = 3.11.0\n")
    ran = tools.linkd(environment, "install", "plug")
    assert ran.code == 1
    assert ("/nowhere" in ran.err) or ("dangling" in ran.err)
