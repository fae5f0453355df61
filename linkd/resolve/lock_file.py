"""Lock files (PEP 751): what `pylock.toml` names for one target, with the hashes that it promises.

packaging validates and selects; nothing is resolved.
"""

import os
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import urljoin, urlsplit

from packaging.markers import Environment
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockSelectError,
    PylockUnsupportedVersionError,
    PylockValidationError,
    is_valid_pylock_path,
)
from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from linkd.core.target import Interpreter
from linkd.core.wheel import DistFile, Pin
from linkd.errors import (
    InvalidLockFile,
    LockFileContent,
    LockFileSyntax,
    LockFileUnfit,
    LockFileVersion,
)
from linkd.resolve.requirement import direct_url
from linkd.resolve.requirement_file import RequirementFile
from linkd.resolve.toml_syntax import toml_line, toml_reason


def is_lock_file(path: str) -> bool:
    """Whether a file is a lock file by its name: ``pylock.toml`` or ``pylock.<name>.toml``."""
    return is_valid_pylock_path(Path(path))


def read_lock_file(
    file: RequirementFile,
    interpreter: Interpreter,
    *,
    extras: Collection[str] = (),
    groups: Collection[str] | None = None,
) -> tuple[Pin, ...]:
    """What the lock file wants for an interpreter, sorted by name.

    `groups` None means the lock file's default groups. Raises InvalidLockFile.
    """
    lock = _parse(file)
    selected = lock.select(
        environment=cast("Environment", dict(interpreter.markers)),
        tags=[_tag(text) for text in interpreter.tags],
        extras=extras,
        dependency_groups=groups,
    )
    try:
        pins = [
            _pin(_Locked(file, package, f"packages[{_index(lock, package)}]"), source)
            for package, source in selected
        ]
    except PylockSelectError as error:
        raise LockFileUnfit(path=file.path, reason=_lowered(error)) from error
    return tuple(sorted(pins, key=lambda pin: pin.name))


@dataclass(frozen=True, slots=True)
class _Locked:
    """A package of a lock file."""

    file: RequirementFile
    package: Package
    within: str

    def refuse(self, error: type[InvalidLockFile], reason: str) -> InvalidLockFile:
        return error(path=self.file.path, within=self.within, reason=reason)


def _parse(file: RequirementFile) -> Pylock:
    try:
        return Pylock.from_dict(tomllib.loads(file.text))
    except tomllib.TOMLDecodeError as error:
        line = toml_line(error, file.text)
        raise LockFileSyntax(path=file.path, within=line, reason=toml_reason(error)) from error
    except PylockUnsupportedVersionError as error:
        raise LockFileVersion(
            path=file.path, within="lock-version", reason=_lowered(error)
        ) from error
    except PylockValidationError as error:
        reason = error.message[:1].lower() + error.message[1:]
        raise LockFileContent(path=file.path, within=error.context, reason=reason) from error


def _index(lock: Pylock, package: Package) -> int:
    return next(index for index, each in enumerate(lock.packages) if each is package)


def _lowered(error: Exception) -> str:
    text = str(error)
    return text[:1].lower() + text[1:]


def _tag(text: str) -> Tag:
    interpreter, abi, platform = text.split("-")
    return Tag(interpreter, abi, platform)


def _pin(locked: _Locked, source: object) -> Pin:
    file, package = locked.file, locked.package
    if not isinstance(source, PackageWheel | PackageArchive | PackageSdist):
        kind = type(source).__name__.removeprefix("Package").lower()
        raise locked.refuse(
            LockFileUnfit,
            f"{package.name} comes from {kind}: that cannot be installed from a lock file",
        )
    url = _url(file, source)
    filename = _filename(url, source)
    try:
        if isinstance(source, PackageSdist):
            _, version = parse_sdist_filename(filename)
        else:
            _, version, _, _ = parse_wheel_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise locked.refuse(
            LockFileContent,
            f"{package.name} is {filename}, which is neither a wheel nor named as a source "
            "distribution",
        ) from error
    dist_file = DistFile(filename=filename, url=url, hashes=dict(source.hashes), size=source.size)
    return Pin(
        name=package.name,
        version=_agreed(locked, version),
        file=dist_file,
        requested=False,
        direct_url=direct_url(dist_file) if isinstance(source, PackageArchive) else None,
        required_hashes={
            algorithm: frozenset({digest}) for algorithm, digest in source.hashes.items()
        },
        hashes_from=f"{file.path} {locked.within}",
    )


def _url(file: RequirementFile, source: PackageWheel | PackageArchive | PackageSdist) -> str:
    """A path counts before a URL, and is relative to the lock file."""
    if source.path is not None:
        return Path(
            os.path.normpath(os.path.join(os.path.dirname(file.path), source.path))
        ).as_uri()
    return urljoin(Path(file.path).as_uri(), source.url or "")


def _filename(url: str, source: PackageWheel | PackageArchive | PackageSdist) -> str:
    if isinstance(source, PackageWheel | PackageSdist):
        return source.filename
    return urlsplit(url).path.rpartition("/")[2]


def _agreed(locked: _Locked, version: Version) -> Version:
    package = locked.package
    if package.version is not None and package.version != version:
        raise locked.refuse(
            LockFileContent,
            f"{package.name} is locked to {package.version}, but its file is of {version}",
        )
    return version
