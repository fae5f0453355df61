"""Reads what an environment holds (recording installed projects).

What lies there may have been written by anybody: nothing in it is trusted to be well-formed, and
what is not a distribution is left out.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email import message_from_bytes
from typing import Final

import msgspec
from packaging.direct_url import DirectUrl, DirectUrlValidationError
from packaging.utils import InvalidName, NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from linkd.core.installed import InstalledDistribution, RecordRow
from linkd.core.record import parse_record
from linkd.core.target import Target
from linkd.errors import NoRecord, NotAnEnvironment, NotInstalled

_METADATA_BYTES: Final = 16 << 20
_RECORD_BYTES: Final = 256 << 20
_NOTE_BYTES: Final = 1 << 16
"""For INSTALLER, direct_url.json and the like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What an environment holds, and the files that say so beside the folders themselves."""

    distributions: dict[NormalizedName, InstalledDistribution]
    metadata: tuple[str, ...]
    """The metadata file of every distribution found, also of those that another one hides."""
    lasting: bool
    """False where something lies there that may become another distribution without its folder's
    or a metadata file's changing: one that is being written, or a link to a source tree."""


def read_installed(target: Target) -> dict[NormalizedName, InstalledDistribution]:
    """The distributions of an environment, without their details (see `read_details`).

    Where a name is found twice, purelib goes before platlib, dist-info before older forms, the
    newer version before the older.

    Raises:
        NotAnEnvironment: site-packages cannot be read.
    """
    return list_installed(target).distributions


def list_installed(target: Target) -> Listing:
    """The same, with what it was read from. Raises as `read_installed`."""
    found: dict[NormalizedName, InstalledDistribution] = {}
    looks: list[str] = []
    lasting = True
    for folder in site_folders(target):
        here: dict[NormalizedName, InstalledDistribution] = {}
        for name, dist in _list_folder(folder, str(target.prefix)):
            if dist is None or name.endswith(".egg-link"):
                lasting = False
            if dist is None:
                continue
            looks.append(_metadata_path(dist.location, dist.dist_info))
            other = here.get(dist.name)
            if other is None or _precedence(dist) > _precedence(other):
                here[dist.name] = dist
        found = here | found
    return Listing(distributions=found, metadata=tuple(looks), lasting=lasting)


def site_folders(target: Target) -> tuple[str, ...]:
    """Where an environment's distributions lie: one folder, or two."""
    return tuple(dict.fromkeys([str(target.scheme.purelib), str(target.scheme.platlib)]))


def read_details(dist: InstalledDistribution) -> InstalledDistribution:
    """The same with what its dist-info says of its installation; what cannot be read is left out."""
    folder = os.path.join(dist.location, dist.dist_info)
    return replace(
        dist,
        installer=_read_installer(folder),
        requested=os.path.isfile(os.path.join(folder, "REQUESTED")),
        direct_url=_read_direct_url(folder),
    )


def read_record(dist: InstalledDistribution) -> tuple[RecordRow, ...]:
    """The files that belong to a distribution.

    Raises:
        NoRecord: there is no RECORD, or it cannot be understood.
    """
    path = os.path.join(dist.location, dist.dist_info, "RECORD")
    try:
        return parse_record(_read(path, _RECORD_BYTES).decode())
    except (OSError, ValueError) as error:
        raise NoRecord(name=dist.name, path=path) from error


def read_metadata(dist: InstalledDistribution) -> bytes:
    """The core metadata of a distribution, as it lies there.

    Raises:
        NotInstalled: it is gone meanwhile.
        NotAnEnvironment: it cannot be read.
    """
    path = _metadata_path(dist.location, dist.dist_info)
    try:
        return _read(path, _METADATA_BYTES)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotInstalled(names=(dist.name,), environment=dist.location) from error
    except OSError as error:
        raise NotAnEnvironment(
            environment=dist.location, reason=f"{path} cannot be read: {error.strerror}"
        ) from error


def _list_folder(
    folder: str, environment: str
) -> Iterator[tuple[str, InstalledDistribution | None]]:
    """What is named like a distribution, and what it is, if it is one."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("~"):
                    # What pip renames while it removes it, and leaves if it is interrupted.
                    continue
                if entry.name.endswith(".dist-info"):
                    yield entry.name, _read_dist_info(entry, folder)
                elif entry.name.endswith(".egg-info"):
                    yield entry.name, _read_egg_info(entry.name, folder)
                elif entry.name.endswith(".egg-link"):
                    yield entry.name, _read_egg_link(entry.path)
    except FileNotFoundError:
        # A platlib of its own is made with its first wheel.
        return
    except OSError as error:
        raise NotAnEnvironment(
            environment=environment, reason=f"{folder} cannot be read: {error.strerror}"
        ) from error


def _read_dist_info(entry: os.DirEntry[str], folder: str) -> InstalledDistribution | None:
    """A dist-info folder with METADATA; one without was never finished."""
    path = f"{entry.path}/METADATA"
    try:
        if not entry.is_dir(follow_symlinks=False) or not stat.S_ISREG(os.stat(path).st_mode):
            return None
    except OSError:
        return None
    project, _, version = entry.name.removesuffix(".dist-info").partition("-")
    return _make(project, version, folder, entry.name) or _make_from_metadata(
        path, folder, entry.name
    )


def _read_egg_info(name: str, folder: str) -> InstalledDistribution | None:
    """What setuptools and distutils leave: ``name-version-py3.x.egg-info``, a folder or a file."""
    stem = name.removesuffix(".egg-info")
    project, _, rest = stem.partition("-")
    version = rest.partition("-py")[0]
    path = _metadata_path(folder, name)
    if not os.path.isfile(path):
        return None
    return _make(project, version, folder, name) or _make_from_metadata(path, folder, name)


def _read_egg_link(path: str) -> InstalledDistribution | None:
    """What ``setup.py develop`` leaves: a file that names the folder of the project's source."""
    try:
        source = _read(path, _NOTE_BYTES).decode().split("\n", 1)[0].strip()
        wanted = canonicalize_name(os.path.basename(path).removesuffix(".egg-link"))
        if not os.path.isabs(source):
            return None
        for name in os.listdir(source):
            stem, dot, _ = name.partition(".egg-info")
            if dot and canonicalize_name(stem) == wanted:
                return _read_egg_info(name, source)
    except (OSError, ValueError):
        return None
    return None


def _metadata_path(folder: str, name: str) -> str:
    path = f"{folder}/{name}"
    if name.endswith(".dist-info"):
        return f"{path}/METADATA"
    return f"{path}/PKG-INFO" if os.path.isdir(path) else path


def _make(project: str, version: str, folder: str, name: str) -> InstalledDistribution | None:
    """From the folder's name, where that has exactly the two parts that it should have."""
    if "-" in version or not name.isascii():
        return None
    try:
        return InstalledDistribution(
            name=canonicalize_name(project, validate=True),
            version=Version(version),
            location=folder,
            dist_info=name,
        )
    except (InvalidName, InvalidVersion):
        return None


def _make_from_metadata(path: str, folder: str, name: str) -> InstalledDistribution | None:
    try:
        name.encode()
        headers = message_from_bytes(_read(path, _METADATA_BYTES).partition(b"\n\n")[0])
        project, version = str(headers["Name"] or ""), str(headers["Version"] or "")
        return InstalledDistribution(
            name=canonicalize_name(project, validate=True),
            version=Version(version),
            location=folder,
            dist_info=name,
        )
    except (OSError, ValueError):
        return None


def _precedence(dist: InstalledDistribution) -> tuple[bool, Version, str]:
    return dist.dist_info.endswith(".dist-info"), dist.version, dist.dist_info


def _read_installer(folder: str) -> str | None:
    try:
        text = _read(f"{folder}/INSTALLER", _NOTE_BYTES).decode()
    except (OSError, ValueError):
        return None
    return text.strip() or None


def _read_direct_url(folder: str) -> DirectUrl | None:
    try:
        content = msgspec.json.decode(_read(f"{folder}/direct_url.json", _NOTE_BYTES))
        return DirectUrl.from_dict(content)
    except (OSError, ValueError, TypeError, AttributeError, DirectUrlValidationError):
        return None


def _read(path: str, limit: int) -> bytes:
    """A regular file's bytes. A pipe or a device under its name is an error, not a wait."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path} is not a file")
        if status.st_size > limit:
            raise OSError(f"{path} is too large")
        return file.read()
