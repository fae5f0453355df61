"""Fetches the wheels of a list of projects once, with pip: gently, and for all three installers.

A list names one project a line; a run's pins are a requirement file with hashes, and repeat it.
"""

import hashlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name, parse_wheel_filename

FEW: Final = 20
"""Projects that are asked for by one command."""
MAX_BYTES: Final = 1_500_000_000
"""After which no more is fetched."""


@dataclass(slots=True)
class Fetched:
    """A folder of wheels, and what could not be put into it."""

    folder: Path
    missing: list[str] = field(default_factory=list)
    """Projects that have no wheel for this interpreter, or could not be fetched."""

    @property
    def wheels(self) -> list[Path]:
        return sorted(self.folder.glob("*.whl"))

    @property
    def bytes(self) -> int:
        return sum(wheel.stat().st_size for wheel in self.wheels)


def read_projects(file: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in file.read_text().splitlines())
    return [canonicalize_name(line) for line in lines if line]


def write_pins(wheels: Sequence[Path], file: Path) -> None:
    """Every wheel's version and hash, as pip and `fetch_pins` take them."""
    lines = []
    for wheel in wheels:
        name, version, _, _ = parse_wheel_filename(wheel.name)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines.append(f"{name}=={version} --hash=sha256:{digest}\n")
    file.write_text("".join(sorted(lines)))


def fetch_projects(pip: Path, projects: Sequence[str], folder: Path) -> Fetched:
    """The current wheel of each."""
    fetched = Fetched(folder)
    for some in _in_groups(projects):
        if fetched.bytes > MAX_BYTES:
            fetched.missing += some
        elif _download(pip, folder, some):
            # One without a wheel fails them all.
            fetched.missing += [one for one in some if _download(pip, folder, [one])]
        print(f"  {len(fetched.wheels)} wheels, {fetched.bytes >> 20} MiB", file=sys.stderr)
    return fetched


def fetch_pins(pip: Path, pins: Path, folder: Path) -> Fetched:
    """What a requirement file with hashes pins. Raises SystemExit where that is not to be had."""
    code = _download(pip, folder, ["--require-hashes", "-r", str(pins)])
    if code:
        message = f"not all of {pins} can be fetched"
        raise SystemExit(message)
    return Fetched(folder)


def _in_groups(projects: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(projects), FEW):
        yield list(projects[start : start + FEW])


def _download(pip: Path, folder: Path, arguments: Sequence[str]) -> int:
    command = [str(pip), "-m", "pip", "--disable-pip-version-check", "download", "-qq"]
    command += ["--no-deps", "--only-binary", ":all:", "-d", str(folder), *arguments]
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode
