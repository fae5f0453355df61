"""What a source tree says of its build: ``[build-system]`` of pyproject.toml (PEP 517, 518, 660)."""

import os
import tomllib
from dataclasses import dataclass
from typing import Any, Final

from packaging.metadata import parse_email
from packaging.version import InvalidVersion, Version

from linkd.errors import BuildFailed

STEP: Final = "reading pyproject.toml"
_LEGACY: Final = "setuptools.build_meta:__legacy__"
_STATIC: Final = Version("2.2")
_NEEDED: Final = frozenset({"requires-dist", "requires-python", "provides-extra", "name", "version"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSystem:
    """Who builds it, and what that needs."""

    requires: tuple[str, ...] = ("setuptools",)
    backend: str = _LEGACY
    backend_path: tuple[str, ...] = ()


def read_build_system(folder: str, subject: str) -> BuildSystem:
    """Of a project's folder; without a table it is setuptools as in the days before. Blocks.

    Raises BuildFailed.
    """
    try:
        with open(os.path.join(folder, "pyproject.toml"), "rb") as file:
            content = tomllib.load(file)
    except FileNotFoundError as error:
        if not os.path.isfile(os.path.join(folder, "setup.py")):
            raise _unusable(subject, "there is neither a pyproject.toml nor a setup.py") from error
        return BuildSystem()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise _unusable(subject, str(error)) from error
    table = content.get("build-system")
    if table is None:
        return BuildSystem()
    if not isinstance(table, dict):
        raise _unusable(subject, "build-system is not a table")
    return _parse_table(table, subject)


def _parse_table(table: dict[str, Any], subject: str) -> BuildSystem:
    if "requires" not in table:
        raise _unusable(subject, "build-system.requires is missing, which PEP 518 asks for")
    backend = table.get("build-backend", _LEGACY)
    if not isinstance(backend, str):
        raise _unusable(subject, "build-system.build-backend is not a string")
    return BuildSystem(
        requires=_texts(table["requires"], "requires", subject),
        backend=backend,
        backend_path=_texts(table.get("backend-path", []), "backend-path", subject),
    )


def _texts(value: Any, name: str, subject: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise _unusable(subject, f"build-system.{name} is not a list of strings")
    return tuple(value)


def _unusable(subject: str, reason: str) -> BuildFailed:
    return BuildFailed(subject=subject, step=STEP, reason=reason)


def is_static(pkg_info: bytes) -> bool:
    """Whether an sdist's PKG-INFO promises what a wheel's METADATA will say (PEP 643).

    "If a field is not marked as Dynamic, then the value of the field in any wheel built from the
    sdist MUST match the value in the sdist."
    """
    fields, _ = parse_email(pkg_info)
    try:
        version = Version(fields.get("metadata_version", ""))
    except InvalidVersion:
        return False
    dynamic = {name.lower() for name in fields.get("dynamic", [])}
    known = "name" in fields and "version" in fields
    return known and _STATIC <= version and not dynamic & _NEEDED
