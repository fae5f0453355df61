"""Transactions that are killed at every single change of the disk, each in a process of its own.

Run as a program, because it forks and must have no threads: it prints a JSON object with what it
did and every way in which an environment was not as before once the crash was recovered from.
"""

import json
import os
import random
import re
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from linkd.core.wheel import StoredWheel
from linkd.link.recovery import find_crashed, undo
from linkd.link.rename import KernelRename, PortableRename, Rename
from tests.support.stored import Environment, Store, make_target

_CHANGES: Final = frozenset(
    {"os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.remove", "os.chmod"}
)
_STAMP: Final = re.compile(r"(?<=^replaced-files/)[^/]+")
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT
RENAMES: Final[dict[str, type[KernelRename] | type[PortableRename]]] = {
    "kernel": KernelRename,
    "portable": PortableRename,
}


class _Fuse:
    """Kills this very process before its so-manieth change of the disk."""

    def __init__(self, changes: int) -> None:
        self._left = changes

    def burn(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        """As an audit hook (PEP 578): called before the change is made."""
        if event in _CHANGES or (event == "open" and arguments[2] & _WRITING):
            self.burn()


@dataclass(slots=True)
class _Fused:
    """A rename that no audit hook hears of."""

    rename: Rename
    fuse: _Fuse
    moves_folders: bool = field(init=False)

    def __post_init__(self) -> None:
        self.moves_folders = self.rename.moves_folders

    def noreplace(self, source: str, source_fd: int, target: str, target_fd: int) -> None:
        if self.moves_folders:
            self.fuse.burn()
        self.rename.noreplace(source, source_fd, target, target_fd)

    def exchange(self, source: str, source_fd: int, target: str, target_fd: int) -> None:
        if self.moves_folders:
            self.fuse.burn()
        self.rename.exchange(source, source_fd, target, target_fd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is there, and what is done then."""

    there: Callable[[Store], Sequence[StoredWheel]]
    comes: Callable[[Store], Sequence[StoredWheel]] = lambda _store: ()
    goes: tuple[str, ...] = ()
    mine: str = "mine.py"
    """Where, in site-packages, a user has a file too."""


def _foo(store: Store, version: str, *more: tuple[str, str]) -> StoredWheel:
    return store.wheel(
        "foo",
        version,
        files={
            "foo/__init__.py": version,
            "foo/inner/same.py": "same",
            "space/__init__.py": f"space of foo {version}",
            "space/foo.py": version,
            "single.py": version,
            **dict(more),
        },
        data={"data/share/doc/foo": version, "scripts/foo-run": "#!python\n"},
        entry_points="[console_scripts]\nfoo = foo:main\n",
    )


def _old(store: Store) -> StoredWheel:
    return _foo(store, "1.0", ("foo/was_file", "file"), ("foo/was_folder/a.py", "a"))


def _new(store: Store) -> StoredWheel:
    return _foo(store, "2.0", ("foo/was_file/b.py", "b"), ("foo/was_folder", "file"))


def _bar(store: Store) -> StoredWheel:
    files = {"space/__init__.py": "space of bar", "space/bar.py": "bar", "bar/one.py": "one"}
    return store.wheel("bar", files=files)


def _zoo(store: Store) -> StoredWheel:
    files = {"space/__init__.py": "space of zoo", "space/deep/zoo.py": "zoo", "single.py": "zoo"}
    return store.wheel("zoo", files=files, data={"headers/zoo.h": "zoo"})


SCENARIOS: Final = {
    "install": Scenario(there=lambda _: (), comes=lambda store: (_old(store), _zoo(store))),
    "replacing": Scenario(
        there=lambda store: (_bar(store),),
        comes=lambda store: (_old(store),),
        mine="foo/__init__.py",
    ),
    "beside": Scenario(
        there=lambda store: (_bar(store),), comes=lambda store: (_old(store), _zoo(store))
    ),
    "upgrade": Scenario(
        there=lambda store: (_old(store), _bar(store)), comes=lambda store: (_new(store),)
    ),
    "reinstall": Scenario(
        there=lambda store: (_old(store), _bar(store)), comes=lambda store: (_old(store),)
    ),
    "uninstall": Scenario(
        there=lambda store: (_old(store), _bar(store), _zoo(store)), goes=("foo", "bar")
    ),
    "sync": Scenario(
        there=lambda store: (_old(store), _bar(store)),
        comes=lambda store: (_new(store), _zoo(store)),
        goes=("bar",),
    ),
}


@dataclass(slots=True)
class Crashing:
    """One scenario, again and again in one environment."""

    store: Store
    environment: Environment
    rename: Rename
    comes: Sequence[StoredWheel]
    goes: tuple[str, ...]
    after: dict[str, bytes | str]
    """What lies in the environment if nobody is killed."""
    kills: int = 0
    problems: list[str] = field(default_factory=list)

    def run(self, chosen: Callable[[int], bool]) -> None:
        """Kill it at each of the changes that are `chosen` by their number."""
        before = files_of(self.environment)
        at = 0
        while True:
            at += 1
            if not chosen(at):
                continue
            survived = self._in_process(at, self._change)
            had_begun = bool(find_crashed(self.store.layout.pool)[0])
            if had_begun:
                self._in_process(1 + at % 17, self._recover)
                self._recover()
            now = files_of(self.environment)
            if survived or now != before:
                expected = before if had_begun else self.after
                if now != expected:
                    self._report(at, expected, now)
                break
            self.kills += 1
            self._tidy()

    def _in_process(self, at: int, work: Callable[[], None]) -> bool:
        """Whether it came to its end."""
        child = os.fork()
        if child == 0:
            fuse = _Fuse(at)
            self.store.workspaces.rename = _Fused(self.rename, fuse)
            sys.addaudithook(fuse.watch)
            try:
                work()
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        return not os.WIFSIGNALED(status)

    def _change(self) -> None:
        self.environment.change(*self.comes, remove=self.goes)

    def _recover(self) -> None:
        crashed, _ = find_crashed(self.store.layout.pool)
        undo(crashed)

    def _tidy(self) -> None:
        for folder in (self.store.layout.pool, self.store.layout.trash):
            for name in os.listdir(folder):
                path = os.path.join(folder, name)
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)

    def _report(self, at: int, before: Any, now: Any) -> None:
        lost = {path for path in before if before[path] != now.get(path)}
        more = {path for path in now if now[path] != before.get(path)}
        self.problems.append(f"killed at {at}: lost {sorted(lost)}, has {sorted(more)}")


def files_of(environment: Environment) -> dict[str, bytes | str]:
    """All that lies there; when a file was put aside does not matter."""
    return {_STAMP.sub("<when>", path): content for path, content in environment.files().items()}


def prepared(folder: Path, name: str, scenario: Scenario) -> Environment:
    """An environment in which something is, and files of a user's own beside it."""
    store = Store(folder)
    environment = Environment(store, make_target(folder / name))
    for wheel in scenario.there(store):
        environment.change(wheel)
    mine = (scenario.mine, "space/mine.py", "foo/inner/mine.txt", "bar/two.py", "../../../share/me")
    for path in mine:
        own = environment.site / path
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text("mine")
    return environment


def prepare(folder: Path, name: str, rename: str) -> Crashing:
    scenario = SCENARIOS[name]
    undisturbed = prepared(folder, "undisturbed", scenario)
    undisturbed.change(*scenario.comes(undisturbed.store), remove=scenario.goes)
    undisturbed.store.close()
    environment = prepared(folder, "environment", scenario)
    environment.store.close()  # no threads may be left when it forks
    crashing = Crashing(
        store=Store(folder),
        environment=environment,
        rename=RENAMES[rename](),
        comes=scenario.comes(environment.store),
        goes=scenario.goes,
        after=files_of(undisturbed),
    )
    environment.store = crashing.store
    return crashing


def main() -> None:
    """Arguments: a folder, a scenario, a kind of rename, and the share of changes to kill at."""
    folder, scenario, rename, share = sys.argv[1:]
    crashing = prepare(Path(folder), scenario, rename)
    draw = random.Random(f"{scenario} {rename}")
    crashing.run(lambda at: float(share) >= 1 or draw.random() < float(share) or at > 2000)
    print(json.dumps({"kills": crashing.kills, "problems": crashing.problems}))
    sys.exit(bool(crashing.problems))


if __name__ == "__main__":
    main()
