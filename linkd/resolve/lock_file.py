"""Lock files (PEP 751): what `pylock.toml` names for one target, with the hashes that it promises.

packaging validates and selects; nothing is resolved.
"""

import os
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlencode, urljoin, urlsplit

from packaging.markers import Environment
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
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

from linkd.core.formats import Formats
from linkd.core.target import Interpreter
from linkd.core.wheel import DistFile, Pin
from linkd.errors import (
    InvalidLockFile,
    LockFileContent,
    LockFileSyntax,
    LockFileUnfit,
    LockFileVersion,
)
from linkd.fetch.urls import redacted
from linkd.resolve.requirement import Asked, direct_url
from linkd.resolve.requirement_file import RequirementFile
from linkd.resolve.source import parse_source
from linkd.resolve.toml_syntax import toml_line, toml_reason

_ANY: Final = Formats()


def is_lock_file(path: str) -> bool:
    """Whether a file is a lock file by its name: ``pylock.toml`` or ``pylock.<name>.toml``."""
    return is_valid_pylock_path(Path(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedSource:
    """A package that has to be built: of a folder, a repository, or an archive by its place."""

    asked: Asked
    """With its source."""
    version: Version | None
    """Where the lock file says it."""
    requested_revision: str | None = None
    """Of a repository: what its commit was named by when it was locked."""

    def agree(self, version: Version) -> None:
        """Raises LockFileContent where another version came of it than was locked."""
        if self.version not in {None, version}:
            path, _, within = self.asked.origin.rpartition(" ")
            reason = f"{self.asked.name} is locked to {self.version}, but is {version} there"
            raise LockFileContent(path=path, within=within, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """What a lock file wants for an interpreter, both sorted by name."""

    pins: tuple[Pin, ...]
    sources: tuple[LockedSource, ...]


def read_lock_file(
    file: RequirementFile,
    interpreter: Interpreter,
    *,
    extras: Collection[str] = (),
    groups: Collection[str] | None = None,
    formats: Formats = _ANY,
) -> Locked:
    """Read it for an interpreter. Looks whether the folders that it names are there.

    `groups` None means the lock file's default groups. Raises InvalidLockFile.
    """
    lock = _parse(file)
    selected = lock.select(
        environment=cast("Environment", dict(interpreter.markers)),
        tags=[_tag(text) for text in interpreter.tags],
        extras=extras,
        dependency_groups=groups,
        prefer_sdist_predicate=lambda name: not formats.allows_wheel(name),
    )
    pins: list[Pin] = []
    sources: list[LockedSource] = []
    try:
        for package, source in selected:
            locked = _Package(file, package, f"packages[{_index(lock, package)}]")
            if isinstance(source, PackageVcs | PackageDirectory) or (
                isinstance(source, PackageArchive) and not _is_wheel(source)
            ):
                sources.append(_source(locked, source))
            else:
                _check_allowed(locked, source, formats)
                pins.append(_pin(locked, source))
    except PylockSelectError as error:
        raise LockFileUnfit(path=file.path, reason=_lowered(error)) from error
    return Locked(
        pins=tuple(sorted(pins, key=lambda pin: pin.name)),
        sources=tuple(sorted(sources, key=lambda source: source.asked.name)),
    )


@dataclass(frozen=True, slots=True)
class _Package:
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


def _check_allowed(
    locked: _Package, source: PackageWheel | PackageArchive | PackageSdist, formats: Formats
) -> None:
    name = locked.package.name
    if not isinstance(source, PackageSdist) and not formats.allows_wheel(name):
        reason = f"{name} is locked to a wheel only, but --no-binary wants it built"
        raise locked.refuse(LockFileUnfit, reason)


def _is_wheel(archive: PackageArchive) -> bool:
    return urlsplit(archive.path or archive.url or "").path.endswith(".whl")


def _source(
    locked: _Package, source: PackageVcs | PackageDirectory | PackageArchive
) -> LockedSource:
    package = locked.package
    url = _source_url(locked, source)
    fragment = f"#{urlencode({'subdirectory': source.subdirectory})}" if source.subdirectory else ""
    try:
        parsed = parse_source(url + fragment)
    except ValueError as error:
        raise locked.refuse(LockFileContent, f"{package.name}: {error}") from error
    if parsed is None:
        what = "there is no such folder" if url.startswith("file:") else "it cannot be built"
        raise locked.refuse(LockFileContent, f"{package.name} is {redacted(url)}: {what}")
    editable = isinstance(source, PackageDirectory) and bool(source.editable)
    hashes = dict(source.hashes) if isinstance(source, PackageArchive) else {}
    return LockedSource(
        asked=Asked(
            name=package.name,
            url=parsed.source.url,
            source=replace(parsed.source, editable=editable),
            hashes={algorithm: frozenset({digest}) for algorithm, digest in hashes.items()},
            origin=f"{locked.file.path} {locked.within}",
            text=package.name,
        ),
        version=package.version,
        requested_revision=source.requested_revision if isinstance(source, PackageVcs) else None,
    )


def _source_url(locked: _Package, source: PackageVcs | PackageDirectory | PackageArchive) -> str:
    """As a requirement would have it."""
    if not isinstance(source, PackageVcs):
        return _url(locked.file, source)
    if source.type != "git":
        reason = f"{locked.package.name} is in a repository of {source.type}, not of git"
        raise locked.refuse(LockFileUnfit, reason)
    return f"git+{_url(locked.file, source).removeprefix('git+')}@{source.commit_id}"


def _pin(locked: _Package, source: PackageWheel | PackageArchive | PackageSdist) -> Pin:
    file, package = locked.file, locked.package
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


def _url(
    file: RequirementFile,
    source: PackageWheel | PackageArchive | PackageSdist | PackageVcs | PackageDirectory,
) -> str:
    """A path counts before a URL, and is relative to the lock file."""
    if source.path is not None:
        return Path(
            os.path.normpath(os.path.join(os.path.dirname(file.path), source.path))
        ).as_uri()
    url = "" if isinstance(source, PackageDirectory) else source.url
    return urljoin(Path(file.path).as_uri(), url or "")


def _filename(url: str, source: PackageWheel | PackageArchive | PackageSdist) -> str:
    if isinstance(source, PackageWheel | PackageSdist):
        return source.filename
    return urlsplit(url).path.rpartition("/")[2]


def _agreed(locked: _Package, version: Version) -> Version:
    package = locked.package
    if package.version is not None and package.version != version:
        raise locked.refuse(
            LockFileContent,
            f"{package.name} is locked to {package.version}, but its file is of {version}",
        )
    return version
