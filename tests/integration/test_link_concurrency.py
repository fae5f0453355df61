"""Many requests at work in one environment at the same time."""

import asyncio
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from linkd.core.wheel import StoredWheel
from linkd.errors import LinkdError, PathOccupied
from linkd.link.ledger import Standing
from linkd.link.rename import KernelRename, PortableRename, Rename
from tests.support.stored import SITE, Environment, Store

AT_ONCE = 16
ROUNDS = 12

RENAMES = pytest.mark.parametrize(
    "rename", [KernelRename(), PortableRename()], ids=["kernel", "portable"]
)


def namespace_wheels(store: Store, count: int, version: str) -> list[StoredWheel]:
    """As those of NVIDIA: all of them have the namespace's own module, each its own folder."""
    return [
        store.wheel(
            f"space-{number:02}",
            version,
            files={
                "space/__init__.py": "shared = True\n",
                "space/inner/__init__.py": "",
                f"space/lib{number}/__init__.py": f"version = '{version}'\n",
                f"space/lib{number}/only{version.replace('.', '_')}.py": "",
                f"space/inner/mod{number}.py": f"version = '{version}'\n",
            },
            data={f"data/share/space/{number}": version},
            entry_points=f"[console_scripts]\nspace-{number} = space:main\n",
        )
        for number in range(count)
    ]


@RENAMES
def test_everybody_at_once(store: Store, environment: Environment, rename: Rename) -> None:
    """Installing, upgrading and removing in one environment at once leaves it whole and clean."""
    store.workspaces.rename = rename
    old, new = (namespace_wheels(store, AT_ONCE, version) for version in ("1.0", "2.0"))
    chance = random.Random(7)

    async def everybody() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE))
        requests = []
        for number in range(AT_ONCE):
            match chance.randrange(4):
                case 0:
                    name = old[number].manifest.name
                    requests.append(environment.request(remove=[name]))
                case 1:
                    requests.append(environment.request(new[number]))
                case 2:
                    requests.append(environment.request(old[number], new[number - 1]))
                case _:
                    requests.append(environment.request(old[number]))
        await asyncio.gather(*requests)

    for _ in range(ROUNDS):
        asyncio.run(everybody())
        assert environment.problems() == []

    names = list(environment.installed())
    environment.change(remove=names)
    assert {f"{SITE}/", "bin/"} == environment.files().keys()
    store.close()
    assert store.leftovers() == []


@RENAMES
def test_failing_among_others(store: Store, environment: Environment, rename: Rename) -> None:
    """Requests that fail take back their own files and nobody else's."""
    store.workspaces.rename = rename
    good = namespace_wheels(store, 8, "1.0")
    bad = [
        store.wheel(
            f"bad-{number}",
            files={
                "space/__init__.py": "shared = True\n",
                f"space/bad{number}.py": "",
                "space/inner/bad/x.py": "",
                "zzz/x.py": "",
            },
        )
        for number in range(8)
    ]
    (environment.site / "zzz").write_text("in the way")

    async def everybody() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE))
        requests = [
            environment.request(wheel) for pair in zip(bad, good, strict=True) for wheel in pair
        ]
        answers = await asyncio.gather(*requests, return_exceptions=True)
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        assert [PathOccupied] * 8 == [type(error) for error in errors]

    for _ in range(ROUNDS // 2):
        asyncio.run(everybody())
        assert [f"nobody recorded {environment.site / 'zzz'}"] == environment.problems()
        environment.change(remove=[wheel.manifest.name for wheel in good])


@pytest.mark.parametrize("last", ["abc", "xyz"])
@pytest.mark.parametrize("fails", [None, "abc", "xyz"])
@RENAMES
def test_the_winner_of_two_at_once(
    store: Store, environment: Environment, last: str, fails: str | None, rename: Rename
) -> None:
    """Of two requests under way at once the content of the later name stays, unless it failed."""
    store.workspaces.rename = rename
    (environment.site / "way").write_text("in the way")
    names = {"abc", "xyz"}
    wheels = {
        name: store.wheel(
            name,
            files={"space/both.py": name, f"{name}.py": ""}
            | ({"way/x.py": ""} if name == fails else {}),
            data={"scripts/both": f"#!python\n# {name}\n"},
            entry_points=f"[console_scripts]\nlaunch = {name}:main\n",
        )
        for name in names
    }

    both_stand = threading.Barrier(2)
    first_done = threading.Event()

    def before(name: str) -> None:
        both_stand.wait(10)
        if name == last:
            first_done.wait(10)

    async def one(name: str) -> None:
        try:
            await environment.request(wheels[name], before=lambda _standing: before(name))
        except PathOccupied:
            assert name == fails
        finally:
            first_done.set()

    async def two() -> None:
        await asyncio.gather(*(one(name) for name in sorted(names)))

    asyncio.run(two())

    winner = max(names - {fails})
    files = environment.files()
    assert winner.encode() == files[f"{SITE}/space/both.py"]
    script, launcher = files["bin/both"], files["bin/launch"]
    assert isinstance(script, bytes)
    assert isinstance(launcher, bytes)
    assert script.startswith(f"#!{sys.executable}\n".encode())
    assert script.endswith(f"# {winner}\n".encode())
    assert f"from {winner} import main".encode() in launcher


@pytest.mark.parametrize("fails", [False, True])
def test_the_last_of_two_owners_that_go_at_once(
    store: Store, environment: Environment, *, fails: bool
) -> None:
    """A file of two that are removed at once goes with the later one, unless that one stays."""
    shared = {"space/both.py": "both"}
    environment.change(
        store.wheel("abc", files={**shared, "abc.py": ""}),
        store.wheel("xyz", files={**shared, "xyz.py": ""}),
    )
    both_stand = threading.Barrier(2)

    def stand_together(_standing: Standing) -> None:
        both_stand.wait(10)

    way = store.wheel("way", files={"zzz/x.py": ""})
    if fails:
        (environment.site / "zzz").write_text("in the way")

    async def two() -> None:
        await asyncio.gather(
            environment.request(remove=["abc"], before=stand_together),
            environment.request(*([way] if fails else []), remove=["xyz"], before=stand_together),
            return_exceptions=fails,
        )

    asyncio.run(two())

    assert fails == (f"{SITE}/space/both.py" in environment.files())
    assert ["xyz"] * fails == list(environment.installed())


def test_a_file_that_comes_while_another_owner_goes(store: Store, environment: Environment) -> None:
    """What is installed and done with while another owner's removal is under way stays."""
    shared = {"space/both.py": "both"}
    environment.change(store.wheel("abc", files={**shared, "abc.py": "", "space/abc.py": ""}))
    other = store.wheel("xyz", files={**shared, "bin.py": ""})
    stands, go = threading.Event(), threading.Event()

    def hold(standing: Standing) -> None:
        stands.set()
        go.wait(10)

    async def two() -> None:
        removing = asyncio.create_task(environment.request(remove=["abc"], before=hold))
        await asyncio.to_thread(stands.wait, 10)
        installing = asyncio.create_task(environment.request(other))
        await asyncio.sleep(0.1)
        go.set()
        await asyncio.gather(removing, installing)

    asyncio.run(two())

    assert environment.problems() == []
    assert {"xyz"} == environment.installed().keys()


def test_a_failing_request_leaves_what_has_come_since(
    store: Store, environment: Environment
) -> None:
    """Undoing keeps what a request that began later, and is done, has put into the same folder."""
    (environment.site / "zzz").write_text("in the way")
    (environment.site / "space").mkdir()
    (environment.site / "space" / "mine.py").write_text("")
    failing = store.wheel(
        "abc", files={"space/both.py": "both", "space/sub/abc.py": "", "zzz/x": ""}
    )
    other = store.wheel("xyz", files={"space/both.py": "both", "space/sub/xyz.py": ""})
    published, go = threading.Event(), threading.Event()

    class Waiting(KernelRename):
        def noreplace(self, source: str, source_fd: int, target: str, target_fd: int) -> None:
            if source == "zzz":
                published.set()
                go.wait(10)
            super().noreplace(source, source_fd, target, target_fd)

    store.workspaces.rename = Waiting()

    async def two() -> None:
        first = asyncio.create_task(environment.request(failing))
        await asyncio.to_thread(published.wait, 10)
        await environment.request(other)
        go.set()
        with pytest.raises(PathOccupied):
            await first

    asyncio.run(two())

    (environment.site / "zzz").unlink()
    (environment.site / "space" / "mine.py").unlink()
    assert environment.problems() == []
    assert {"xyz"} == environment.installed().keys()


@contextmanager
def in_a_loop(work: object) -> Iterator[list[BaseException]]:
    """Call `work` in another thread again and again."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def run() -> None:
        while not stop.is_set():
            try:
                work()  # type: ignore[operator]
            except BaseException as error:  # noqa: BLE001
                errors.append(error)
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield errors
    finally:
        stop.set()
        thread.join()


@RENAMES
def test_readers_see_whole_files(store: Store, environment: Environment, rename: Rename) -> None:
    """A file that is replaced is there at every moment, and is the old or the new one."""
    store.workspaces.rename = rename
    old = store.wheel("foo", "1.0", files={"space/foo.py": "old" * 999})
    new = store.wheel("foo", "2.0", files={"space/foo.py": "new" * 999})
    environment.change(store.wheel("bar", files={"space/bar.py": ""}), old)
    path = environment.site / "space/foo.py"
    whole = {"old" * 999, "new" * 999}

    def read() -> None:
        assert path.read_text() in whole

    with in_a_loop(read) as errors:
        for _ in range(20):
            environment.change(new)
            environment.change(old)
    assert errors == []


IMPORTING = """
import importlib, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import foo
print("ready", flush=True)
seen = set()
while not sys.stdin.closed:
    for name in [name for name in sys.modules if name.partition(".")[0] == "foo"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    import foo, foo.part
    seen.add(foo.version)
    if set(sys.argv[2:]) <= seen:
        break
print("done", flush=True)
"""


def test_imports_during_an_upgrade(store: Store, environment: Environment) -> None:
    """A process that imports a package while it is upgraded finds the old or the new one."""
    versions = ("1.0", "2.0")
    old, new = (
        store.wheel(
            "foo", one, files={"foo/__init__.py": f"version = '{one}'\n", "foo/part.py": ""}
        )
        for one in versions
    )
    environment.change(old)
    process = subprocess.Popen(
        [sys.executable, "-c", IMPORTING, str(environment.site), *versions],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        while process.poll() is None:
            environment.change(new)
            environment.change(old)
        assert (process.stdout.read(), process.stderr.read()) == ("done\n", "")


@RENAMES
def test_folders_that_are_removed(store: Store, environment: Environment, rename: Rename) -> None:
    """Folders that somebody removes whenever they are empty do not keep anything from coming."""
    store.workspaces.rename = rename
    wheels = namespace_wheels(store, 3, "1.0")
    folders = ["space/inner", "space/lib0", "space/lib1", "space"]

    def remove() -> None:
        for folder in folders:
            path = environment.site / folder
            for change in (Path.mkdir, Path.rmdir):
                try:
                    change(path)
                except OSError:
                    continue

    for _ in range(10):
        with in_a_loop(remove) as errors:
            environment.change(*wheels)
        assert errors == []
        assert environment.problems() == []
        environment.change(remove=[wheel.manifest.name for wheel in wheels])


def test_a_folder_that_is_taken_away(
    store: Store, environment: Environment, tmp_path: Path
) -> None:
    """A folder moved away with what had just come into it fails the request; nothing is half."""
    wheel = store.wheel("foo", files={"space/a.py": "new", "space/b.py": "new"})
    (environment.site / "space").mkdir()
    (environment.site / "space/a.py").write_text("old")

    class Rude(KernelRename):
        def noreplace(self, source: str, source_fd: int, target: str, target_fd: int) -> None:
            if source == "b.py":
                os.rename(environment.site / "space/a.py", tmp_path / "a.py")
                os.rmdir(environment.site / "space")
            super().noreplace(source, source_fd, target, target_fd)

    store.workspaces.rename = Rude()
    with pytest.raises(LinkdError):
        environment.change(wheel)

    assert {f"{SITE}/", "bin/"} == environment.files().keys()
