"""What uv answers: `uv pip compile` for the target that all cases are for."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.resolution.cases import Answer
from tests.resolution.universe import Universe

PYTHON: Final = "3.12.1"
PLATFORM: Final = "x86_64-manylinux_2_28"

_pin = re.compile(r"^[a-z0-9][a-z0-9.-]*(==| @ ).*")


def uv_version() -> str:
    done = _run(["--version"], {})
    return done.stdout.split()[1]


def ask_uv(universe: Universe) -> Answer:
    """Resolve a case as uv does by itself, with nothing remembered."""
    folder = universe.folder / "uv"
    folder.mkdir()
    done = _run(_arguments(universe, folder), _variables(folder))
    if done.returncode:
        return Answer(error=_error(universe, done.stderr))
    pins = (line for line in done.stdout.splitlines() if _pin.match(line))
    return Answer(pins=tuple(sorted(map(universe.displaced, pins))))


def _arguments(universe: Universe, folder: Path) -> list[str]:
    case = universe.case
    output = folder / "output.txt"
    if case.preferred:
        output.write_text("".join(f"{name}=={at}\n" for name, at in case.preferred.items()))
    return [
        *("pip", "compile", "--no-config", "--no-header", "--no-annotate", "--color", "never"),
        *("--no-progress", "--output-file", str(output)),
        *("--cache-dir", str(universe.index.folder / "uv-cache")),
        *("--python", sys.executable, "--python-version", PYTHON, "--python-platform", PLATFORM),
        *_inputs(universe, folder),
        *_options(universe),
        *case.uv_options,
    ]


def _inputs(universe: Universe, folder: Path) -> Iterator[str]:
    case = universe.case
    requirements = folder / "requirements.in"
    requirements.write_text("".join(f"{universe.placed(line)}\n" for line in case.require))
    if case.project:
        project = folder / "pyproject.toml"
        project.write_text(case.project)
        yield str(project)
    if case.require:
        yield str(requirements)
    if case.constrain:
        constraints = folder / "constraints.txt"
        constraints.write_text("".join(f"{universe.placed(line)}\n" for line in case.constrain))
        yield from ("--constraint", str(constraints))


def _options(universe: Universe) -> Iterator[str]:
    case = universe.case
    if case.no_index:
        yield "--no-index"
    else:
        yield from ("--index-url", universe.index_url())
    for flag, wanted in (
        ("--prerelease=allow", case.prerelease),
        ("--no-deps", case.no_deps),
        ("--upgrade", case.upgrade is True),
    ):
        if wanted:
            yield flag
    for option, values in (
        ("--extra-index-url", map(universe.index_url, case.extra_indexes)),
        ("--find-links", map(universe.links, case.find_links)),
        ("--upgrade-package", () if isinstance(case.upgrade, bool) else case.upgrade),
        ("--extra", case.extras),
        ("--group", case.groups),
        ("--no-binary", case.no_binary),
        ("--only-binary", case.only_binary),
    ):
        for value in values:
            yield from (option, value)


def _variables(folder: Path) -> dict[str, str]:
    """All that there are: nothing of this machine's own settings is among them."""
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "UV_HTTP_RETRIES": "0",
    }


def _run(arguments: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    uv = Path(sys.executable).with_name("uv")
    return subprocess.run(
        [str(uv), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=variables,
        cwd=variables.get("HOME"),
        check=False,
        timeout=120,
    )


def _error(universe: Universe, text: str) -> str:
    """uv's message, each of its paragraphs on one line."""
    paragraphs = re.split(r"\n\s*\n", universe.displaced(text))
    return "\n".join(" ".join(each.split()) for each in paragraphs if each.strip())
