"""What must hold of every environment and every cache when nothing is under way."""

import base64
import csv
import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from linkd.store.entry import read_entry, stored_wheels
from linkd.store.layout import Layout

_TEMPORARY: Final = re.compile(r"\.linkd-|\.replaced$|~$|^txn-|\.tmp$|\.part$")
_OWN: Final = re.compile(
    r"pyvenv\.cfg|\.gitignore|CACHEDIR\.TAG|\.lock|lib64|bin/(python|pypy)[\d.]*"
    r"|bin/(activate.*|Activate\.ps1|deactivate.*)|.*/site-packages/_virtualenv\.(py|pth)"
)
"""What belongs to an environment itself."""


def check_environment(prefix: Path) -> None:
    """Everything installed is whole, recorded, listed once and has what it requires."""
    [site] = prefix.glob("lib/python*/site-packages")
    found = {
        canonicalize_name(one.metadata["Name"]): one for one in distributions(path=[str(site)])
    }
    stems = [path.name for path in site.glob("*.dist-info")]
    assert len(found) == len(stems), f"listed twice: {sorted(stems)}"
    # Of several that record a path with different content, the file is that of the last name.
    rows = {path: row for name in sorted(found) for path, row in _record_of(found[name], site)}
    problems = [fault for path, row in rows.items() for fault in _faults(prefix, path, row)]
    problems += _unexpected(prefix, site, rows.keys())
    problems += _unmet(found)
    assert not problems, "\n".join(problems)


def installed(prefix: Path) -> dict[str, str]:
    """The version of every installed distribution."""
    [site] = prefix.glob("lib/python*/site-packages")
    return {
        canonicalize_name(one.metadata["Name"]): one.version
        for one in distributions(path=[str(site)])
    }


def snapshot(folder: Path) -> dict[str, tuple[int, str]]:
    """Mode and content of everything in a folder; interpreters' caches are left out."""
    facts: dict[str, tuple[int, str]] = {}
    for path in _walk(folder):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            content = f"-> {path.readlink()}"
        elif stat.S_ISREG(mode):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            content = ""
        facts[str(path.relative_to(folder))] = (mode, content)
    return facts


def check_cache(cache: Path) -> None:
    """Every entry is whole, and nothing half-made lies about. To be called when all is idle."""
    layout = Layout(cache)
    problems = [
        f"{layout.incoming}/{name} is left over"
        for name in os.listdir(layout.incoming)
        if not name.endswith(".part")
    ]
    problems += [
        f"{layout.pool}/{name} is left over"
        for name in os.listdir(layout.pool)
        if name.startswith("txn-")
    ]
    problems += [fault for sha256 in stored_wheels(layout) for fault in _damage(layout, sha256)]
    assert not problems, "\n".join(problems)


def _damage(layout: Layout, sha256: str) -> Iterator[str]:
    wheel = read_entry(layout, sha256)
    if wheel is None:
        yield f"{sha256} has no manifest"
        return
    tree = Path(wheel.tree)
    names = {file.source for file in wheel.manifest.files}
    there = {str(path.relative_to(tree)) for path in _walk(tree) if not path.is_dir()}
    yield from (
        f"{tree}/{name} is not in the manifest" for name in there - names if not _record(name)
    )
    for file in wheel.manifest.files:
        path = tree / file.source
        facts = path.lstat()
        if (facts.st_size, _digest(path)) != (file.size, file.sha256):
            yield f"{path} is damaged"
        if bool(facts.st_mode & stat.S_IXUSR) != file.executable:
            yield f"{path} has mode {facts.st_mode:o}"


def _record(name: str) -> bool:
    return name.endswith((".dist-info/RECORD", ".dist-info/RECORD.jws", ".dist-info/RECORD.p7s"))


def _record_of(distribution: Distribution, site: Path) -> Iterator[tuple[Path, tuple[str, str]]]:
    """The absolute paths in a distribution's RECORD, each with its hash and size."""
    text = distribution.read_text("RECORD")
    assert text is not None, f"{distribution.metadata['Name']} has no RECORD"
    for name, digest, size in csv.reader(text.splitlines()):
        yield Path(os.path.normpath(site / name)), (digest, size)


def _faults(prefix: Path, path: Path, row: tuple[str, str]) -> Iterator[str]:
    digest, size = row
    algorithm, _, value = digest.partition("=")
    if not path.is_relative_to(prefix):
        yield f"{path} leads out of the environment"
    elif not path.is_file():
        yield f"{path} is recorded and not there"
    elif digest and (found := _digest(path, algorithm)) != value:
        yield f"{path} has another hash than recorded: {found}"
    elif size and int(size) != path.stat().st_size:
        yield f"{path} has another size than recorded"


def _unexpected(prefix: Path, site: Path, recorded: Collection[Path]) -> Iterator[str]:
    """What lies in an environment and is nobody's."""
    for path in _walk(prefix):
        name = str(path.relative_to(prefix))
        if _TEMPORARY.search(path.name):
            yield f"{name} is a temporary name"
        elif path.is_dir() and not path.is_symlink():
            if path.is_relative_to(site) and path != site and not os.listdir(path):
                yield f"{name} is an empty folder"
        elif path not in recorded and not _OWN.fullmatch(name):
            yield f"{name} is not recorded"


def _unmet(found: Mapping[NormalizedName, Distribution]) -> Iterator[str]:
    """What ``pip check`` would complain of."""
    for name, one in found.items():
        for text in one.requires or ():
            requirement = Requirement(text)
            if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
                continue
            other = found.get(canonicalize_name(requirement.name))
            version = None if other is None else other.version
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                yield f"{name} needs {text}, and there is {version}"


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (Path(root, name) for name in (*folders, *files))


def _digest(path: Path, algorithm: str = "sha256") -> str:
    raw = hashlib.new(algorithm, path.read_bytes()).digest()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
