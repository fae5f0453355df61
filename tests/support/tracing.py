"""Counts the system calls of a running process and all its threads and children, with strace.

with tracing(daemon.pid, tmp_path / "calls", ["rename", "renameat2"]) as calls:
    ...
assert Counter({"renameat2": 2}) == calls
"""

import contextlib
import re
import select
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 30
_CALL: Final = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed>).*= (-?\d+)", re.MULTILINE)


class NoTracing(Exception):
    """strace is missing or may not attach; the text says what to do."""


@contextlib.contextmanager
def tracing(pid: int, file: Path, names: Sequence[str]) -> Iterator[Counter[str]]:
    """Count the calls that succeeded; the counter is filled when the block has ended.

    Raises NoTracing where that cannot be done here.
    """
    if shutil.which("strace") is None:
        raise NoTracing("strace is missing; on Debian: apt-get install strace")
    command = [
        "strace",
        "-f",
        "-o",
        str(file),
        "-e",
        f"trace={','.join(f'?{name}' for name in names)}",
        "-p",
        str(pid),
    ]
    counted: Counter[str] = Counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        try:
            _await_attached(process)
            yield counted
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=PATIENCE_S)
    found = _CALL.findall(file.read_text(errors="replace"))
    counted.update(name for name, result in found if int(result) >= 0)


def _await_attached(process: "subprocess.Popen[bytes]") -> None:
    """strace attaches to all threads there are before it says that it is attached to the process."""
    assert process.stderr is not None
    if not select.select([process.stderr], [], [], PATIENCE_S)[0]:
        raise NoTracing("strace did not attach in time")
    said = process.stderr.readline().decode(errors="replace").strip()
    if "attached" not in said:
        raise NoTracing(f"strace may not attach here (is ptrace allowed?): {said}")
