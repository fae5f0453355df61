"""Lock files (PEP 751): what `pylock.toml` names for one target, with the hashes that it promises.

packaging validates and selects; nothing is resolved.
"""

import os
import tomllib
from collections.abc import Collection
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
from linkd.errors import InvalidLockFile
from linkd.resolve.requirement import direct_url
from linkd.resolve.requirement_file import RequirementFile


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
    try:
        lock = Pylock.from_dict(tomllib.loads(file.text))
        selected = lock.select(
            environment=cast("Environment", dict(interpreter.markers)),
            tags=[_tag(text) for text in interpreter.tags],
            extras=extras,
            dependency_groups=groups,
        )
        pins = [_pin(file, package, source) for package, source in selected]
    except (tomllib.TOMLDecodeError, PylockValidationError, PylockSelectError) as error:
        raise InvalidLockFile(path=file.path, reason=str(error)) from error
    return tuple(sorted(pins, key=lambda pin: pin.name))


def _tag(text: str) -> Tag:
    interpreter, abi, platform = text.split("-")
    return Tag(interpreter, abi, platform)


def _pin(file: RequirementFile, package: Package, source: object) -> Pin:
    if not isinstance(source, PackageWheel | PackageArchive | PackageSdist):
        kind = type(source).__name__.removeprefix("Package").lower()
        raise InvalidLockFile(
            path=file.path,
            reason=f"{package.name} comes from {kind}: that cannot be installed from a lock file",
        )
    url = _url(file, source)
    filename = _filename(url, source)
    try:
        if isinstance(source, PackageSdist):
            _, version = parse_sdist_filename(filename)
        else:
            _, version, _, _ = parse_wheel_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise InvalidLockFile(
            path=file.path,
            reason=f"{package.name} is {filename}, which is neither a wheel nor named as a "
            "source distribution",
        ) from error
    dist_file = DistFile(filename=filename, url=url, hashes=dict(source.hashes), size=source.size)
    return Pin(
        name=package.name,
        version=_agreed(file, package, version),
        file=dist_file,
        requested=False,
        direct_url=direct_url(dist_file) if isinstance(source, PackageArchive) else None,
        required_hashes={
            algorithm: frozenset({digest}) for algorithm, digest in source.hashes.items()
        },
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


def _agreed(file: RequirementFile, package: Package, version: Version) -> Version:
    if package.version is not None and package.version != version:
        raise InvalidLockFile(
            path=file.path,
            reason=f"{package.name} is locked to {package.version}, but its file is of {version}",
        )
    return version
