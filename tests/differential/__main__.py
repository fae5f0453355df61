"""`make differential`: the most downloaded projects' current wheels, and every odd one, compared.

Needs a package index, unless the wheels lie in a folder already; writes below the system's folder
for temporary files only. Ends with 1 where something differs that may not, or no longer does.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.differential.allowed import ALLOWED, DISPUTES
from tests.differential.comparison import Verdict
from tests.differential.downloads import (
    Fetched,
    fetch_pins,
    fetch_projects,
    read_projects,
    write_pins,
)
from tests.differential.installers import Installers
from tests.differential.odd import compare_all, compare_disputed
from tests.differential.oddities import DISPUTED
from tests.differential.published import Compared, compare_published

PROJECTS: Final = Path(__file__).parents[1] / "cases" / "differential" / "projects.txt"
WANTED: Final = (3, 12)
LEAST: Final = 300
"""Projects of the list that must have been compared."""


@dataclass(slots=True)
class Tally:
    """All that was looked at."""

    fetched: int
    """Bytes of the wheels."""

    verdict: Verdict = field(default_factory=Verdict)
    wheels: int = 0
    files: int = 0
    rows: int = 0
    scripts: int = 0

    def add(self, compared: Compared) -> None:
        self.wheels += compared.wheels
        self.files += compared.files
        self.rows += compared.rows
        self.scripts += compared.scripts
        self.verdict.judge(compared.differences, ALLOWED)


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    os.umask(0o022)  # pip and uv follow it, linkd does not
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="linkd-diff-")))
        python = options.python or _interpreter()
        offline = options.wheels is not None
        pip = Path(sys.executable) if offline else _make_pip(python, folder / "pip")
        fetched = _fetch(options, pip, folder / "wheels")
        write_pins(fetched.wheels, options.pins)
        installers = stack.enter_context(
            Installers.ready(folder / "installers", python=python, pip=pip)
        )
        _print_tools(installers)
        tally = Tally(fetched.bytes)
        odd = _judge_oddities(installers, folder / "odd", tally.verdict)
        for compared in compare_published(installers, fetched.wheels, folder / "published"):
            tally.add(compared)
            print(f"  {tally.wheels} of {len(fetched.wheels)} compared", file=sys.stderr)
    _print_summary(tally, fetched, odd)
    print(f"pins                    {options.pins} (to repeat this run: --repeat)")
    listed = options.wheels is None and options.repeat is None
    too_few = listed and tally.wheels < min(LEAST, len(read_projects(options.projects)))
    if too_few:
        print(f"fewer than {LEAST} of the listed projects were compared")
    stale = tally.verdict.stale((*ALLOWED, *DISPUTES))
    return int(bool(tally.verdict.unexpected or stale or too_few))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make differential")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--projects", type=Path, default=PROJECTS, help="a list of projects")
    source.add_argument(
        "--repeat", type=Path, help="the pins of an earlier run, or any with hashes"
    )
    source.add_argument("--wheels", type=Path, help="a folder of wheels; nothing is fetched")
    parser.add_argument(
        "--pins",
        type=Path,
        default=Path(tempfile.gettempdir()) / "linkd-differential-pins.txt",
        help="where to write what was compared",
    )
    parser.add_argument("--python", type=Path, help="the interpreter of the environments")
    return parser.parse_args(arguments)


def _interpreter() -> Path:
    """The wanted one wherever it is; else the running one."""
    name = f"python{WANTED[0]}.{WANTED[1]}"
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    found = shutil.which(name)
    candidates = [*([Path(found)] if found else []), *sorted(versions.glob(f"*/bin/{name}"))]
    for candidate in (*candidates, Path(sys.executable)):
        command = [str(candidate), "-I", "-c", "import sys, venv; print(sys.executable)"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode == 0:
            return Path(ran.stdout.strip())
    message = "no interpreter runs"
    raise SystemExit(message)


def _make_pip(python: Path, folder: Path) -> Path:
    """An environment of its own for pip, the current one."""
    subprocess.run([str(python), "-I", "-m", "venv", str(folder)], check=True)
    pip = folder / "bin" / "python"
    command = [str(pip), "-m", "pip", "--disable-pip-version-check", "install", "-qq", "-U", "pip"]
    subprocess.run(command, check=True)
    return pip


def _fetch(options: argparse.Namespace, pip: Path, folder: Path) -> Fetched:
    if options.wheels is not None:
        return Fetched(options.wheels.absolute())
    folder.mkdir()
    print("Fetching the wheels", file=sys.stderr)
    if options.repeat is not None:
        return fetch_pins(pip, options.repeat, folder)
    return fetch_projects(pip, read_projects(options.projects), folder)


def _judge_oddities(installers: Installers, folder: Path, verdict: Verdict) -> int:
    """How many odd wheels there are."""
    print("Comparing odd wheels", file=sys.stderr)
    compared = compare_all(installers, folder)
    for one in compared.values():
        verdict.judge(one.differences, ALLOWED)
    for number, make in enumerate(DISPUTED):
        found = compare_disputed(installers, folder / f"disputed-{number}", make)
        verdict.judge(found.differences, DISPUTES)
    return compared["together"].projects + len(DISPUTED)


def _print_tools(installers: Installers) -> None:
    commands = {
        "interpreter": [str(installers.python), "--version"],
        "linkd": [sys.executable, "-m", "linkd", "--version"],
        "pip": [str(installers.pip), "-m", "pip", "--version"],
        "uv": [str(installers.uv), "--version"],
    }
    for name, command in commands.items():
        print(f"{name:<23} {installers.run(command).out.partition(' from ')[0].strip()}")


def _print_summary(tally: Tally, fetched: Fetched, odd: int) -> None:
    verdict = tally.verdict
    print(f"{'projects':<23} {tally.wheels}, {tally.fetched >> 20} MiB")
    if fetched.missing:
        print(f"{'without a wheel':<23} {len(fetched.missing)}: {' '.join(fetched.missing)}")
    print(f"{'odd wheels':<23} {odd}")
    print(f"{'files compared':<23} {tally.files}, {tally.rows} rows of RECORD")
    print(f"{'scripts run':<23} {tally.scripts}")
    print(f"{'allowed differences':<23} {verdict.allowed.total()}")
    for rule in (*ALLOWED, *DISPUTES):
        print(f"  {verdict.allowed[rule.name]:>6} {rule.name}")
    stale = verdict.stale((*ALLOWED, *DISPUTES))
    print(f"{'stale':<23} {', '.join(stale) or 'none'}")
    print(f"{'unexpected':<23} {len(verdict.unexpected)}")
    for difference in verdict.unexpected:
        print(f"  {difference}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
