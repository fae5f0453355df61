"""A machine that lost power: what was new then is looked at before it is used."""

import asyncio
import os
from pathlib import Path

import pytest

from linkd.store.durability import boot_id, forget_unsure_constants, read_marks
from linkd.store.layout import Layout
from linkd.store.state import State
from linkd.store.store import Store
from tests.support.wheels import make_wheel
from tests.unit.store.surroundings import FolderDownloads, dist_file, sha256_of, tree_text


@pytest.fixture
def wheel(index: Path) -> Path:
    return make_wheel(index, "foo")


async def lose_power(layout: Layout, store: Store, wheel: Path) -> Path:
    """Have a wheel that was new in another boot; gives a file of it."""
    stored = (await store.ensure(dist_file(wheel))).wheel
    mark = layout.unsynced_mark(sha256_of(wheel))
    os.unlink(mark)
    os.symlink("another-boot", mark)
    return Path(stored.tree, "foo/__init__.py")


async def test_marked(layout: Layout, store: Store, wheel: Path) -> None:
    """A new wheel is marked with the boot it came in."""
    await store.ensure(dist_file(wheel))
    assert boot_id() == os.readlink(layout.unsynced_mark(sha256_of(wheel)))
    assert (frozenset({sha256_of(wheel)}), frozenset()) == read_marks(layout)


@pytest.mark.parametrize("restarted", [False, True])
async def test_synced(
    layout: Layout, downloads: FolderDownloads, state: State, wheel: Path, restarted: bool
) -> None:
    """The mark goes when the file system has been synced; by the next daemon at the latest."""
    store = Store(layout, downloads, state, sync_s=60 if restarted else 0)
    await store.start()
    await store.ensure(dist_file(wheel))
    if restarted:
        await store.close()
        assert [sha256_of(wheel)] == os.listdir(layout.unsynced)
        store = Store(layout, downloads, state, sync_s=0)
        await store.start()
    while os.listdir(layout.unsynced):  # noqa: ASYNC110 - another thread removes it
        await asyncio.sleep(0.01)
    await store.close()


@pytest.mark.parametrize("damage", ["emptied", "changed", "gone"])
async def test_damaged(
    layout: Layout, store: Store, downloads: FolderDownloads, wheel: Path, damage: str
) -> None:
    """A wheel that the loss of power has damaged is put aside and fetched again."""
    path = await lose_power(layout, store, wheel)
    content = path.read_text()
    if damage == "gone":
        path.unlink()
    else:
        path.write_text("" if damage == "emptied" else content.swapcase())

    second_state = State(layout.state)
    second = Store(layout, downloads, second_state)
    await second.start()
    assert await second.find(sha256_of(wheel)) is None
    ensured = await second.ensure(dist_file(wheel))
    await second.close()
    second_state.close()
    assert (2, content) == (len(downloads.asked), tree_text(ensured.wheel, "foo/__init__.py"))
    assert (frozenset({sha256_of(wheel)}), frozenset()) == read_marks(layout)


async def test_constants_of_another_boot(layout: Layout, store: Store) -> None:
    """Constant files of another boot are made anew; the shapes of trees stay, and so do the
    constants of this boot."""
    folder = Path(layout.constants)
    for boot, left in (("another-boot", {"SHAPE-1"}), (boot_id(), {"SHAPE-1", "INSTALLER"})):
        for name in ("INSTALLER", "SHAPE-1"):
            (folder / name).touch()
        (folder / "BOOT").unlink(missing_ok=True)
        (folder / "BOOT").symlink_to(boot)
        await asyncio.to_thread(forget_unsure_constants, layout)
        assert set(os.listdir(folder)) == left | {"BOOT"}
        assert os.readlink(folder / "BOOT") == boot_id()


async def test_undamaged(
    layout: Layout, store: Store, downloads: FolderDownloads, state: State, wheel: Path
) -> None:
    """One that is whole is used, and not doubted again."""
    await lose_power(layout, store, wheel)
    second = Store(layout, downloads, state)
    await second.start()
    assert await second.find(sha256_of(wheel)) is not None
    await second.close()
    assert len(downloads.asked) == 1
    assert (frozenset(), frozenset()) == read_marks(layout)
