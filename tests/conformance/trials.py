"""Runs behaviours: linkd through its client and a daemon, pip and uv as commands, none with a network."""

import itertools
import re
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from tests.conformance.behaviour import Argument, Behaviour, Command, Spelled, Tool, Verb
from tests.conformance.client import Client
from tests.conformance.state import After, Environment, observe
from tests.support.daemon import Place, Ran, running_daemon
from tests.support.index import IndexOptions, RunningIndex, running_index

ABSENT: Final = "—"
"""The outcome where a tool has no such command or option."""
_DIGEST: Final = re.compile(r"\{sha256:([^}]+)\}")
_PIP: Final = ("--disable-pip-version-check", "--no-input", "--no-cache-dir")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """A folder to try things in, and a daemon that linkd's client talks to."""

    place: Place
    client: Client
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    @contextmanager
    def ready(cls, folder: Path) -> Iterator["Trials"]:
        with (
            Place.temporary(folder) as place,
            running_daemon(place),
            Client.ready(place.env) as client,
        ):
            yield cls(place=place, client=client)

    def outcome(self, tool: Tool, behaviour: Behaviour) -> str:
        """What a tool does, or `ABSENT`."""
        if any(not _knows(tool, step) for step in behaviour.steps if isinstance(step, Command)):
            return ABSENT
        folder = self.place.folder / "trials" / str(next(self.numbers))
        bench = _Bench(tool=tool, trials=self, folder=folder)
        bench.prepare(behaviour)
        if behaviour.index is None:
            return bench.run(behaviour)
        options = IndexOptions(**behaviour.index)
        with running_index(bench.wheels, options) as index:
            bench.index = index
            return bench.run(behaviour)


@dataclass(slots=True, kw_only=True)
class _Bench:
    """One tool at one behaviour."""

    tool: Tool
    trials: Trials
    folder: Path
    index: RunningIndex | None = None

    @property
    def wheels(self) -> Path:
        return self.folder / "here" / "wheels"

    @property
    def environment(self) -> Environment:
        return Environment(prefix=self.folder / "env", here=self.folder / "here")

    def prepare(self, behaviour: Behaviour) -> None:
        environment = self.environment
        self.wheels.mkdir(parents=True)
        for make in behaviour.wheels:
            make(self.wheels)
        for sdist in behaviour.sdists:
            sdist.sdist(self.wheels)
        for name, project in behaviour.projects.items():
            project.tree(environment.here / name)
        venv.EnvBuilder(symlinks=True, with_pip=False).create(environment.prefix)

    def run(self, behaviour: Behaviour) -> str:
        environment = self.environment
        for name, text in behaviour.files.items():
            path = environment.here / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._filled(text))
        *steps, last = behaviour.steps
        assert isinstance(last, Command)
        for step in steps:
            if not isinstance(step, Command):
                step(environment)
                continue
            ran = self._call(step)
            assert ran.code == 0 or step.may_fail, (self.tool, behaviour.claim, ran)
        before = environment.installed
        after = After(
            environment=environment, ran=self._call(last), variables=self.trials.place.env
        )
        return observe(before, after, "; ".join(look(after) for look in behaviour.looks))

    def _call(self, command: Command) -> Ran:
        given = [self._filled(_spelled(self.tool, one) or "") for one in command.arguments]
        found = self._found() if command.found and command.verb is not Verb.UNINSTALL else []
        variables = {name: self._filled(text) for name, text in command.env.items()}
        place, here = self.trials.place, self.environment.here
        if self.tool is Tool.LINKD:
            arguments = [command.verb, "-p", str(self.environment.prefix), *found, *given]
            env = {**place.env, **variables}
            return self.trials.client(arguments, cwd=here, env=env, stdin=command.stdin)
        program = [*self._program(command.verb), *found, *given]
        return place.run(program, cwd=here, stdin=command.stdin, env=variables)

    def _program(self, verb: Verb) -> list[str]:
        """pip or uv."""
        prefix = str(self.environment.prefix)
        if self.tool is Tool.UV:
            uv = Path(sys.executable).with_name("uv")
            cache = self.trials.place.folder / "uv-cache"
            return [str(uv), "pip", verb, "--no-config", "--cache-dir", str(cache), "-p", prefix]
        program = [sys.executable, "-m", "pip", *_PIP, "--python", prefix, verb]
        return [*program, "-y"] if verb is Verb.UNINSTALL else program

    def _found(self) -> list[str]:
        if self.index is not None:
            return ["-i", self.index.url]
        return ["--no-index", "-f", str(self.wheels)]

    def _filled(self, text: str) -> str:
        values = {
            "{wheels}": str(self.wheels),
            "{here}": str(self.environment.here),
            "{prefix}": str(self.environment.prefix),
        }
        if self.index is not None:
            values |= {
                "{url}": self.index.url,
                "{links}": self.index.links,
                "{files}": self.index.file_url(""),
            }
        for name, value in values.items():
            text = text.replace(name, value)
        return _DIGEST.sub(
            lambda match: sha256((self.wheels / match[1]).read_bytes()).hexdigest(), text
        )


def _knows(tool: Tool, command: Command) -> bool:
    if tool is Tool.PIP and command.verb is Verb.SYNC:
        return False
    return all(_spelled(tool, argument) is not None for argument in command.arguments)


def _spelled(tool: Tool, argument: Argument) -> str | None:
    return getattr(argument, tool.value) if isinstance(argument, Spelled) else argument
