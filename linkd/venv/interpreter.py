"""Runs a base interpreter once to learn its facts."""

import asyncio
import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import packaging

from linkd.core.target import Interpreter, SchemeKey

SUPPORTED: Final = "Python 3.9 and newer are supported"

_SCRIPT: Final = Path(__file__).with_name("probe_script.py")
_PACKAGING: Final = Path(packaging.__file__).parent.parent
_TIMEOUT_S: Final = 30.0
_OUTPUT_BYTES: Final = 1 << 20
_SAID_BYTES: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseInterpreter:
    """An interpreter's facts, with those that matter when it is itself what is installed into."""

    interpreter: Interpreter
    prefix: str
    """Its own `sys.prefix`."""
    own_scheme: Mapping[SchemeKey, str]
    """Absolute paths of its default scheme."""


class _Answer(msgspec.Struct):
    facts: BaseInterpreter | None = None
    unsupported: str | None = None
    """The version of an interpreter that is too old to tell its facts."""


class InterpreterRefused(Exception):
    """The interpreter's facts are not to be had; the text says why."""


async def probe_interpreter(executable: str) -> BaseInterpreter:
    """Run it, isolated from the environment's variables and without `site`.

    Raises:
        InterpreterRefused: it cannot be run, is too old, or does not tell its facts in time.
    """
    said = await asyncio.to_thread(_run, executable)
    try:
        answer = msgspec.json.decode(said, type=_Answer)
    except msgspec.DecodeError as error:
        raise InterpreterRefused(f"what it says of itself cannot be understood: {error}") from error
    if answer.facts is None:
        raise InterpreterRefused(f"it is Python {answer.unsupported}; {SUPPORTED}")
    return answer.facts


def _run(executable: str) -> bytes:
    try:
        process = subprocess.Popen(
            [executable, "-I", "-S", "-B", str(_SCRIPT), str(_PACKAGING)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            # Its own group, so that what a wrapper started ends with it.
            start_new_session=True,
        )
    except OSError as error:
        raise InterpreterRefused(f"it cannot be run: {error.strerror}") from error
    deadline = time.monotonic() + _TIMEOUT_S
    with process:
        try:
            said, complained = _read_both(process, deadline)
            status = process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            raise InterpreterRefused(f"it said nothing within {_TIMEOUT_S:.0f} s") from error
        finally:
            _end(process)
    if status != 0:
        words = complained[-_SAID_BYTES:].decode("utf-8", "replace").strip() or "nothing"
        raise InterpreterRefused(f"it ended with status {status} and said {words!r}; {SUPPORTED}")
    return said


def _read_both(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes]:
    """Output and complaints until their ends, as long as they are of a sensible size."""
    assert process.stdout is not None
    assert process.stderr is not None
    read = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    with selectors.DefaultSelector() as selector:
        for descriptor in read:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise subprocess.TimeoutExpired(process.args, _TIMEOUT_S)
            for key, _ in ready:
                chunk = os.read(key.fd, 1 << 16)
                read[key.fd] += chunk
                if len(read[key.fd]) > _OUTPUT_BYTES:
                    raise InterpreterRefused(f"it said more than {_OUTPUT_BYTES >> 20} MiB")
                if not chunk:
                    selector.unregister(key.fd)
    said, complained = read.values()
    return bytes(said), bytes(complained)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of it running. Until it is waited for, no other process has its number."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
