"""Reads what an environment holds (recording installed projects).

What lies there may have been written by anybody: nothing in it is trusted to be well-formed, and
what is not a distribution is left out.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from packaging.direct_url import DirectUrl, DirectUrlValidationError
from packaging.utils import NormalizedName
from packaging.version import Version

from linkd.core.installed import Form, InstalledDistribution, RecordRow
from linkd.core.record import parse_record
from linkd.core.target import Target
from linkd.errors import NoRecord, NotAnEnvironment, NotInstalled
from linkd.venv import eggs
from linkd.venv.reading import (
    METADATA_BYTES,
    NOTE_BYTES,
    parse_headers_identity,
    parse_identity,
    read_file,
)

_RECORD_BYTES: Final = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What an environment holds, and the files that say so beside the folders themselves."""

    distributions: dict[NormalizedName, InstalledDistribution]
    metadata: tuple[str, ...]
    """The metadata file of every distribution found, also of those that another one hides."""
    lasting: bool
    """False where something lies there that may become another distribution without its folder's
    or a metadata file's changing: one that is being written, or an older form."""


def read_installed(target: Target) -> dict[NormalizedName, InstalledDistribution]:
    """The distributions of an environment, without their details (see `read_details`).

    Where a name is found several times, purelib goes before platlib, dist-info before older
    forms, the newer version before the older, and all of them before what lacks METADATA; the rest
    are its `others`.

    Raises:
        NotAnEnvironment: site-packages cannot be read.
    """
    return list_installed(target).distributions


def list_installed(target: Target) -> Listing:
    """The same, with what it was read from. Raises as `read_installed`."""
    found: dict[NormalizedName, list[InstalledDistribution]] = {}
    listed = lasting = 0
    for folder in site_folders(target):
        every = list(_list_folder(folder, target))
        here = [dist for dist in every if dist is not None]
        here.sort(key=_precedence, reverse=True)
        for dist in here:
            found.setdefault(dist.name, []).append(dist)
        listed += len(every)
        lasting += sum(dist.form is Form.DIST_INFO and dist.is_complete for dist in here)
    every_one = [dist for dists in found.values() for dist in dists]
    return Listing(
        distributions={
            name: replace(first, others=tuple(others)) if others else first
            for name, (first, *others) in found.items()
        },
        metadata=tuple(f"{dist.location}/{dist.dist_info}/METADATA" for dist in every_one),
        lasting=listed == lasting,
    )


def site_folders(target: Target) -> tuple[str, ...]:
    """Where an environment's distributions lie: one folder, or two."""
    return tuple(dict.fromkeys([str(target.scheme.purelib), str(target.scheme.platlib)]))


def read_details(dist: InstalledDistribution) -> InstalledDistribution:
    """The same with what its dist-info says of its installation; what cannot be read is left out."""
    if dist.form is not Form.DIST_INFO:
        return replace(dist, direct_url=eggs.read_project_url(dist))
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
        return parse_record(read_file(path, _RECORD_BYTES).decode())
    except (OSError, ValueError) as error:
        raise NoRecord(name=dist.name, path=path) from error


def read_metadata(dist: InstalledDistribution) -> bytes:
    """The core metadata of a distribution, as it lies there.

    Raises:
        NotInstalled: it is gone meanwhile.
        NotAnEnvironment: it cannot be read.
    """
    path = os.path.join(dist.location, dist.dist_info)
    try:
        if dist.form is not Form.DIST_INFO:
            return eggs.read_legacy_metadata(dist)
        path = os.path.join(path, "METADATA")
        return read_file(path, METADATA_BYTES)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotInstalled(names=(dist.name,), environment=dist.location) from error
    except OSError as error:
        raise NotAnEnvironment(
            environment=dist.location, reason=f"{path} cannot be read: {error.strerror}"
        ) from error


def _list_folder(folder: str, target: Target) -> Iterator[InstalledDistribution | None]:
    """What is named like a distribution; None for what is none."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("~"):
                    # What pip renames while it removes it, and leaves if it is interrupted.
                    continue
                if entry.name.endswith(".dist-info"):
                    yield _read_dist_info(entry, folder)
                elif entry.name.endswith(eggs.SUFFIXES):
                    yield eggs.read_legacy(entry.name, folder, str(target.scheme.scripts))
    except FileNotFoundError:
        # A platlib of its own is made with its first wheel.
        return
    except OSError as error:
        raise NotAnEnvironment(
            environment=str(target.prefix), reason=f"{folder} cannot be read: {error.strerror}"
        ) from error


def _read_dist_info(entry: os.DirEntry[str], folder: str) -> InstalledDistribution | None:
    """A dist-info folder, by METADATA; one without is known by RECORD, or it is nobody's."""
    path = f"{entry.path}/METADATA"
    try:
        entry.name.encode()
        if not entry.is_dir(follow_symlinks=False):
            return None
        is_complete = _is_file(path)
        if not is_complete and not _is_file(f"{entry.path}/RECORD"):
            return None
        project, _, version = entry.name.removesuffix(".dist-info").partition("-")
        # The folder's name is enough where it has exactly the two parts that it should have.
        identity = parse_identity(project, version)
        if identity is None and is_complete:
            identity = parse_headers_identity(read_file(path, METADATA_BYTES))
    except (OSError, ValueError):
        return None
    if identity is None:
        return None
    return InstalledDistribution(
        name=identity[0],
        version=identity[1],
        location=folder,
        dist_info=entry.name,
        is_complete=is_complete,
    )


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False


def _precedence(dist: InstalledDistribution) -> tuple[bool, bool, Version, str]:
    return dist.is_complete, dist.form is Form.DIST_INFO, dist.version, dist.dist_info


def _read_installer(folder: str) -> str | None:
    try:
        text = read_file(f"{folder}/INSTALLER", NOTE_BYTES).decode()
    except (OSError, ValueError):
        return None
    return text.strip() or None


def _read_direct_url(folder: str) -> DirectUrl | None:
    try:
        content = msgspec.json.decode(read_file(f"{folder}/direct_url.json", NOTE_BYTES))
        return DirectUrl.from_dict(content)
    except (OSError, ValueError, TypeError, AttributeError, DirectUrlValidationError):
        return None
