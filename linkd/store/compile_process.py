"""A process that compiles: an interpreter that runs ``compile_script.py``, one job after the other."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from linkd.store.background import be_humble

_SCRIPT: Final = Path(__file__).with_name("compile_script.py")
_PATIENCE_S: Final = 900.0
"""For one job: the script itself has a limit for each file, so this is for what is stuck."""
_LINE_BYTES: Final = 1 << 20


class CompileFile(msgspec.Struct, frozen=True, kw_only=True):
    """A source, and where its bytecode goes."""

    source: str
    """Below the job's tree."""
    compiled: str
    """Below the job's `out`."""
    name: str
    """What its code objects are said to be of."""
    size: int
    mtime_ns: int


class CompileJob(msgspec.Struct, frozen=True, kw_only=True):
    cache_tag: str
    tree: str
    out: str
    files: tuple[CompileFile, ...]


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file."""

    size: int = 0
    sha256: str = ""
    skipped: str | None = None
    """Why it does not compile."""


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    files: tuple[Compiled, ...] = ()
    error: str | None = None


class CompileFailed(Exception):
    """A job could not be done; the text says why."""


_ANSWERS: Final = msgspec.json.Decoder(_Answer)


@dataclass(slots=True)
class CompileProcess:
    """Belongs to one worker. It is started by its first job."""

    _executable: str = ""
    _process: Process | None = None

    async def run(self, executable: str, job: CompileJob) -> tuple[Compiled, ...]:
        """What became of each file, by that interpreter. Raises CompileFailed."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                answer = await self._ask(executable, job)
        except (OSError, ValueError, msgspec.DecodeError) as error:
            await self.end()
            raise CompileFailed(f"{executable} does not answer: {error}") from error
        if answer.error is None and len(answer.files) == len(job.files):
            return answer.files
        raise CompileFailed(answer.error or "some files are missing")

    async def end(self) -> None:
        """End it with what it has started, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def _ask(self, executable: str, job: CompileJob) -> _Answer:
        if executable != self._executable:
            await self.end()
        process = self._process or await self._start(executable)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(job) + b"\n")
        await process.stdin.drain()
        return _ANSWERS.decode(await process.stdout.readline())

    async def _start(self, executable: str) -> Process:
        """Isolated from the user's variables and from everything that is installed."""
        self._executable = executable
        self._process = process = await asyncio.create_subprocess_exec(
            executable,
            *("-I", "-S", "-B", "-W", "ignore", "-X", "utf8", str(_SCRIPT)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            cwd="/",
            limit=_LINE_BYTES,
            start_new_session=True,
        )
        be_humble(process.pid)
        return process
