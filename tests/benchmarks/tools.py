"""The tools behind one port: the commands by which each of them does the same work.

Each has a cache of its own on the file system that is measured, and gets its wheels from the same
index on loopback. No setting of this machine reaches any of them.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from tests.benchmarks.processes import Surroundings, processor_ms, run
from tests.support.daemon import Daemon, Place, running_daemon

CLIENT: Final = str(Path(sys.executable).with_name("linkd-client"))
_ASK: Final = (CLIENT, "--no-autostart")
"""No daemon but the one that is measured."""
WITHOUT_POOL: Final = {"LINKD_POOL_DEPTH": "0"}
"""Variables by which a daemon stages only on demand."""

Command = list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What shall be in an environment."""

    environment: Path
    file: Path
    """A requirement file."""
    resolve: bool = False
    """With dependencies, and with the index; else the file has pins and the cache has all."""
    dry: bool = False
    told: bool = False
    """linkd's daemon shall tell of its own times; its client then prints JSON."""
    cold: bool = False
    """The cache has nothing yet."""
    compile_bytecode: bool = False


class Tool(Protocol):
    """An installer with its cache."""

    @property
    def name(self) -> str: ...
    @property
    def around(self) -> Surroundings: ...
    def venv(self, environment: Path) -> Command: ...
    def install(self, asked: Asked) -> Command: ...
    def uninstall(self, environment: Path, project: str) -> Command: ...
    def warm(self, asked: Asked) -> None:
        """Prepare what will be asked, as far as the tool works ahead."""

    def settle(self) -> None:
        """Wait until nothing is done in the background."""

    def background_ms(self) -> float:
        """Processor time of what is no child of the commands."""

    def emptied(self, folder: Path) -> contextlib.AbstractContextManager["Tool"]:
        """The same tool with a new, empty cache in `folder`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """What tools without a daemon have in common."""

    program: Path
    python: Path
    """The base interpreter of the environments."""
    index: str
    cache: Path
    around: Surroundings

    def warm(self, asked: Asked) -> None:
        """They do nothing ahead."""

    def settle(self) -> None:
        """They do nothing afterwards."""

    def background_ms(self) -> float:
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Uv(_Plain):
    name: str = "uv"

    def venv(self, environment: Path) -> Command:
        return [*self._command("venv"), "--python", str(self.python), str(environment)]

    def install(self, asked: Asked) -> Command:
        command = [*self._command("pip", "install"), "--python", str(asked.environment)]
        command += ["--index-url", self.index, "-r", str(asked.file)]
        command += [] if asked.resolve else ["--no-deps"]
        command += [] if asked.resolve or asked.cold else ["--offline"]
        command += ["--dry-run"] if asked.dry else []
        return [*command, *(["--compile-bytecode"] if asked.compile_bytecode else [])]

    def uninstall(self, environment: Path, project: str) -> Command:
        return [*self._command("pip", "uninstall"), "--python", str(environment), project]

    @contextlib.contextmanager
    def emptied(self, folder: Path) -> Iterator["Uv"]:
        yield replace(self, cache=folder / "uv")

    def _command(self, *verbs: str) -> Command:
        common = ["--quiet", "--no-config", "--no-progress", "--cache-dir", str(self.cache)]
        return [str(self.program), *verbs, *common]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pip(_Plain):
    name: str = "pip"

    def venv(self, environment: Path) -> Command:
        return [str(self.python), "-I", "-m", "venv", "--without-pip", str(environment)]

    def install(self, asked: Asked) -> Command:
        command = [*self._command(asked.environment), "install", "-q", "--no-warn-script-location"]
        command += ["--index-url", self.index, "-r", str(asked.file)]
        command += [] if asked.resolve else ["--no-deps"]
        command += ["--dry-run"] if asked.dry else []
        return [*command, *([] if asked.compile_bytecode else ["--no-compile"])]

    def uninstall(self, environment: Path, project: str) -> Command:
        return [*self._command(environment), "uninstall", "-q", "-y", project]

    @contextlib.contextmanager
    def emptied(self, folder: Path) -> Iterator["Pip"]:
        yield replace(self, cache=folder / "pip")

    def _command(self, environment: Path) -> Command:
        command = [str(self.program), "--isolated", "--disable-pip-version-check"]
        return [*command, "--cache-dir", str(self.cache), "--python", str(environment)]


@dataclass(slots=True, kw_only=True)
class Linkd:
    """The client's commands, and the daemon that answers them."""

    python: Path
    index: str
    place: Place
    daemon: Daemon
    verbs: str
    """The client's help, which tells what it can do."""
    name: str = field(default="linkd")

    @classmethod
    @contextlib.contextmanager
    def serving(
        cls, folder: Path, *, python: Path, index: str, pool: bool = True
    ) -> Iterator["Linkd"]:
        """With a daemon of its own until the end of the block; its cache lies in `folder`."""
        with (
            Place.temporary(folder) as place,
            running_daemon(place, env={} if pool else WITHOUT_POOL) as daemon,
        ):
            around = Surroundings(folder=place.folder, env=place.env)
            verbs = run([CLIENT, "--help"], around).out + run([CLIENT, "install", "-h"], around).out
            yield cls(python=python, index=index, place=place, daemon=daemon, verbs=verbs)

    @property
    def around(self) -> Surroundings:
        return Surroundings(folder=self.place.folder, env=self.place.env)

    def can(self, word: str) -> bool:
        """Whether the client knows a command or an option."""
        return word in self.verbs.split()

    def venv(self, environment: Path) -> Command:
        return [*_ASK, "venv", "-q", "-p", str(self.python), str(environment)]

    def install(self, asked: Asked) -> Command:
        command = [*_ASK, "install", "-q", "-p", str(asked.environment), "-i", self.index]
        command += ["-r", str(asked.file)]
        command += ["--dry-run"] if asked.dry else []
        command += ["--json"] if asked.told else []
        command += ["--compile-bytecode"] if asked.compile_bytecode else []
        return [*command, *([] if asked.resolve else ["--no-deps"])]

    def uninstall(self, environment: Path, project: str) -> Command:
        return [*_ASK, "uninstall", "-q", "-p", str(environment), project]

    def warm(self, asked: Asked) -> None:
        if self.can("warm"):
            command = [*_ASK, "warm", "-q", "-p", str(asked.environment), "-i", self.index]
            run([*command, "--no-deps", "-r", str(asked.file)], self.around)
            self.settle()

    def settle(self) -> None:
        run([*_ASK, "status", "-q", "--wait-idle"], self.around)

    def background_ms(self) -> float:
        return processor_ms(self.daemon.pid)

    @contextlib.contextmanager
    def emptied(self, folder: Path) -> Iterator["Linkd"]:
        with Linkd.serving(folder, python=self.python, index=self.index) as fresh:
            yield fresh


def phases(out: str) -> dict[str, float]:
    """The times that the daemon told, if it was asked for JSON."""
    if not out.startswith("{"):
        return {}
    told: dict[str, float] = json.loads(out)["timings_ms"]
    return told


def base_interpreter() -> Path:
    """What the running environment was made from."""
    return Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))


def versions(tools: Sequence[tuple[str, Path]], around: Surroundings) -> dict[str, str]:
    """Of each program, what it says."""
    return {
        name: run([str(program), "--version"], around).out.partition(" from ")[0].strip()
        for name, program in tools
    }
