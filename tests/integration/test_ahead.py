"""Trees staged ahead by the real process, from a real store, into real environments."""

import asyncio
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from linkd.core.record import parse_record
from linkd.core.wheel import StoredWheel
from linkd.errors import WheelDamaged
from linkd.link.pool import PoolLimits
from linkd.store.workspace import clear_leftovers
from tests.support.ahead import Circumstances, background, order_of, until
from tests.support.stored import Environment, Store, make_target

ENTRY_POINTS: Final = "[console_scripts]\nrich-run = rich.main:run\n"


def rich(store: Store) -> StoredWheel:
    """A wheel with something for every scheme."""
    return store.wheel(
        "rich",
        files={"rich/__init__.py": "", "rich/sub/deep/a.py": "a = 1\n", "rich.pth": ""},
        data={"scripts/tool": "#!python\n", "data/share/rich.txt": "x", "headers/r.h": ""},
        entry_points=ENTRY_POINTS,
    )


@pytest.fixture
def other(store: Store, tmp_path: Path) -> Environment:
    return Environment(store, make_target(tmp_path / "other"))


def facts(environment: Environment) -> Mapping[str, object]:
    """Of each file: mode; for what is linked its inode, else its content; RECORD's rows as a set.

    Interpreters and times of what is written are each environment's own.
    """
    prefix = environment.target.prefix
    found: dict[str, object] = {}
    for folder, _, names in os.walk(prefix):
        found[os.path.relpath(folder, prefix)] = os.stat(folder).st_mode
        for name in names:
            path = Path(folder, name)
            status = path.stat()
            content: object = (status.st_ino, status.st_mtime_ns)
            if status.st_nlink == 1:
                content = path.read_bytes()
            if name == "RECORD":
                content = frozenset(parse_record(path.read_text()))
            found[str(path.relative_to(prefix))] = (status.st_mode, content)
    return found


async def test_the_same_as_on_demand(
    store: Store, environment: Environment, other: Environment
) -> None:
    """An environment gets the same files, inodes, modes and times from the pool as without it."""
    wheels = [rich(store), store.wheel("plain")]
    async with background(store) as work:
        first = await environment.request(*wheels)
        work.ahead.want(first.orders)
        await work.idle()
        second = await other.request(*wheels)
    assert [tree.prestaged for tree in first.trees] == [False, False]
    assert [tree.prestaged for tree in second.trees] == [True, True]
    assert (work.pool.hits, work.pool.misses) == (2, 2)
    assert facts(environment) == facts(other)
    assert environment.problems() == other.problems() == []
    assert first.trees[0].links == second.trees[0].links


async def test_launchers_with_a_version(store: Store, environment: Environment) -> None:
    """A project whose launchers are named after the environment's Python has those in its tree."""
    points = "".join(f"pip{version} = pip:main\n" for version in ("", "3", "3.7"))
    wheel = store.wheel("pip", entry_points=f"[console_scripts]\n{points}")
    interpreter = replace(environment.target.interpreter, markers={"python_version": "3.12"})
    environment.target = replace(environment.target, interpreter=interpreter)
    async with background(store) as work:
        await work.fill(environment, wheel)
        [tree] = work.trees()
    scripts = os.path.join(store.layout.pool, tree, "scripts")
    assert sorted(os.listdir(scripts)) == ["pip", "pip3", "pip3.12"]


def edited(tree: Path) -> None:
    (tree / "purelib/rich/sub/deep/a.py").write_text("edited")


def removed(tree: Path) -> None:
    (tree / "purelib/rich/__init__.py").unlink()


def added(tree: Path) -> None:
    (tree / "purelib/rich/added.py").write_text("")


def replaced(tree: Path) -> None:
    path = tree / "purelib/rich/__init__.py"
    path.unlink()
    path.write_text("")


def leave_half_made(store: Store, name: str) -> None:
    """As a killed process does it; then clear it away as a daemon does that starts."""
    Path(store.layout.pool, name, "purelib").mkdir(parents=True)
    clear_leftovers(store.layout.pool, before=time.time() + 1, keep=".tree")


async def test_trees_survive_a_restart(
    store: Store, environment: Environment, other: Environment
) -> None:
    """What an earlier daemon staged is looked at and used; what it was just making goes."""
    wheel = rich(store)
    async with background(store) as work:
        await work.fill(environment, wheel)
        [name] = work.trees()
    leave_half_made(store, f"{name.removesuffix('.tree')}.new")
    async with background(store) as work:
        await work.idle()
        assert work.trees() == [name]
        assert work.pool.staged == 1
        outcome = await other.request(wheel)
    assert [tree.prestaged for tree in outcome.trees] == [True]
    assert other.problems() == []


@pytest.mark.parametrize("change", [edited, removed, added, replaced])
async def test_a_flawed_tree_does_not_survive(
    store: Store, environment: Environment, change: Callable[[Path], None]
) -> None:
    """A tree in which something was changed, removed, added or replaced is thrown away."""
    wheel = rich(store)
    async with background(store) as work:
        await work.fill(environment, wheel, store.wheel("plain"))
        [name] = [name for name in work.trees() if name.startswith(wheel.manifest.sha256)]
        [plain] = [other for other in work.trees() if other != name]
    change(Path(store.layout.pool, name))
    async with background(store) as work:
        await work.idle()
        assert work.trees() == [plain]
        assert work.pool.staged == 1


async def test_looked_at_again(store: Store, environment: Environment) -> None:
    """Trees are looked at from time to time: a file that was edited in place through an environment
    is found before another one gets it, and its wheel is used no more."""
    wheel = store.wheel("foo")
    async with background(store, Circumstances(check_every=0.05)) as work:
        outcome = await environment.request(wheel)
        work.ahead.want(outcome.orders)
        await work.idle()
        (environment.site / "foo/__init__.py").write_text("edited")
        await until(lambda: work.quarantined)
        await until(lambda: not work.trees())
        assert set(work.quarantined) == {wheel.manifest.sha256}
        assert work.pool.lacking == 0


async def test_a_damaged_wheel_is_not_staged(
    store: Store, environment: Environment, other: Environment
) -> None:
    """A wheel whose file was edited in place is neither staged ahead nor on demand."""
    wheel = store.wheel("foo")
    await environment.request(wheel)
    (environment.site / "foo/__init__.py").write_text("edited")
    with pytest.raises(WheelDamaged):
        await other.request(wheel)
    async with background(store) as work:
        await work.fill(environment, wheel)
        assert work.quarantined == [wheel.manifest.sha256]
        assert (work.trees(), work.pool.lacking) == ([], 0)


async def test_a_process_that_is_killed(store: Store, environment: Environment) -> None:
    """A process that is killed in the middle of a tree is started again, and nothing is left."""
    large = store.wheel("large", files={f"large/m{n}/x.py": "" for n in range(2000)})
    async with background(store) as work:
        await work.fill(environment, store.wheel("small"))
        work.ahead.want([order_of(large, environment.target)])
        await until(lambda: any(name.endswith(".new") for name in work.trees()))
        assert work.worker.pid is not None
        os.kill(work.worker.pid, signal.SIGKILL)
        await work.idle()
        assert work.pool.staged == 2
        assert [name for name in work.trees() if not name.endswith(".tree")] == []


async def test_a_process_that_hangs(store: Store, environment: Environment) -> None:
    """A process that does not answer is ended after a while, and another one does its work."""
    async with background(store, Circumstances(patience=5)) as work:
        await work.fill(environment, store.wheel("first"))
        hanging = work.worker.pid
        assert hanging is not None
        os.kill(hanging, signal.SIGSTOP)
        work.worker._patience = 0.2
        work.ahead.want([order_of(store.wheel("second"), environment.target)])
        await until(lambda: work.worker.pid != hanging)
        work.worker._patience = 60
        await work.idle()
        assert work.pool.staged == 2


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["/no/such/interpreter"], id="that cannot be started"),
        pytest.param([sys.executable, "-c", "pass"], id="that ends at once"),
        pytest.param([sys.executable, "-c", "print('odd'); input()"], id="that answers oddly"),
    ],
)
async def test_a_process_that_is_none(
    store: Store, environment: Environment, command: list[str]
) -> None:
    """With a process that does not work nothing is staged ahead, nothing is pending, and whoever
    waits is told; it is tried again when something is wanted again."""
    orders = [order_of(store.wheel(f"foo{n}"), environment.target) for n in range(9)]
    async with background(store) as work:
        good, work.worker.command = work.worker.command, command
        work.ahead.want(orders)
        reasons = await work.ahead.ready(orders, lambda _: None)
        assert reasons.keys() == {order.key for order in orders}
        assert all("the staging process failed" in reason for reason in reasons.values())
        assert (work.ahead.pending, work.trees()) == (0, [])
        work.worker.command = good
        work.ahead.want(orders)
        assert await work.ahead.ready(orders, lambda _: None) == {}
        assert work.pool.staged == 9


async def test_requests_do_not_wait(
    store: Store, environment: Environment, other: Environment
) -> None:
    """While the process stands still in the middle of its work, requests are carried out."""
    wheels = [store.wheel(f"foo{n}") for n in range(3)]
    async with background(store) as work:
        await work.fill(environment, wheels[0])
        assert work.worker.pid is not None
        os.kill(work.worker.pid, signal.SIGSTOP)
        try:
            work.ahead.want([order_of(wheel, environment.target) for wheel in wheels], depth=2)
            outcome = await environment.request(*wheels)
            again = await other.request(*wheels)
        finally:
            os.kill(work.worker.pid, signal.SIGCONT)
        assert [tree.prestaged for tree in outcome.trees] == [True, False, False]
        assert [tree.prestaged for tree in again.trees] == [False, False, False]
        await work.idle()
        assert work.pool.staged == 6


async def test_it_waits_for_requests_but_not_for_ever(
    store: Store, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Staging waits for a quiet moment, and goes on if none comes."""
    monkeypatch.setattr("linkd.store.background._PATIENCE_S", 0.3)
    busy = True
    async with background(store, Circumstances(busy=lambda: busy)) as work:
        work.ahead.want([order_of(store.wheel("foo"), environment.target)])
        await asyncio.sleep(0.05)
        assert (work.ahead.pending, work.worker.pid) == (1, None)
        await work.idle()
        assert work.pool.staged == 1


async def test_a_pool_that_is_deleted(
    store: Store, environment: Environment, other: Environment
) -> None:
    """With the pool's folder deleted by hand requests are carried out, and it is filled again."""
    wheel = store.wheel("foo")
    async with background(store) as work:
        await work.fill(environment, wheel)
        shutil.rmtree(store.layout.pool)
        work.ahead.want([order_of(store.wheel("bar"), environment.target)])
        await work.idle()
        outcome = await environment.request(wheel)
        assert [tree.prestaged for tree in outcome.trees] == [False]
        work.ahead.want(outcome.orders)
        await work.idle()
        assert [tree.prestaged for tree in (await other.request(wheel)).trees] == [True]


async def test_little_space(store: Store, environment: Environment) -> None:
    """Where less of the file system is free than shall be, nothing is staged, and that is told."""
    orders = [order_of(store.wheel(f"foo{n}"), environment.target) for n in range(3)]
    async with background(store, Circumstances(min_free=100)) as work:
        work.ahead.want(orders)
        reasons = await work.ahead.ready(orders, lambda _: None)
        assert len(reasons) == 3
        assert all("under 100 %" in reason for reason in reasons.values())
        assert (work.trees(), work.ahead.pending) == ([], 0)


async def test_a_full_budget(store: Store, environment: Environment) -> None:
    """Folders that are staged stay within the budget; what is left out is not pending."""
    wheels = [store.wheel(f"foo{n}") for n in range(4)]
    [order, *_] = orders = [order_of(wheel, environment.target) for wheel in wheels]
    async with background(store, Circumstances(limits=PoolLimits(folders=14))) as work:
        work.ahead.want([order])
        await work.idle()
        [tree] = work.trees()
        folders = sum(1 for _ in os.walk(Path(store.layout.pool, tree)))
        assert folders == 5
        work.ahead.want(orders)
        assert await work.ahead.ready(orders, lambda _: None) == {}
        assert [work.pool.ready(order.key) for order in orders] == [0, 0, 1, 1]
        assert work.ahead.pending == 0


async def test_a_wheel_that_is_gone(store: Store, environment: Environment) -> None:
    """What has no wheel in the store any more is not wanted any more, and its trees go."""
    wheel = store.wheel("foo")
    async with background(store) as work:
        await work.fill(environment, wheel)
        shutil.rmtree(os.path.dirname(wheel.tree))
        await work.fill(environment, wheel, depth=2)
        assert (work.trees(), work.pool.lacking) == ([], 0)


async def test_two_caches(tmp_path: Path) -> None:
    """Daemons with different caches have pools of their own."""
    stores = [Store(tmp_path / name) for name in ("one", "two")]
    environments = [Environment(store, make_target(store.root / "environment")) for store in stores]
    try:
        async with background(stores[0]) as one, background(stores[1]) as two:
            await one.fill(environments[0], stores[0].wheel("foo"))
            outcome = await environments[1].request(stores[1].wheel("foo"))
            assert [tree.prestaged for tree in outcome.trees] == [False]
            assert (len(one.trees()), len(two.trees())) == (1, 0)
    finally:
        for store in stores:
            store.close()


async def test_many_requests_at_once(store: Store, tmp_path: Path) -> None:
    """Eight requests for the same wheels at the same moment get different trees, all of them whole."""
    wheels = [rich(store), store.wheel("plain")]
    environments = [
        Environment(store, make_target(tmp_path / f"environment-{n}")) for n in range(8)
    ]
    async with background(store) as work:
        await work.fill(environments[0], *wheels, depth=5)
        outcomes = await asyncio.gather(*(one.request(*wheels) for one in environments))
    prestaged = Counter(tree.prestaged for outcome in outcomes for tree in outcome.trees)
    assert prestaged == {True: 10, False: 6}
    assert [one.problems() for one in environments] == [[]] * 8
