"""Turns an environment's path into a target, running its base interpreter at most once ever."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

import msgspec
import packaging

from linkd.core.target import Interpreter, Placement, Scheme, SchemeKey, Target
from linkd.errors import InterpreterFailed, NotAnEnvironment
from linkd.venv.interpreter import BaseInterpreter, InterpreterRefused, probe_interpreter
from linkd.venv.layout import Layout, find_layout
from linkd.venv.placement import place

_FORMAT: Final = 1


class InterpreterMemory(Protocol):
    """Keeps what was learnt of interpreters from one run of the daemon to the next."""

    def interpreter(self, key: str, /) -> bytes | None: ...

    def remember_interpreter(self, key: str, blob: bytes, /) -> None: ...


class Prober:
    """Probes environments; facts of their base interpreters are remembered.

    To be used on one event loop. What it does there itself is a dozen looks at the file system.
    """

    def __init__(self, memory: InterpreterMemory) -> None:
        self._memory = memory
        self._known: dict[str, tuple[str, BaseInterpreter]] = {}
        """By the base's real path, with the key under which it was learnt."""
        self._running: dict[str, asyncio.Task[BaseInterpreter]] = {}
        # Tags are what `packaging` makes of an interpreter, and markers name the kernel.
        system = os.uname()
        self._suffix = f"{packaging.__version__}:{system.release}:{system.version}"

    async def probe(self, environment: str, placement: Placement | None = None) -> Target:
        """The target that is an environment's folder, or that an interpreter in it belongs to.

        With a placement it is that, for the environment's interpreter.

        Raises:
            EnvironmentMissing: there is nothing at that path.
            NotAnEnvironment: what is there cannot be installed into.
            InterpreterFailed: the base interpreter does not tell its facts.
            InvalidRequest: something else than a folder is where the placement's is to be.
        """
        layout = find_layout(environment)
        try:
            base = await self._base(layout.base)
        except InterpreterRefused as error:
            raise InterpreterFailed(
                environment=environment, interpreter=layout.base, reason=str(error)
            ) from error
        if placement is not None:
            return place(placement, base.interpreter, layout.python)
        return _make_target(environment, layout, base)

    async def _base(self, executable: str) -> BaseInterpreter:
        try:
            status = os.stat(executable)
        except OSError as error:
            raise InterpreterRefused(f"it cannot be read: {error.strerror}") from error
        key = f"{_FORMAT}:{executable}:{status.st_ino}:{status.st_mtime_ns}:{self._suffix}"
        known = self._known.get(executable)
        if known is not None and known[0] == key:
            return known[1]
        base = self._recall(key)
        if base is None:
            return await self._share_run(key, executable)
        self._known[executable] = (key, base)
        return base

    def _recall(self, key: str) -> BaseInterpreter | None:
        blob = self._memory.interpreter(key)
        if blob is None:
            return None
        try:
            return msgspec.msgpack.decode(blob, type=BaseInterpreter)
        except msgspec.DecodeError:
            return None

    async def _share_run(self, key: str, executable: str) -> BaseInterpreter:
        """Run it once for everybody who asks meanwhile; one who gives up stops no other."""
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(self._learn(key, executable))
            self._running[key] = task
            task.add_done_callback(lambda done: self._forget_run(key, done))
        return await asyncio.shield(task)

    async def _learn(self, key: str, executable: str) -> BaseInterpreter:
        base = await probe_interpreter(executable)
        # A wrapper, such as a version manager's shim, may run another interpreter the next time.
        if _same(executable, base.interpreter.executable):
            self._known[executable] = (key, base)
            self._memory.remember_interpreter(key, msgspec.msgpack.encode(base))
        return base

    def _forget_run(self, key: str, done: asyncio.Task[BaseInterpreter]) -> None:
        del self._running[key]
        if not done.cancelled():
            # Looked at here too, for nobody may be waiting any more.
            done.exception()


def _make_target(environment: str, layout: Layout, base: BaseInterpreter) -> Target:
    prefix, interpreter, paths = _installation(environment, layout, base)
    purelib, platlib = prefix / paths[SchemeKey.PURELIB], prefix / paths[SchemeKey.PLATLIB]
    try:
        status = os.stat(f"{purelib}/")
    except OSError as error:
        raise NotAnEnvironment(
            environment=environment, reason=f"it has no {purelib}: {error.strerror}"
        ) from error
    return Target(
        prefix=prefix,
        python=Path(layout.python),
        interpreter=interpreter,
        scheme=Scheme(
            purelib=purelib,
            # lib64 is a link to lib, where there is one.
            platlib=purelib if _same(platlib, purelib) else platlib,
            headers=prefix / paths[SchemeKey.HEADERS],
            scripts=prefix / paths[SchemeKey.SCRIPTS],
            data=prefix / paths[SchemeKey.DATA],
        ),
        identity=(status.st_dev, status.st_ino),
    )


def _installation(
    environment: str, layout: Layout, base: BaseInterpreter
) -> tuple[Path, Interpreter, Mapping[SchemeKey, str]]:
    """The prefix, what holds of the interpreter there, and the scheme's paths."""
    if layout.virtual:
        assert layout.prefix is not None
        interpreter = base.interpreter
        if interpreter.externally_managed is not None:
            # PEP 668 speaks of installing beside the interpreter itself.
            interpreter = replace(interpreter, externally_managed=None)
        return Path(layout.prefix), interpreter, interpreter.scheme
    if layout.prefix is not None and not _same(layout.prefix, base.prefix):
        raise NotAnEnvironment(
            environment=environment,
            reason=f"it has no pyvenv.cfg, and its interpreter belongs to {base.prefix}",
        )
    return Path(layout.prefix or base.prefix), base.interpreter, base.own_scheme


def _same(one: str | Path, other: str | Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
