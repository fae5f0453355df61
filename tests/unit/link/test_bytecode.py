"""Bytecode that comes with a wheel: the interpreter takes it, and it goes where its source goes."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from linkd.core.bytecode import compiled_path
from linkd.core.receipt import LinkMode
from linkd.core.record import parse_record
from linkd.core.wheel import StoredWheel
from linkd.link.modes import LinkPolicy
from linkd.link.rename import KernelRename
from tests.support.stored import SITE, Environment, Store

TAG = sys.implementation.cache_tag or ""
PACKAGE = {
    "pkg/__init__.py": "from pkg import sub\n",
    "pkg/sub/__init__.py": "def fail():\n    raise ValueError('told')  # the line that failed\n",
    "single.py": "import pkg\n",
    "pkg/data.txt": "",
}
LOOK = """
import sys, os, json, inspect, traceback
sys.path.insert(0, sys.argv[1])
sys.path_importer_cache.clear()
compiled = []
sys.addaudithook(lambda event, facts: event == "compile" and compiled.append(str(facts[1])))
import single, pkg.sub
try:
    pkg.sub.fail()
except ValueError:
    trace = traceback.format_exc()
modules = single, pkg, pkg.sub
facts = {
    "cached": [os.path.exists(module.__cached__) for module in modules],
    "compiled": [path for path in compiled if path.startswith(sys.argv[1])],
    "trace": trace,
    "source": inspect.getsource(pkg.sub.fail),
    "filename": pkg.sub.fail.__code__.co_filename,
}
print(json.dumps(facts))
"""


def compiled_in(environment: Environment) -> set[str]:
    """The modules that there is bytecode of, below site-packages; each of them is recorded."""
    return {
        os.path.relpath(path, f"{environment.target.prefix}/{SITE}")
        for path in map(str, environment.target.prefix.rglob("*.pyc"))
    }


def expected(*paths: str) -> set[str]:
    return {compiled_path(path, TAG) for path in paths}


def ready(store: Store, name: str, files: dict[str, str], version: str = "1.0") -> StoredWheel:
    """A wheel of which there is bytecode."""
    wheel = store.wheel(name, version, files=files)
    store.compile(wheel)
    return wheel


def look(environment: Environment) -> dict[str, Any]:
    """Import the package with a real interpreter, and see what it did for that."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LOOK, str(environment.site)],
        capture_output=True,
        text=True,
        check=True,
    )
    facts = json.loads(done.stdout)
    assert isinstance(facts, dict)
    return facts


def stamps(environment: Environment) -> dict[str, tuple[int, int]]:
    """(inode, time) of each compiled file."""
    found = ((path, path.lstat()) for path in environment.site.rglob("*.pyc"))
    return {str(path): (facts.st_ino, facts.st_mtime_ns) for path, facts in found}


@pytest.mark.parametrize("mode", [LinkMode.HARDLINK, LinkMode.COPY, LinkMode.SYMLINK])
def test_imported(store: Store, environment: Environment, mode: LinkMode) -> None:
    """An import takes what came compiled: it compiles nothing and writes nothing, in any mode."""
    wheel = ready(store, "pkg", PACKAGE)
    environment.change(wheel, policy=LinkPolicy(wanted=mode))
    before = stamps(environment)
    facts = look(environment)
    assert len(before) == 3
    assert facts["compiled"] == []
    assert facts["cached"] == [True, True, True]
    assert stamps(environment) == before


def test_traced(store: Store, environment: Environment) -> None:
    """What a module from shared bytecode tells of itself is where its source lies here."""
    environment.change(ready(store, "pkg", PACKAGE))
    facts = look(environment)
    source = environment.site / "pkg/sub/__init__.py"
    assert f'File "{source}", line 2, in fail' in facts["trace"]
    assert "raise ValueError('told')  # the line that failed" in facts["trace"]
    assert facts["source"] == source.read_text()
    assert facts["filename"] == str(source)


def test_not_ready(store: Store, environment: Environment) -> None:
    """Without bytecode the same import compiles, and so would tell of it."""
    environment.change(store.wheel("pkg", files=PACKAGE))
    assert compiled_in(environment) == set()
    assert len(look(environment)["compiled"]) == 3


def test_shared(store: Store, environment: Environment) -> None:
    """Bytecode is the store's own file, and recorded without a hash, as interpreters replace it."""
    wheel = ready(store, "pkg", PACKAGE)
    environment.change(wheel)
    bytecode = store.bytecode.read(wheel.manifest.sha256, TAG)
    assert bytecode is not None
    rows = parse_record((environment.site / "pkg-1.0.dist-info/RECORD").read_text())
    recorded = {row.path: (row.sha256, row.size) for row in rows if row.path.endswith(".pyc")}
    modules = ("pkg/__init__.py", "pkg/sub/__init__.py", "single.py")
    assert recorded == dict.fromkeys(expected(*modules), (None, None))
    for file in bytecode.manifest.files:
        stored = Path(bytecode.tree, file.source)
        assert os.path.samefile(stored, environment.site / file.destination)
    assert environment.problems() == []


def test_uninstalled(store: Store, environment: Environment) -> None:
    """It goes with its distribution; that of others in the same folder stays."""
    environment.change(ready(store, "pkg", PACKAGE), ready(store, "other", {"other.py": ""}))
    environment.change(remove=["pkg"])
    assert compiled_in(environment) == expected("other.py")
    environment.change(remove=["other"])
    assert list(environment.site.iterdir()) == []
    assert store.leftovers() == [] or store.background.submit(store.leftovers).result() == []


def test_rewritten(store: Store, environment: Environment) -> None:
    """What an interpreter has put in its place goes in the same way."""
    environment.change(ready(store, "pkg", PACKAGE))
    for path in environment.site.rglob("*.pyc"):
        fresh = path.with_suffix(".new")
        fresh.write_bytes(b"rewritten")
        fresh.replace(path)
    environment.change(remove=["pkg"])
    assert list(environment.site.iterdir()) == []


@pytest.mark.parametrize("compiled", [True, False])
def test_upgraded(store: Store, environment: Environment, *, compiled: bool) -> None:
    """An upgrade leaves bytecode of the new version alone, or none if there is none."""
    environment.change(ready(store, "pkg", PACKAGE))
    files = {
        "pkg/__init__.py": "from pkg import new\n",
        "pkg/new.py": "",
        "single.py": "x = 123456\n",
    }
    make = ready if compiled else Store.wheel
    wheel = make(store, "pkg", files=files, version="2.0")
    (environment.site / "pkg/mine.txt").write_text("a user's")
    environment.change(wheel)
    modules = ("pkg/__init__.py", "pkg/new.py", "single.py")
    assert compiled_in(environment) == (expected(*modules) if compiled else set())
    assert environment.problems() == [
        f"nobody recorded {environment.site}/pkg/mine.txt",
    ]


def test_same_size_and_time(store: Store, environment: Environment) -> None:
    """Of a module with the size and time of the one before, the old bytecode would count: it goes."""
    environment.change(ready(store, "a", {"shared.py": "x = 1\n", "a.py": ""}))
    environment.change(store.wheel("b", files={"shared.py": "x = 2\n", "b.py": ""}))
    assert (environment.site / "shared.py").read_text() == "x = 2\n"
    assert compiled_in(environment) == expected("a.py")


def test_collision(store: Store, environment: Environment) -> None:
    """At a contested path there is the bytecode of the module that is kept."""
    one = ready(store, "a", {"ns/x.py": "x = 1\n", "ns/a.py": ""})
    two = ready(store, "b", {"ns/x.py": "x = 2\n", "ns/b.py": ""})
    environment.change(one, two)
    kept = store.bytecode.read(two.manifest.sha256, TAG)
    assert kept is not None
    path = compiled_path("ns/x.py", TAG)
    assert os.path.samefile(environment.site / path, Path(kept.tree, f"ns/x.{TAG}.pyc"))
    assert compiled_in(environment) == expected("ns/x.py", "ns/a.py", "ns/b.py")


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_lost_collision(store: Store, environment: Environment, names: tuple[str, str]) -> None:
    """Bytecode of the module that is not kept does not come, whichever comes first."""
    wheels = {
        "a": ready(store, "a", {"ns/x.py": "x = 1\n"}),
        "b": store.wheel("b", files={"ns/x.py": "x = 2\n"}),
    }
    for name in names:
        environment.change(wheels[name])
    assert (environment.site / "ns/x.py").read_text() == "x = 2\n"
    assert compiled_in(environment) == set()


class Gated(KernelRename):
    """Waits before the first publishing of ``x.py``."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.go = threading.Event()

    def noreplace(self, source: str, source_fd: int, target: str, target_fd: int) -> None:
        if source == "x.py" and not self.reached.is_set():
            self.reached.set()
            assert self.go.wait(30)
        super().noreplace(source, source_fd, target, target_fd)


async def test_contested_at_once(store: Store, environment: Environment) -> None:
    """A module and the bytecode beside it are of one wheel, or there is no bytecode, even where
    another wheel's of both has come between them."""
    before = store.wheel("before", files={"ns/y.py": ""})
    one, two = (store.wheel(name, files={"ns/x.py": f"x = '{name}'\n"}) for name in "ab")
    await asyncio.to_thread(store.compile, one, two)
    await environment.request(before)
    store.workspaces.rename = gated = Gated()
    slow = asyncio.create_task(environment.request(two))
    await asyncio.to_thread(gated.reached.wait, 30)
    await environment.request(one)
    gated.go.set()
    await slow
    found = environment.files()
    assert found[f"{SITE}/ns/x.py"] == b"x = 'b'\n"
    assert compiled_in(environment) == set()


def test_never_swapped(store: Store, environment: Environment) -> None:
    """A folder of bytecode at the top, which everybody may put something into, is never exchanged."""
    environment.change(ready(store, "single", {"single.py": "x = 1\n"}))
    folder = environment.site / "__pycache__"
    before = folder.stat().st_ino
    environment.change(ready(store, "single", {"single.py": "x = 23\n"}, version="2.0"))
    assert folder.stat().st_ino == before
    assert compiled_in(environment) == expected("single.py")


def test_found_there(store: Store, environment: Environment) -> None:
    """Bytecode that an interpreter left at its place is nobody's file to be kept."""
    wheel = ready(store, "pkg", PACKAGE)
    left = environment.site / compiled_path("single.py", TAG)
    left.parent.mkdir()
    left.write_bytes(b"left by an import")
    outcome = environment.change(wheel)
    assert outcome.kept_files == ()
    assert look(environment)["compiled"] == []


def test_brought(store: Store, environment: Environment) -> None:
    """Where a wheel brings bytecode of its own, that is left as it is."""
    path = compiled_path("a/b.py", TAG)
    wheel = store.wheel("a", files={"a/b.py": "", "a/c.py": "", path: b"the wheel's own"})
    store.compile(wheel)
    environment.change(wheel)
    assert (environment.site / path).read_bytes() == b"the wheel's own"
    assert compiled_in(environment) == expected("a/b.py", "a/c.py")
    environment.change(remove=["a"])
    assert list(environment.site.iterdir()) == []


def test_damaged(store: Store, environment: Environment) -> None:
    """Bytecode that was edited in place goes nowhere: it is left out, and made again."""
    wheel = ready(store, "pkg", PACKAGE)
    bytecode = store.bytecode.read(wheel.manifest.sha256, TAG)
    assert bytecode is not None
    Path(bytecode.tree, f"single.{TAG}.pyc").write_bytes(b"edited")
    environment.change(wheel)
    assert compiled_in(environment) == set()
    assert environment.problems() == []
    assert not store.bytecode.is_ready(wheel.manifest.sha256, TAG)
    store.compile(wheel)
    environment.change(remove=["pkg"])
    environment.change(wheel)
    assert len(compiled_in(environment)) == 3
    assert environment.problems() == []


def test_undone(store: Store, environment: Environment) -> None:
    """A request that fails takes its bytecode back with the rest."""
    environment.change(ready(store, "other", {"other.py": ""}))
    before = environment.files()
    (environment.site / "last").mkdir()
    wheel = ready(store, "pkg", {**PACKAGE, "zlast.py": ""})
    late = store.wheel("zz", files={"last": "in the way"})
    with pytest.raises(Exception, match="last"):
        environment.change(wheel, late)
    (environment.site / "last").rmdir()
    assert environment.files() == before
