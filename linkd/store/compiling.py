"""Compiles wheels, each once for all interpreters of one cache tag, mostly when nobody waits for it.

The work is cut into jobs that any of a few processes may do, so that a large wheel takes no longer
than several small ones. What somebody waits for goes first.
"""

import asyncio
import contextlib
import itertools
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import structlog

from linkd.core.bytecode import BytecodeManifest, compiled_name, compiled_path, sources_of
from linkd.core.manifest import ManifestFile
from linkd.core.target import Interpreter
from linkd.core.wheel import StoredWheel
from linkd.errors import CompilationFailed
from linkd.store.background import until_quiet
from linkd.store.bytecode import BytecodeShelf
from linkd.store.compile_process import (
    Compiled,
    CompileFailed,
    CompileFile,
    CompileJob,
    CompileProcess,
)
from linkd.store.faults import translated
from linkd.store.layout import Layout, is_cache_tag, tree_of
from linkd.store.workspace import workspace

_log = structlog.get_logger(__name__)

_LINGER_S: Final = 10.0
"""How long a process stays when there is nothing to do."""
_JOB_FILES: Final = 100
_JOB_BYTES: Final = 1 << 20

_Key = tuple[str, str]
"""A wheel's sha256 and a cache tag."""


@dataclass(order=True, slots=True)
class _Work:
    """A job in the line."""

    rank: tuple[bool, int]
    """Whether nobody waits for it, and its number."""
    executable: str = field(compare=False)
    job: CompileJob = field(compare=False)
    done: asyncio.Future[tuple[Compiled, ...]] = field(compare=False)


class Compiler:
    """Belongs to one event loop."""

    def __init__(
        self,
        layout: Layout,
        shelf: BytecodeShelf,
        *,
        processes: int,
        busy: Callable[[], bool],
        ready: Callable[[str, str], None],
        sync_soon: Callable[[], None],
    ) -> None:
        """`ready` is told the wheel and the cache tag of what has come; `sync_soon` has it synced.

        With no `processes` nothing is compiled but what somebody waits for.
        """
        self._layout = layout
        self._shelf = shelf
        self._processes = processes
        self._busy = busy
        self._ready = ready
        self._sync_soon = sync_soon
        self._wanted: OrderedDict[_Key, tuple[StoredWheel, Interpreter]] = OrderedDict()
        self._flights: dict[_Key, asyncio.Task[None]] = {}
        self._given_up: set[_Key] = set()
        """Of no use to try again before the next start; and wheels without sources."""
        self._line: asyncio.PriorityQueue[_Work] = asyncio.PriorityQueue()
        self._number = itertools.count()
        self._workers: list[asyncio.Task[None]] = []

    @property
    def pending(self) -> int:
        """Wheels that are to be compiled."""
        return len(self._wanted) + len(self._flights)

    async def start(self) -> None:
        """Raises StoreError."""
        if await asyncio.to_thread(self._load):
            self._sync_soon()
        self._workers = [asyncio.create_task(self._serve()) for _ in range(max(self._processes, 1))]

    async def close(self) -> None:
        """End what is under way; the next start clears what is left of it."""
        self._wanted.clear()
        tasks = [*self._workers, *self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _load(self) -> bool:
        with translated(str(self._layout.root), "reading what has been compiled"):
            return self._shelf.load()

    def want(self, wheels: Iterable[StoredWheel], interpreter: Interpreter) -> None:
        """Have these compiled some time, if they can be."""
        if not self._processes or not is_cache_tag(interpreter.cache_tag):
            return
        for wheel in wheels:
            key = (wheel.manifest.sha256, interpreter.cache_tag)
            if self._shelf.is_ready(*key):
                # It may have come since the request looked for it.
                self._ready(*key)
            elif key not in self._flights and key not in self._given_up:
                self._wanted.setdefault(key, (wheel, interpreter))
        self._begin_wanted()

    async def ensure(self, wheels: Iterable[StoredWheel], interpreter: Interpreter) -> None:
        """Have these compiled now. Raises CompilationFailed."""
        if not is_cache_tag(interpreter.cache_tag):
            raise CompilationFailed(
                interpreter=interpreter.executable, reason="it does not keep bytecode in files"
            )
        flights = [
            self._begin(wheel, interpreter, waited=True)
            for wheel in wheels
            if not self._shelf.is_ready(wheel.manifest.sha256, interpreter.cache_tag)
        ]
        try:
            await asyncio.gather(*map(asyncio.shield, flights))
        except (CompileFailed, OSError) as error:
            raise CompilationFailed(
                interpreter=interpreter.executable, reason=str(error)
            ) from error

    def _begin_wanted(self) -> None:
        # One more than there are processes: while one is sealed another keeps them busy.
        while self._wanted and len(self._flights) <= self._processes:
            _, (wheel, interpreter) = self._wanted.popitem(last=False)
            _ = self._begin(wheel, interpreter, waited=False)

    def _begin(
        self, wheel: StoredWheel, interpreter: Interpreter, *, waited: bool
    ) -> asyncio.Task[None]:
        key = (wheel.manifest.sha256, interpreter.cache_tag)
        self._wanted.pop(key, None)
        if key not in self._flights:
            flight = asyncio.create_task(self._compile(wheel, interpreter, waited=waited))
            flight.add_done_callback(lambda done: self._end(key, wheel, done))
            self._flights[key] = flight
        return self._flights[key]

    def _end(self, key: _Key, wheel: StoredWheel, done: asyncio.Task[None]) -> None:
        del self._flights[key]
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            if self._shelf.is_ready(*key):
                self._ready(*key)
            else:
                self._given_up.add(key)
        else:
            self._given_up.add(key)
            _log.info("not compiled", wheel=wheel.manifest.filename, reason=str(error))
        self._begin_wanted()

    async def _compile(self, wheel: StoredWheel, interpreter: Interpreter, *, waited: bool) -> None:
        """Raises CompileFailed and OSError."""
        sources = await asyncio.to_thread(lambda: tuple(sources_of(wheel.manifest)))
        if not sources:
            return
        async with contextlib.AsyncExitStack() as stack:
            making = await asyncio.to_thread(_Making.begun, self._layout, wheel, sources)
            stack.push_async_callback(asyncio.to_thread, making.discard)
            jobs = [
                self._enqueue(interpreter, making.job(part, interpreter), waited=waited)
                for part in _parts(sources)
            ]
            for job in jobs:
                # Where one has failed the others are not wanted any more.
                stack.callback(job.cancel)
            compiled = await asyncio.gather(*jobs)
            manifest = BytecodeManifest(
                sha256=wheel.manifest.sha256,
                cache_tag=interpreter.cache_tag,
                files=tuple(_files(sources, itertools.chain(*compiled), interpreter.cache_tag)),
            )
            await asyncio.to_thread(self._shelf.publish, manifest, making.entry)
            self._sync_soon()

    def _enqueue(
        self, interpreter: Interpreter, job: CompileJob, *, waited: bool
    ) -> asyncio.Future[tuple[Compiled, ...]]:
        done: asyncio.Future[tuple[Compiled, ...]] = asyncio.get_running_loop().create_future()
        rank = (not waited, next(self._number))
        self._line.put_nowait(_Work(rank, interpreter.executable, job, done))
        return done

    async def _serve(self) -> None:
        process = CompileProcess()
        try:
            while True:
                work = await self._next(process)
                unwaited, _ = work.rank
                if unwaited:
                    await until_quiet(self._busy)
                # That of a flight that has failed is not wanted any more.
                if not work.done.done():
                    await _carry_out(work, process)
        finally:
            await process.end()

    async def _next(self, process: CompileProcess) -> _Work:
        try:
            return await asyncio.wait_for(self._line.get(), _LINGER_S)
        except TimeoutError:
            await process.end()
            return await self._line.get()


async def _carry_out(work: _Work, process: CompileProcess) -> None:
    try:
        compiled = await process.run(work.executable, work.job)
    except CompileFailed as error:
        if not work.done.done():
            work.done.set_exception(error)
    else:
        if not work.done.done():
            work.done.set_result(compiled)


@dataclass(frozen=True, slots=True)
class _Making:
    """The folder in which one entry is made. What it does blocks, and runs in threads."""

    wheel: StoredWheel
    entry: str
    stack: contextlib.ExitStack

    @classmethod
    def begun(
        cls, layout: Layout, wheel: StoredWheel, sources: Iterable[ManifestFile]
    ) -> "_Making":
        with contextlib.ExitStack() as stack:
            entry = os.path.join(stack.enter_context(workspace(layout.incoming)), "entry")
            for folder in {os.path.dirname(file.source) for file in sources}:
                os.makedirs(os.path.join(tree_of(entry), folder), exist_ok=True)
            return cls(wheel, entry, stack.pop_all())

    def job(self, sources: Iterable[ManifestFile], interpreter: Interpreter) -> CompileJob:
        return CompileJob(
            cache_tag=interpreter.cache_tag,
            tree=self.wheel.tree,
            out=tree_of(self.entry),
            files=tuple(
                CompileFile(
                    source=file.source,
                    compiled=_beside(file.source, interpreter.cache_tag),
                    name=file.destination,
                    size=file.size,
                    mtime_ns=file.mtime_ns,
                )
                for file in sources
            ),
        )

    def discard(self) -> None:
        self.stack.close()


def _parts(sources: Iterable[ManifestFile]) -> Iterator[tuple[ManifestFile, ...]]:
    """The sources of one job after the other."""
    part: list[ManifestFile] = []
    size = 0
    for file in sources:
        part.append(file)
        size += file.size
        if size >= _JOB_BYTES or len(part) >= _JOB_FILES:
            yield tuple(part)
            part, size = [], 0
    if part:
        yield tuple(part)


def _files(
    sources: Iterable[ManifestFile], compiled: Iterable[Compiled], cache_tag: str
) -> Iterator[ManifestFile]:
    for source, one in zip(sources, compiled, strict=True):
        if one.skipped is None:
            yield ManifestFile(
                source=_beside(source.source, cache_tag),
                scheme=source.scheme,
                destination=compiled_path(source.destination, cache_tag),
                size=one.size,
                sha256=one.sha256,
                mtime_ns=source.mtime_ns,
            )


def _beside(source: str, cache_tag: str) -> str:
    """Where the store has it: its folders of bytecode hold nothing else."""
    folder, slash, name = source.rpartition("/")
    return f"{folder}{slash}{compiled_name(name, cache_tag)}"
