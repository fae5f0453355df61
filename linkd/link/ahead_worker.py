"""The daemon's side of the process that stages ahead: starts it, asks it, ends it."""

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from typing import Final

import msgspec

from linkd.link.ahead_process import Answer, Job

_ENDING_S: Final = 5.0
"""How long a killed process may take to be gone; one that waits for a dead disk never is."""

_ANSWERS: Final = msgspec.json.Decoder(Answer)


class Worker:
    """One process, there as long as there is something to do. Belongs to one event loop."""

    def __init__(self, cache: str, *, min_free: float, patience: float) -> None:
        """`patience` is how many seconds a job may take, on a machine that has no time for it."""
        # Safe path: no module of whatever folder the daemon was started in.
        self.command: Sequence[str] = (
            sys.executable, "-P", "-m", "linkd.link.ahead_process", cache, str(min_free)
        )  # fmt: skip
        self._patience = patience
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def do(self, job: Job) -> Answer:
        """Its answer; one that says `failed` if there is none."""
        try:
            async with asyncio.timeout(self._patience):
                return await self._ask(job)
        except TimeoutError:
            reason = f"no answer within {self._patience:g} s"
        except (OSError, EOFError, ValueError, msgspec.DecodeError) as error:
            reason = f"{type(error).__name__}: {error}"
        await self.dismiss()
        return Answer(reason=f"the staging process failed: {reason}", failed=True)

    async def dismiss(self) -> None:
        """End the process; what it was just making is cleared at the next start."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _ENDING_S)

    async def _ask(self, job: Job) -> Answer:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                *self.command, stdin=PIPE, stdout=PIPE
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(job) + b"\n")
        await process.stdin.drain()
        line = await process.stdout.readline()
        if not line:
            raise EOFError("it has ended")
        return _ANSWERS.decode(line)
