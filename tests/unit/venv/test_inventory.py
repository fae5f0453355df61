"""What is remembered of an environment is given again only while it is what lies there."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from linkd.core.target import Target
from linkd.venv.installed import read_installed
from linkd.venv.inventory import Inventories
from tests.support.stamps import let_settle
from tests.support.wheels import make_wheel
from tests.unit.venv.environments import make_environment, site_packages_of
from tests.unit.venv.test_installed import make_target

METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n"


def add(site: Path, name: str, version: str = "1.0", metadata: str | None = None) -> Path:
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(metadata or METADATA.format(name, version))
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Target:
    site = tmp_path / "site"
    site.mkdir()
    (site / "foo").mkdir()
    add(site, "foo")
    add(site, "bar")
    add(site, "odd", "x", METADATA.format("odd", "3.0"))
    let_settle()
    return make_target(site, tmp_path / "lib64")


async def test_what_is_unchanged_is_the_same_object(target: Target) -> None:
    """A second look gives what the first one gave, and what that is is right."""
    inventories = Inventories()
    first = await inventories.read(target)
    assert await inventories.read(target) is first
    assert first.distributions == read_installed(target)
    assert sorted(first.distributions) == ["bar", "foo", "odd"]


async def test_use_changes_nothing(target: Target) -> None:
    """Bytecode that Python writes, and links that others get, leave what is remembered alone."""
    inventories = Inventories()
    first = await inventories.read(target)
    (target.site_packages / "foo" / "x.pyc").write_text("")
    os.link(target.site_packages / "foo-1.0.dist-info" / "METADATA", target.prefix / "another")
    assert await inventories.read(target) is first


def replace_by_a_hand(site: Path) -> None:
    new = site.parent / "METADATA"
    new.write_text(METADATA.format("odd", "4.0"))
    new.rename(site / "odd-x.dist-info" / "METADATA")


def edit_and_set_the_time_back(site: Path) -> None:
    """As an archiver does that keeps times; the folder's ctime tells."""
    times = os.stat(site)
    add(site, "new")
    os.utime(site, ns=(times.st_atime_ns, times.st_mtime_ns))


def another_folder(site: Path) -> None:
    site.rename(site.parent / "old")
    site.mkdir()
    add(site, "foo", "9.0")


def a_platlib(site: Path) -> None:
    (site.parent / "lib64").mkdir()
    add(site.parent / "lib64", "plat")


CHANGES: dict[str, Callable[[Path], object]] = {
    "a distribution comes": lambda site: add(site, "new"),
    "a distribution goes": lambda site: shutil.rmtree(site / "foo-1.0.dist-info"),
    "a distribution is put aside": lambda site: (site / "foo-1.0.dist-info").rename(
        site / "~oo-1.0.dist-info"
    ),
    "another version": lambda site: (site / "foo-1.0.dist-info").rename(
        site / "foo-2.0.dist-info"
    ),
    "METADATA goes": lambda site: (site / "foo-1.0.dist-info" / "METADATA").unlink(),
    "METADATA is edited in place": lambda site: (site / "odd-x.dist-info" / "METADATA").write_text(
        METADATA.format("odd", "5.0")
    ),
    "METADATA is replaced": replace_by_a_hand,
    "the time is set back": edit_and_set_the_time_back,
    "another folder in its place": another_folder,
    "a platlib comes": a_platlib,
    "everything goes": lambda site: list(map(shutil.rmtree, site.iterdir())),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_by_hand_is_noticed(target: Target, change: str) -> None:
    """Whatever is done to the environment, the next look sees it."""
    inventories = Inventories()
    before = (await inventories.read(target)).distributions
    CHANGES[change](target.site_packages)
    after = (await inventories.read(target)).distributions
    assert after == read_installed(target)
    assert after != before


async def test_what_comes_to_be_without_its_folder_changing(target: Target) -> None:
    """A dist-info that has no METADATA yet becomes a distribution when it gets one."""
    site = target.site_packages
    (site / "late-1.0.dist-info").mkdir()
    let_settle()
    inventories = Inventories()
    await inventories.read(target)
    (site / "late-1.0.dist-info" / "METADATA").write_text(METADATA.format("late", "1.0"))
    assert "late" in (await inventories.read(target)).distributions


async def test_older_forms(target: Target) -> None:
    """What an egg-info tells of its files may change in any of them: it is read every time."""
    egg = target.site_packages / "egg-1.0-py3.11.egg-info"
    egg.mkdir()
    (egg / "PKG-INFO").write_text(METADATA.format("egg", "1.0"))
    (egg / "top_level.txt").write_text("egg")
    let_settle()
    inventories = Inventories()
    before = (await inventories.read(target)).distributions
    (egg / "top_level.txt").write_text("hen")
    after = (await inventories.read(target)).distributions
    assert [before == after, after == read_installed(target)] == [False, True]


async def test_the_source_behind_an_egg_link(target: Target, tmp_path: Path) -> None:
    """A development install comes to be where its source lies, far from site-packages."""
    info = tmp_path / "source" / "dev.egg-info"
    info.parent.mkdir()
    (target.site_packages / "dev.egg-link").write_text(f"{tmp_path / 'source'}\n.")
    let_settle()
    inventories = Inventories()
    await inventories.read(target)
    info.mkdir()
    (info / "PKG-INFO").write_text(METADATA.format("dev", "1.0"))
    assert "dev" in (await inventories.read(target)).distributions


async def test_changes_within_one_tick(target: Target) -> None:
    """However soon after a look something changes, the next look sees it."""
    inventories = Inventories()
    for number in range(60):
        before = await inventories.read(target)
        new = add(target.site_packages, f"quick-{number}", f"{number}").name
        after = (await inventories.read(target)).distributions
        assert len(after) == len(before.distributions) + 1, new


async def test_an_edit_within_one_tick(target: Target) -> None:
    """So it is with a metadata file whose stamp and size are the same after an edit."""
    inventories = Inventories()
    metadata = target.site_packages / "odd-x.dist-info" / "METADATA"
    tick = time.time_ns() + 10**9 | 1  # never older than the looks, however slow they are
    for number in range(100, 103):
        metadata.write_text(METADATA.format("odd", f"{number}"))
        os.utime(metadata, ns=(tick, tick))
        dists = (await inventories.read(target)).distributions
        assert [str(dists[name].version) for name in dists if name == "odd"] == [f"{number}"]


async def test_pip_in_between(tmp_path: Path) -> None:
    """What pip installs, upgrades and uninstalls in between is seen at the next look."""
    environment = make_environment(tmp_path / "env")
    make_wheel(tmp_path / "w", "foo", "1.0")
    make_wheel(tmp_path / "w", "foo", "2.0")
    target = make_target(site_packages_of(environment))
    inventories = Inventories()

    async def look() -> dict[str, str]:
        let_settle()
        first = await inventories.read(target)
        assert await inventories.read(target) is first
        return {name: str(dist.version) for name, dist in first.distributions.items()}

    def pip(*arguments: str) -> None:
        command = [sys.executable, "-m", "pip", "--python", str(environment), *arguments]
        subprocess.run(command, check=True, capture_output=True)

    assert await look() == {}
    pip("install", "--no-index", "-f", str(tmp_path / "w"), "foo==1.0")
    assert await look() == {"foo": "1.0"}
    pip("install", "--no-index", "-f", str(tmp_path / "w"), "foo==2.0")
    assert await look() == {"foo": "2.0"}
    pip("uninstall", "-y", "foo")
    assert await look() == {}
