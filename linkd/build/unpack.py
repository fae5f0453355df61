"""Unpacks source archives, which are hostile input (source distribution format, PEP 706, 721).

Stricter than the format asks for: no member may lie behind a link, so that nothing is ever written
through one.
"""

import os
import shutil
import stat
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from linkd.build.process import Stopped
from linkd.errors import SourceUnsafe

_MEMBERS: Final = 200_000
_BYTES: Final = 4 << 30
_CHUNK: Final = 1 << 20
_PKG_INFO_BYTES: Final = 32 << 20

_UNREADABLE: Final = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    RuntimeError,  # encrypted; NotImplementedError, for an odd compression, is one as well
)


@dataclass(slots=True)
class _Census:
    """What has been seen of an archive; refuses what must not be."""

    filename: str
    members: int = 0
    size: int = 0
    links: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def refuse(self, reason: str) -> SourceUnsafe:
        return SourceUnsafe(filename=self.filename, reason=reason)

    def admit(self, name: str, size: int) -> str:
        """The member's path, normalized. Raises SourceUnsafe."""
        self.members += 1
        self.size += size
        if self.members > _MEMBERS:
            raise self.refuse(f"it has more than {_MEMBERS:,} members")
        if self.size > _BYTES:
            raise self.refuse(f"unpacked it has more than {_BYTES >> 30} GiB")
        path = os.path.normpath(name)
        if not name or "\0" in name or os.path.isabs(name) or path.split("/", 1)[0] == "..":
            raise self.refuse(f"{name!r} is not within it")
        parent = os.path.dirname(path)
        while parent:
            if parent in self.links:
                raise self.refuse(f"{name!r} lies behind the link {parent!r}")
            parent = os.path.dirname(parent)
        if path in self.links:
            raise self.refuse(f"it has {name!r} twice, once as a link")
        self.names.add(path)
        return path

    def admit_link(self, path: str, target: str, *, hard: bool) -> None:
        """Raises SourceUnsafe for one that leads out, or takes the place of something else."""
        base = "" if hard else os.path.dirname(path)
        aim = os.path.normpath(os.path.join(base, target))
        if os.path.isabs(target) or aim.split("/", 1)[0] == "..":
            raise self.refuse(f"the link {path!r} leads out of it, to {target!r}")
        if not hard:
            self.links.add(path)
            beneath = f"{path}/"
            if any(name.startswith(beneath) for name in self.names):
                raise self.refuse(f"the link {path!r} takes the place of a folder")


def unpack_source(path: str, filename: str, folder: str, stop: threading.Event) -> str:
    """Unpack into an empty folder; gives the folder of the project. Blocks.

    Raises SourceUnsafe, also for what is no archive; OSError; Stopped.
    """
    census = _Census(filename)
    try:
        if filename.endswith(".zip"):
            _unpack_zip(path, folder, census, stop)
        else:
            _unpack_tar(path, folder, census, stop)
    except _UNREADABLE as error:
        raise census.refuse(f"it cannot be unpacked: {error}") from error
    entries = os.listdir(folder)
    if len(entries) == 1 and os.path.isdir(os.path.join(folder, entries[0])):
        return os.path.join(folder, entries[0])
    return folder


def read_pkg_info(path: str, filename: str) -> bytes | None:
    """``{name}-{version}/PKG-INFO`` of an sdist, without unpacking it; None where there is none."""
    try:
        if filename.endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    if _is_pkg_info(info.filename) and info.file_size <= _PKG_INFO_BYTES:
                        return archive.read(info)
            return None
        with tarfile.open(path) as tar:
            for member in tar:
                if _is_pkg_info(member.name) and member.isreg():
                    stream = tar.extractfile(member)
                    return None if stream is None else stream.read(_PKG_INFO_BYTES)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):
        return None  # unpacking it will say what is wrong
    return None


def _is_pkg_info(name: str) -> bool:
    return name.removeprefix("./").count("/") == 1 and name.endswith("/PKG-INFO")


def _unpack_tar(path: str, folder: str, census: _Census, stop: threading.Event) -> None:
    if not hasattr(tarfile, "data_filter"):
        raise census.refuse("this Python cannot unpack archives safely (PEP 706)")
    with tarfile.open(path) as archive:
        archive.extractall(folder, _admitted(archive, census, stop), filter="data")


def _admitted(
    archive: tarfile.TarFile, census: _Census, stop: threading.Event
) -> Iterator[tarfile.TarInfo]:
    for member in archive:
        if stop.is_set():
            raise Stopped
        path = census.admit(member.name, member.size)
        if member.islnk() or member.issym():
            census.admit_link(path, member.linkname, hard=member.islnk())
        yield member


def _unpack_zip(path: str, folder: str, census: _Census, stop: threading.Event) -> None:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if stop.is_set():
                raise Stopped
            mode = info.external_attr >> 16
            if stat.S_ISLNK(mode):
                raise census.refuse(f"{info.filename!r} is a link, which a zip must not have")
            target = os.path.join(folder, census.admit(info.filename, info.file_size))
            if info.is_dir():
                os.makedirs(target, exist_ok=True)
                continue
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with archive.open(info) as source, open(target, "wb") as file:
                shutil.copyfileobj(source, file, _CHUNK)
            if mode & stat.S_IXUSR:
                os.chmod(target, 0o755)
