"""Installs published wheels with all three tools, batch by batch, and compares what is there then."""

import configparser
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from packaging.utils import parse_wheel_filename

from tests.differential.comparison import Difference, compare
from tests.differential.installers import (
    Installers,
    compare_outcomes,
    compare_runs,
    exact_requirement,
    installed_trees,
)

BATCH: Final = 60
"""Wheels in one environment."""

HARMLESS: Final = {
    "alembic": "--version",
    "black": "--version",
    "build": "--version",
    "coverage": "--version",
    "cython": "--version",
    "dotenv": "--version",
    "f2py": "-v",
    "fonttools": "--help",
    "isort": "--version",
    "jsonschema": "--version",
    "markdown-it": "--version",
    "mypy": "--version",
    "normalizer": "--version",
    "numpy-config": "--version",
    "pygmentize": "-V",
    "pyrsa-keygen": "--help",
    "pytest": "--version",
    "ruff": "--version",
    "sqlformat": "--version",
    "tabulate": "--help",
    "tqdm": "--version",
    "uv": "--version",
    "virtualenv": "--version",
    "watchfiles": "--version",
}
"""Scripts that can be asked for nothing but a word, and how. What they need may be missing: then
they fail the same way in each environment."""


@dataclass(slots=True)
class Compared:
    """What was found, and how much was looked at."""

    differences: list[Difference] = field(default_factory=list)
    wheels: int = 0
    files: int = 0
    rows: int = 0
    scripts: int = 0


def compare_published(
    installers: Installers, wheels: Sequence[Path], folder: Path
) -> Iterator[Compared]:
    """What differs, a batch at a time. All wheels lie in one folder; environments do not stay."""
    for number, batch in enumerate(plan_batches(wheels)):
        yield from _compare(installers, batch, folder / f"batch-{number}")


def plan_batches(wheels: Sequence[Path]) -> list[list[Path]]:
    """No two wheels of a batch have a path in common, nor a name: who comes last is no question."""
    batches: list[tuple[list[Path], set[str]]] = []
    for wheel in wheels:
        paths = _paths(wheel)
        for batch, taken in batches:
            if len(batch) < BATCH and taken.isdisjoint(paths):
                batch.append(wheel)
                taken.update(paths)
                break
        else:
            batches.append(([wheel], paths))
    return [batch for batch, _ in batches]


def _paths(wheel: Path) -> set[str]:
    """Where its files go, and its own name."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        entry_points = [name for name in names if name.endswith(".dist-info/entry_points.txt")]
        texts = [archive.read(name).decode() for name in entry_points]
    paths = {str(parse_wheel_filename(wheel.name)[0])}
    for name in names:
        top, _, rest = name.partition("/")
        key, _, inner = rest.partition("/")
        roots = {"purelib": "", "platlib": "", "scripts": "bin/", "data": "data/"}
        paths.add(f"{roots.get(key, key)}{inner}" if top.endswith(".data") else name)
    return paths.union(*map(_scripts, texts))


def _scripts(text: str) -> set[str]:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    parser.read_string(text)
    groups = ("console_scripts", "gui_scripts")
    found = [parser.options(group) for group in groups if parser.has_section(group)]
    return {f"bin/{name}" for names in found for name in names}


def _compare(installers: Installers, batch: Sequence[Path], folder: Path) -> Iterator[Compared]:
    """A batch that not all tools take is halved until it is known which wheel it is."""
    environments = installers.environments(folder)
    requirements = [exact_requirement(wheel) for wheel in batch]
    ran, trees = installed_trees(
        installers, environments, batch[0].parent, requirements, compile_bytecode=False
    )
    if any(one.code for one in ran.values()):
        shutil.rmtree(folder)
        if len(batch) > 1:
            middle = len(batch) // 2
            yield from _compare(installers, batch[:middle], folder.with_name(f"{folder.name}a"))
            yield from _compare(installers, batch[middle:], folder.with_name(f"{folder.name}b"))
            return
        for tool, one in ran.items():
            print(f"{requirements[0]}: {tool} ended with {one.code}: {one.err.strip()}")
        outcomes = compare_outcomes(str(parse_wheel_filename(batch[0].name)[0]), ran)
        yield Compared(differences=list(outcomes), wheels=1)
        return
    tree = trees["linkd"]
    scripts = {
        script: tree.owners.get(f"bin/{script}", "")
        for script in HARMLESS
        if (environments["linkd"] / "bin" / script).exists()
    }
    differences = list(compare(trees))
    for script, project in scripts.items():
        differences += compare_runs(
            installers, environments, {script: project}, [HARMLESS[script]], output=False
        )
    shutil.rmtree(folder)
    yield Compared(
        differences=differences,
        wheels=len(tree.records),
        files=sum(entry.kind == "file" for entry in tree.entries.values()),
        rows=sum(map(len, tree.records.values())),
        scripts=len(scripts),
    )
