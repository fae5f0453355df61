"""Folders of distribution files: those of find-links, and indexes that lie on a disk."""

import os
import stat
from dataclasses import dataclass

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from linkd.core.wheel import DistFile
from linkd.errors import IndexUnavailable, reason_of
from linkd.fetch.simple import ARCHIVES, parse_html_page
from linkd.fetch.urls import file_url


@dataclass(frozen=True, slots=True)
class Folder:
    """One look at a folder or a local page; `signature` tells whether a later look differs."""

    signature: tuple[object, ...]
    files: tuple[DistFile, ...]


def read_folder(path: str, known: Folder | None = None) -> Folder | None:
    """The archives right in a folder, sorted by name; `known` itself where nothing changed.

    None where there is no such folder. Raises IndexUnavailable where it cannot be read.
    """
    try:
        entries = _archives(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise IndexUnavailable(url=path, reason=reason_of(error)) from error
    signature = tuple(entries)
    if known is not None and known.signature == signature:
        return known
    return Folder(
        signature,
        tuple(
            DistFile(filename=name, url=file_url(os.path.join(path, name)), size=size)
            for name, size, _ in entries
        ),
    )


def read_local_page(path: str, known: Folder | None = None) -> Folder | None:
    """The files that a page of the simple API on a disk names, as `read_folder` gives them."""
    try:
        state = os.stat(path)
        if not stat.S_ISREG(state.st_mode):
            # Opening a pipe would wait for its other end.
            raise IndexUnavailable(url=path, reason="it is not a file")
        signature = (state.st_ino, state.st_size, state.st_mtime_ns)
        if known is not None and known.signature == signature:
            return known
        with open(path, "rb") as file:
            body = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise IndexUnavailable(url=path, reason=reason_of(error)) from error
    return Folder(signature, parse_html_page(body, url=file_url(path)))


def read_place(path: str, known: Folder | None = None) -> Folder | None:
    """A folder, or a page that ends in ``.html`` or ``.htm``."""
    is_page = path.endswith((".html", ".htm"))
    return read_local_page(path, known) if is_page else read_folder(path, known)


@dataclass(frozen=True, slots=True)
class IndexFolder:
    """One look at an index on a disk."""

    names: frozenset[str]
    """What may be projects that have a folder of their own."""
    flat: Folder
    """The files that lie right in the folder, for all other projects."""


def read_index(path: str, known: Folder | None = None) -> IndexFolder:
    """An index on a disk; one that is not there has nothing. Raises IndexUnavailable."""
    flat = read_folder(path, known)
    if flat is None:
        return IndexFolder(frozenset(), Folder((), ()))
    try:
        names = frozenset(name for name in os.listdir(path) if not name.endswith(ARCHIVES))
    except OSError as error:
        raise IndexUnavailable(url=path, reason=reason_of(error)) from error
    return IndexFolder(names, flat)


def read_index_project(
    path: str, name: NormalizedName, known: Folder | None = None
) -> Folder | None:
    """A project's own page or folder in an index on a disk, if it has one."""
    project = os.path.join(path, name)
    return read_local_page(os.path.join(project, "index.html"), known) or read_folder(
        project, known
    )


def files_of(name: NormalizedName, files: tuple[DistFile, ...]) -> tuple[DistFile, ...]:
    """Those of a flat list that are the project's."""
    return tuple(file for file in files if belongs_to(file.filename, name))


def belongs_to(filename: str, name: NormalizedName) -> bool:
    """Whether a wheel (PEP 427) or a source archive (PEP 625, and older names) is a project's."""
    if filename.endswith(".whl"):
        return canonicalize_name(filename.partition("-")[0]) == name
    stem = filename.removesuffix(".tar.gz").removesuffix(".zip")
    position = len(name)
    # Runs of separators are one in a normalized name, so the stem's own may be longer
    while (position := stem.find("-", position)) >= 0:
        if canonicalize_name(stem[:position]) == name:
            return _is_version(stem[position + 1 :])
        position += 1
    return False


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _archives(path: str) -> list[tuple[str, int, int]]:
    """(name, size, mtime) of each, so that one replaced in place is noticed as well."""
    found: list[tuple[str, int, int]] = []
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.endswith(ARCHIVES):
                try:
                    state = entry.stat()
                except FileNotFoundError:
                    continue  # gone since, or a link to nothing
                if stat.S_ISREG(state.st_mode):
                    found.append((entry.name, state.st_size, state.st_mtime_ns))
    return sorted(found)
