"""Looks at environments and the cache from outside: nothing here asks linkd or believes it.

RECORD is read as the specification "Recording installed projects" has it.
"""

import base64
import csv
import hashlib
import os
import struct
import subprocess
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

Inode = tuple[int, int]
"""Device and inode."""

_TEMPORARY: Final = (".linkd-", "txn-", "unpack-")
_IMPORTS: Final = "import requests, rich, nvidia; print(nvidia.__file__)"


@dataclass(slots=True)
class Environment:
    """One environment: what it held when it was made, and what it holds now."""

    name: str
    path: Path
    before: frozenset[str] = field(init=False)
    """Files that it had before anything was installed, relative to it."""

    def __post_init__(self) -> None:
        self.before = frozenset(files_below(self.path))

    @property
    def site(self) -> Path:
        return next(self.path.glob("lib/python*/site-packages"))

    def records(self) -> Mapping[str, list[list[str]]]:
        """The rows of every distribution's RECORD, by its dist-info folder."""
        found = {}
        for record in sorted(self.site.glob("*.dist-info/RECORD")):
            with record.open(encoding="utf-8", newline="") as file:
                found[record.parent.name] = list(csv.reader(file))
        return found

    def owners(self) -> Mapping[str, list[str]]:
        """Which distributions recorded each path; paths are relative to site-packages."""
        owners = defaultdict(list)
        for folder, rows in self.records().items():
            name = folder.partition("-")[0].replace("_", "-").lower()
            for path, *_ in rows:
                owners[path].append(name)
        return owners

    def inode(self, path: str) -> Inode:
        facts = (self.site / path).stat()
        return facts.st_dev, facts.st_ino


def files_below(folder: Path) -> Iterator[str]:
    """Every file and link, relative to the folder."""
    for root, _, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(root, name), folder)


def inodes_below(folder: Path) -> Mapping[Inode, str]:
    """Where each inode below the folder lies; of several names the first."""
    found: dict[Inode, str] = {}
    for name in files_below(folder):
        facts = (folder / name).lstat()
        found.setdefault((facts.st_dev, facts.st_ino), name)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """What an environment's files are and what they cost."""

    files: int
    shared: int
    """Files that are the cache's own inodes."""
    size: int
    own: int
    """Bytes that are not the cache's."""


def disk_use(environment: Environment, cached: Collection[Inode]) -> Disk:
    """Of what was installed, without what the environment was made with."""
    files = shared = size = own = 0
    for name in files_below(environment.path):
        if name in environment.before:
            continue
        facts = (environment.path / name).lstat()
        files += 1
        size += facts.st_size
        if (facts.st_dev, facts.st_ino) in cached:
            shared += 1
        else:
            own += facts.st_size
    return Disk(files=files, shared=shared, size=size, own=own)


def wrong_rows(environment: Environment) -> tuple[int, list[str]]:
    """How many RECORD rows were compared with their files, and what is wrong with some."""
    compared, wrong = 0, []
    for folder, rows in environment.records().items():
        for path, digest, length in rows:
            compared += 1
            file = environment.site / path
            is_bytecode = file.parent.name == "__pycache__" and not digest
            problem = _stale(file) if is_bytecode else _problem(file, digest, length)
            if problem and not (path.endswith("/RECORD") and problem == "no hash"):
                wrong.append(f"{environment.name}: {path} ({folder}): {problem}")
    return compared, wrong


def _problem(path: Path, digest: str, length: str) -> str:
    if not path.is_file():
        return "is not there"
    if not digest:
        return "no hash"
    algorithm, _, expected = digest.partition("=")
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, algorithm).digest()
    if base64.urlsafe_b64encode(actual).rstrip(b"=").decode() != expected:
        return "has another hash"
    return "" if path.stat().st_size == int(length) else "has another size"


def _stale(bytecode: Path) -> str:
    """Bytecode has no hash in RECORD, as pip has it: it has to be its source's (PEP 3147, 552)."""
    source = bytecode.parent.parent / f"{bytecode.name.partition('.')[0]}.py"
    if not bytecode.is_file() or not source.is_file():
        return "is not there, or its source is not"
    with bytecode.open("rb") as file:
        flags, mtime, size = struct.unpack("<4xIII", file.read(16))
    facts = source.stat()
    now = (0, int(facts.st_mtime) & 0xFFFFFFFF, facts.st_size & 0xFFFFFFFF)
    return "" if (flags, mtime, size) == now else "was compiled from another source"


def unrecorded(environment: Environment) -> list[str]:
    """Files that no RECORD names and that were not there before."""
    prefix, site = environment.path, environment.site
    recorded = {
        os.path.relpath(os.path.join(site, path), prefix)
        for rows in environment.records().values()
        for path, *_ in rows
    }
    left = set(files_below(prefix)) - recorded - environment.before
    return sorted(f"{environment.name}: {name}" for name in left)


def temporary_names(environment: Environment) -> list[str]:
    """Names that only work under way has."""
    return sorted(
        os.path.join(root, name)
        for root, folders, names in os.walk(environment.path)
        for name in (*folders, *names)
        if name.startswith(_TEMPORARY)
    )


def cache_leftovers(cache: Path) -> list[str]:
    """What lies in the cache's folders for work under way, when there is none.

    Trees that are ready for the next environment are no work under way.
    """
    return sorted(
        str(path)
        for name in ("incoming", "pool", "trash")
        for path in cache.glob(f"v1/{name}/*")
        if name != "pool" or path.suffix != ".tree"
    )


def failed_imports(environment: Environment) -> str:
    """The last line of what the environment's own interpreter complains of; empty if nothing."""
    python = environment.path / "bin" / "python"
    # -I, -B: nothing from outside, and no bytecode that nobody has recorded.
    run = subprocess.run(
        [python, "-I", "-B", "-c", _IMPORTS], capture_output=True, text=True, check=False
    )
    if run.returncode == 0 and run.stdout.startswith(f"{environment.site}{os.sep}"):
        return ""
    return (run.stderr or run.stdout).strip().rpartition("\n")[2]
