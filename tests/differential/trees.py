"""Reads what an installer left in an environment, in a form that environments can be compared by."""

import base64
import csv
import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

SITE: Final = "site"
"""What stands for site-packages in paths, whose name tells the interpreter's version."""
PREFIX: Final = b"<prefix>"
"""What stands for the environment's own path in scripts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name in a folder."""

    kind: str
    """``file``, ``folder``, ``link`` or ``other``."""
    mode: str
    """Permission bits, octal; empty for a link."""
    content: str = ""
    """SHA-256, after the environment's path was taken out of a script; a link's target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What came into an environment since it was made."""

    entries: Mapping[str, Entry]
    """By path relative to the environment."""
    records: Mapping[str, Mapping[str, str]]
    """By project: each path as RECORD writes it, and what RECORD says of the file there."""
    owners: Mapping[str, str]
    """The project whose RECORD has a path; of several, the first."""


Entries = Mapping[str, Entry]


def read_entries(prefix: Path) -> Entries:
    """Everything in an environment, by path relative to it."""
    return dict(_read_entries(prefix))


def read_tree(prefix: Path, before: Entries) -> Tree:
    """What is other than it was `before`, and every RECORD."""
    site = site_packages(prefix)
    records: dict[str, dict[str, str]] = {}
    owners: dict[str, str] = {}
    for dist_info in sorted(site.glob("*.dist-info")):
        name = _project(dist_info)
        rows = dict(_read_record(dist_info / "RECORD", site))
        records.setdefault(name, {}).update(rows)
        for path in rows:
            owners.setdefault(_named(prefix, Path(os.path.normpath(site / path))), name)
    after = read_entries(prefix)
    return Tree(
        entries={path: entry for path, entry in after.items() if before.get(path) != entry},
        records=records,
        owners=owners,
    )


def site_packages(prefix: Path) -> Path:
    [site] = prefix.glob("lib/python*/site-packages")
    return site


def _read_entries(prefix: Path) -> Iterator[tuple[str, Entry]]:
    for root, folders, files in os.walk(prefix):
        for name in (*folders, *files):
            path = Path(root, name)
            yield _named(prefix, path), _read_entry(prefix, path)


def _read_entry(prefix: Path, path: Path) -> Entry:
    facts = path.lstat()
    mode = f"{stat.S_IMODE(facts.st_mode):04o}"
    if stat.S_ISLNK(facts.st_mode):
        return Entry(kind="link", mode="", content=str(path.readlink()))
    if stat.S_ISDIR(facts.st_mode):
        return Entry(kind="folder", mode=mode)
    if not stat.S_ISREG(facts.st_mode):
        return Entry(kind="other", mode=mode)
    content = path.read_bytes()
    if path.parent == prefix / "bin":
        content = content.replace(os.fsencode(prefix), PREFIX)
    return Entry(kind="file", mode=mode, content=hashlib.sha256(content).hexdigest())


def _named(prefix: Path, path: Path) -> str:
    relative = str(path.relative_to(prefix)) if path.is_relative_to(prefix) else str(path)
    return re.sub(r"\Alib/python[^/]*/site-packages(?=/|\Z)", SITE, relative)


def _project(dist_info: Path) -> str:
    """The name in METADATA, or in the folder's name where there is none."""
    metadata = dist_info / "METADATA"
    name = dist_info.name.partition("-")[0]
    if metadata.is_file():
        name = BytesHeaderParser().parsebytes(metadata.read_bytes()).get("Name", name)
    return canonicalize_name(name)


def _read_record(record: Path, site: Path) -> Iterator[tuple[str, str]]:
    """Each path, and whether its row tells the truth; a truth told twice is told too often."""
    if not record.is_file():
        return
    with record.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.reader(lines) if row]
    times = Counter(row[0] for row in rows)
    for row in rows:
        if len(row) == 3:
            path, digest, size = row
            state = f"{_hash_state(site / path, digest)}, {_size_state(site / path, size)}"
            yield path, state if times[path] == 1 else f"{state}, {times[path]} times"
        else:
            yield ",".join(row), f"a row of {len(row)} columns"


def _hash_state(path: Path, digest: str) -> str:
    if not path.is_file():
        return "no file"
    if not digest:
        return "no hash"
    algorithm, _, value = digest.partition("=")
    raw = hashlib.new(algorithm, path.read_bytes()).digest()
    right = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    if value.rstrip("=") != right:
        return f"wrong {algorithm}"
    return algorithm if value == right else f"padded {algorithm}"


def _size_state(path: Path, size: str) -> str:
    if not size:
        return "no size"
    return "size" if path.is_file() and int(size) == path.stat().st_size else "wrong size"
