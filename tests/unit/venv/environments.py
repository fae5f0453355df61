"""Real environments for tests, made with the standard library's venv, and a memory for probers."""

import os
import subprocess
import sys
from pathlib import Path


class Memory(dict[str, bytes]):
    """Remembers interpreters like the daemon's state does."""

    def interpreter(self, key: str, /) -> bytes | None:
        return self.get(key)

    def remember_interpreter(self, key: str, blob: bytes, /) -> None:
        self[key] = blob


def make_environment(path: Path, *options: str) -> Path:
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", *options, path],
        check=True,
        capture_output=True,
    )
    return path


def ask(python: Path | str, code: str, *options: str) -> str:
    """What a piece of Python prints."""
    command = [python, *options, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def site_packages_of(environment: Path) -> Path:
    """Where the environment's own interpreter says that its site-packages are."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(ask(environment / "bin" / "python", code))


def real(*paths: Path | str) -> list[str]:
    return [os.path.realpath(path) for path in paths]


def base_python() -> str:
    """The interpreter that the one running the tests was made from."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))
