"""Wheels of the sets, fetched once from the configured index into a folder that stays."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename


@dataclass(frozen=True, slots=True)
class FetchedWheel:
    """A wheel in the folder."""

    path: Path
    project: str
    version: str
    sha256: str


def fetch(pip: Path, folder: Path, pins: Iterable[str]) -> list[FetchedWheel]:
    """Have a wheel of every pin in `folder`. Raises SystemExit where that is not to be had."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = sorted(set(pins))
    missing = [pin for pin in wanted if pin not in _there(folder)]
    if missing:
        print(f"Fetching {len(missing)} wheels", file=sys.stderr)
        _download(pip, folder, missing)
    there = _there(folder)
    digests = _digests(folder, [there[pin] for pin in wanted])
    return [_described(pin, there[pin], digests) for pin in wanted]


def _described(pin: str, path: Path, digests: Mapping[str, str]) -> FetchedWheel:
    project, _, version = pin.partition("==")
    return FetchedWheel(path, project, version, digests[path.name])


def _there(folder: Path) -> dict[str, Path]:
    found = {}
    for path in folder.glob("*.whl"):
        try:
            name, version, _, _ = parse_wheel_filename(path.name)
        except InvalidWheelFilename:
            continue
        found[f"{canonicalize_name(name)}=={version}"] = path
    return found


def _download(pip: Path, folder: Path, pins: Sequence[str]) -> None:
    for pin in pins:
        Requirement(pin)
    command = [str(pip), "--disable-pip-version-check", "download", "-qq", "--no-deps"]
    command += ["--only-binary", ":all:", "-d", str(folder), *pins]
    if subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode:
        raise SystemExit("not all wheels can be fetched")


def _digests(folder: Path, wheels: Iterable[Path]) -> dict[str, str]:
    """SHA-256 by filename, remembered by size and mtime: there are gigabytes of them."""
    memory = folder / "sha256.json"
    known: dict[str, list[object]] = json.loads(memory.read_text()) if memory.exists() else {}
    for wheel in wheels:
        state = [wheel.stat().st_size, wheel.stat().st_mtime_ns]
        if known.get(wheel.name, [])[:2] != state:
            with wheel.open("rb") as file:
                known[wheel.name] = [*state, hashlib.file_digest(file, "sha256").hexdigest()]
    memory.write_text(json.dumps(known, indent=0))
    return {name: str(entry[2]) for name, entry in known.items()}
