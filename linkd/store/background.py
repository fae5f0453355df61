"""How work that nobody waits for behaves: it lets requests go first, and is the humblest there is."""

import asyncio
import contextlib
import ctypes
import os
import platform
from collections.abc import Callable
from typing import Final

_IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30}
_IDLE_CLASS: Final = 3 << 13
_NICENESS: Final = 10
_LOOK_S: Final = 0.02
_PATIENCE_S: Final = 2.0
"""How long a piece of work waits for a quiet moment; a daemon that is never idle needs it most."""


async def until_quiet(busy: Callable[[], bool]) -> None:
    """Wait as long as somebody waits for an answer, but not for ever."""
    end = asyncio.get_running_loop().time() + _PATIENCE_S
    while busy() and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110 - a look is cheap
        await asyncio.sleep(_LOOK_S)


def be_humble(pid: int = 0) -> None:
    """Make a process the last in line for processors and disk, as far as the machine allows it.

    Without a `pid` it is this one.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        ctypes.CDLL(None).syscall(number, 1, pid, _IDLE_CLASS)
