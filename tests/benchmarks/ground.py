"""One file system to measure on: the caches of all tools, and environments that come and go."""

import contextlib
import itertools
import os
import shutil
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.benchmarks.processes import Surroundings, run
from tests.benchmarks.sets import WheelSet
from tests.benchmarks.tools import Asked, Linkd, Pip, Tool, Uv

_ENV: Final = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PIP_CONFIG_FILE": os.devnull}


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """What all grounds share."""

    python: Path
    """The base interpreter of all environments."""
    peers: Path
    """The folder of uv and pip."""
    index: str


@dataclass(slots=True)
class Ground:
    """A folder on the file system, where everything that is measured happens."""

    files: str
    """The file system's type."""
    programs: Programs
    lasting: Path
    """What is kept from run to run: caches."""
    passing: Path
    """What goes when all has been measured: environments."""
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _linkd: Linkd | None = None
    _pool: bool = True
    _filled: set[tuple[str, str]] = field(default_factory=set)
    _number: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    @contextlib.contextmanager
    def at(cls, folder: Path, programs: Programs, *, keep: bool) -> Iterator["Ground"]:
        """With `keep`, the caches stay in the folder for another run."""
        folder.mkdir(parents=True, exist_ok=True)
        passing = Path(tempfile.mkdtemp(prefix="linkd-bench-", dir=folder))
        ground = cls(_file_system(folder), programs, folder if keep else passing, passing)
        try:
            with ground._stack:
                yield ground
        finally:
            shutil.rmtree(passing, ignore_errors=True)

    @property
    def around(self) -> Surroundings:
        home = self.passing / "home"
        home.mkdir(exist_ok=True)
        return Surroundings(folder=home, env={**_ENV, "HOME": str(home)})

    def linkd(self, *, pool: bool = True) -> Linkd:
        """The daemon's client; the daemon begins anew where it has to differ."""
        if self._linkd is None or self._pool != pool:
            self._stack.close()
            serving = Linkd.serving(
                self._cache("linkd"),
                python=self.programs.python,
                index=self.programs.index,
                pool=pool,
            )
            self._linkd, self._pool = self._stack.enter_context(serving), pool
        return self._linkd

    def uv(self) -> Uv:
        return Uv(
            program=self.programs.peers / "uv",
            python=self.programs.python,
            index=self.programs.index,
            cache=self._cache("uv"),
            around=self.around,
        )

    def pip(self) -> Pip:
        return Pip(
            program=self.programs.peers / "pip",
            python=self.programs.python,
            index=self.programs.index,
            cache=self._cache("pip"),
            around=self.around,
        )

    def tool(self, name: str, *, pool: bool = True) -> Tool:
        tools: dict[str, Tool] = {"uv": self.uv(), "pip": self.pip()}
        return tools[name] if name in tools else self.linkd(pool=pool)

    def fill(self, tool: Tool, wheels: WheelSet) -> None:
        """Have a set in a tool's cache."""
        if (tool.name, wheels.name) in self._filled:
            return
        asked = Asked(environment=self.environment(), file=self.pins(wheels), cold=True)
        run(tool.install(asked), tool.around)
        tool.settle()
        self._filled.add((tool.name, wheels.name))

    def environment(self) -> Path:
        """A new one, which no tool has seen."""
        path = self.place()
        venv.EnvBuilder(symlinks=True, with_pip=False).create(path)
        return path

    def place(self) -> Path:
        """A new path."""
        return self.passing / f"env-{next(self._number)}"

    def pins(self, wheels: WheelSet) -> Path:
        return self._file(f"{wheels.name}-pins.txt", wheels.pins)

    def requirements(self, wheels: WheelSet, *more: str) -> Path:
        return self._file(f"{wheels.name}-{len(more)}.txt", (*wheels.requirements, *more))

    def clear(self) -> None:
        """Remove what was made until now, where that does not slow down what comes next.

        Freeing thousands of folders on a disk slows the next runs threefold, even minutes later;
        there they stay until all has been measured. In memory they take room, and go at once.
        """
        if self.files == "tmpfs":
            self.discard(*self.passing.glob("env-*"))

    def discard(self, *folders: Path) -> None:
        """Remove folders now, and let the file system come to rest."""
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        os.sync()

    def _cache(self, name: str) -> Path:
        path = self.lasting / "caches" / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def _file(self, name: str, lines: tuple[str, ...]) -> Path:
        path = self.passing / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return path


def _file_system(folder: Path) -> str:
    """The type of the mount that a folder lies on (proc_pid_mountinfo(5))."""
    device = folder.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        if fields.split()[2] == wanted:
            return rest.split()[0]
    return "unknown"
