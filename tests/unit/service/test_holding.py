"""Which requests an environment answers is remembered as long as it is the same environment."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from linkd.core.target import Target
from linkd.resolve.requirement import parse_requirement
from linkd.resolve.resolver import ResolveRequest
from linkd.service.holding import Holdings
from linkd.venv.inventory import Inventories
from linkd.venv.probe import Prober
from tests.support.stamps import let_settle
from tests.unit.venv.environments import Memory, make_environment

FOO, BAR = NormalizedName("foo"), NormalizedName("bar")


def add(site: Path, name: str, version: str, *requires: str) -> Path:
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {each}" for each in requires]
    (folder / "METADATA").write_text("\n".join([*lines, ""]))
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("made") / "env")


@pytest.fixture
async def target(environment: Path) -> Target:
    """foo 1.0, which needs bar, which is there."""
    target = await Prober(Memory()).probe(str(environment))
    for folder in target.site_packages.glob("*-info"):
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    add(target.site_packages, "foo", "1.0", "bar")
    add(target.site_packages, "bar", "1.0")
    let_settle()
    return target


class Asking:
    """One daemon's memory, asked again and again."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.holdings = Holdings(Inventories())

    async def __call__(self, *texts: str, constraints: tuple[str, ...] = ()) -> list[str] | None:
        request = ResolveRequest(
            requirements=tuple(parse_requirement(text, origin="", directory="/") for text in texts),
            constraints=tuple(
                parse_requirement(text, origin="", directory="/") for text in constraints
            ),
        )
        inventory = await self.holdings.read(self.target)
        names = await self.holdings.satisfying(request, inventory, self.target.interpreter)
        return None if names is None else sorted(names)


async def test_what_answers_again(target: Target) -> None:
    """The answer is the same as long as the environment is; other requests have their own."""
    ask = Asking(target)
    assert [
        await ask("foo"),
        await ask("foo"),
        await ask("bar"),
        await ask("foo>1"),
        await ask("foo", constraints=("bar>1",)),
        await ask("foo", constraints=("bar<2",)),
        await ask("foo"),
    ] == [["bar", "foo"], ["bar", "foo"], ["bar"], None, None, ["bar", "foo"], ["bar", "foo"]]


async def test_metadata_is_read_once(target: Target) -> None:
    """An answer that is remembered looks into no file, however the requirement was written."""
    ask = Asking(target)
    await ask("foo", "bar")
    metadata = target.site_packages / "foo-1.0.dist-info" / "METADATA"
    times = metadata.stat()
    # Not to be told from what it was but by reading it
    metadata.write_text(metadata.read_text().replace("bar", "baz"))
    os.utime(metadata, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert await ask("Foo", "bar") == ["bar", "foo"]


def edit(site: Path) -> None:
    (site / "foo-1.0.dist-info" / "METADATA").write_text(
        "Name: foo\nVersion: 1.0\nRequires-Dist: baz\n"
    )


def remove(site: Path) -> None:
    (site / "bar-1.0.dist-info" / "METADATA").unlink()


def upgrade(site: Path) -> None:
    os.rename(site / "bar-1.0.dist-info", site / "bar-2.0.dist-info")


@pytest.mark.parametrize("change", [edit, remove, upgrade])
async def test_a_change_by_hand(target: Target, change: Callable[[Path], None]) -> None:
    """What does not answer any more because of a hand is noticed at once."""
    ask = Asking(target)
    assert await ask("foo", constraints=("bar<2",)) == ["bar", "foo"]
    change(target.site_packages)
    assert await ask("foo", constraints=("bar<2",)) is None


async def test_where_it_came_from(target: Target) -> None:
    """A direct_url.json that is edited is read again, though no folder's time tells of it."""
    direct = target.site_packages / "bar-1.0.dist-info" / "direct_url.json"
    url = "https://example.org/bar-1.0-py3-none-any.whl"
    direct.write_text(f'{{"url": "{url}", "archive_info": {{}}}}')
    let_settle()
    ask = Asking(target)
    assert await ask(f"bar @ {url}") == ["bar"]
    direct.write_text('{"url": "https://example.org/other.whl", "archive_info": {}}')
    assert await ask(f"bar @ {url}") is None
