import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from linkd.build.process import Log, Program, Stopped, in_thread, run_program
from tests.support.daemon import until


def program(code: str, timeout: float = 60.0) -> Program:
    return Program(command=(sys.executable, "-c", code), cwd="/", env={}, timeout=timeout)


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def test_output(tmp_path: Path) -> None:
    """Output and complaints are kept in their order, with the last lines at hand."""
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr); sys.exit(7)"
    with Log(str(tmp_path / "log")) as log:
        status = run_program(program(code), log, threading.Event())

    assert status == 7
    assert log.last_lines() == ("one", "two")
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_much_output(tmp_path: Path) -> None:
    """However much is written, the file stays within its limit and the end is known."""
    code = "import sys\nfor _ in range(40): print('x' * (1 << 20))\nprint('end')"
    with Log(str(tmp_path / "log")) as log:
        assert run_program(program(code), log, threading.Event()) == 0

    assert (tmp_path / "log").stat().st_size == 32 << 20
    assert log.last_lines()[-1] == "end"


def test_time(tmp_path: Path) -> None:
    """What takes too long is ended."""
    with Log(str(tmp_path / "log")) as log, pytest.raises(TimeoutError):
        run_program(program("import time; time.sleep(600)", timeout=0.3), log, threading.Event())


def test_children(tmp_path: Path) -> None:
    """What a program leaves running in its group is ended with it, and does not hold it up."""
    code = (
        "import subprocess, sys; "
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid)"
    )
    with Log(str(tmp_path / "log")) as log:
        assert run_program(program(code), log, threading.Event()) == 0

    until(lambda: is_gone(int(log.last_lines()[0])))


async def test_cancelled(tmp_path: Path) -> None:
    """Cancelling ends the program and waits for its end."""
    pid_file = tmp_path / "pid"
    code = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"

    def work(stop: threading.Event) -> int:
        with Log(str(tmp_path / "log")) as log:
            return run_program(program(code), log, stop)

    with ThreadPoolExecutor(1) as threads:
        task = asyncio.create_task(in_thread(threads, work))
        while not (pid_file.exists() and pid_file.read_text()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    assert task.cancelled()
    assert is_gone(int(pid_file.read_text()))


def test_stopped_before(tmp_path: Path) -> None:
    """What nobody wants any more is not begun."""
    stop = threading.Event()
    stop.set()

    with Log(str(tmp_path / "log")) as log, pytest.raises(Stopped):
        run_program(program("raise SystemExit(1)"), log, stop)

    assert os.path.getsize(tmp_path / "log") == 0
