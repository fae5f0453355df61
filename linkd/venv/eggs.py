"""Reads the forms of installing that were there before dist-info: egg-info, eggs and egg-links.

They are setuptools' own and distutils'; what belongs to an installation is what pip takes for it:
``installed-files.txt``, else the packages in ``top_level.txt``, and its scripts.
"""

import os
import re
import stat
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.direct_url import DirectUrl, DirInfo
from packaging.utils import canonicalize_name

from linkd.core.entry_points import parse_entry_points, script_name_problem
from linkd.core.installed import Form, InstalledDistribution
from linkd.venv.reading import (
    METADATA_BYTES,
    NOTE_BYTES,
    parse_headers_identity,
    parse_identity,
    read_file,
)

SUFFIXES: Final = (".egg-info", ".egg", ".egg-link")
_UNREADABLE: Final = (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError)
"""What reading a file or a member of a zip archive may fail with."""
_SECTION: Final = re.compile(r"\[(?P<extra>[^:\]]*)(?::(?P<marker>.*))?\]")


def read_legacy(name: str, folder: str, scripts: str) -> InstalledDistribution | None:
    """The distribution that a name in site-packages lists, if it does.

    `scripts` is the absolute path of the environment's scripts folder.
    """
    path = f"{folder}/{name}"
    try:
        name.encode()
        if name.endswith(".egg-info"):
            return _read_egg_info(name, folder, scripts)
        if name.endswith(".egg"):
            return _read_egg(path, name, folder, scripts)
        return _read_egg_link(path, name, folder, scripts)
    except _UNREADABLE:
        return None


def read_legacy_metadata(dist: InstalledDistribution) -> bytes:
    """PKG-INFO, with what ``requires.txt`` says of dependencies where PKG-INFO says nothing.

    Raises OSError, also where a zipped egg cannot be read.
    """
    place = _Metadata.of(dist)
    try:
        content = place.read("PKG-INFO")
    except OSError:
        raise
    except _UNREADABLE as error:
        raise OSError(f"{place.path} cannot be read: {error}") from error
    head, separator, body = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    if dist.form is Form.DISTUTILS or b"\nrequires-dist:" in head.lower():
        return content
    written = place.lines("requires.txt")
    lines = "".join(f"\nRequires-Dist: {line}" for line in _requirements(written))
    if b"\nprovides-extra:" not in head.lower():
        lines += "".join(f"\nProvides-Extra: {extra}" for extra in _extras(written))
    return head.rstrip(b"\n") + lines.encode() + (separator or b"\n") + body


def read_project_url(dist: InstalledDistribution) -> DirectUrl | None:
    """Of an egg-link: where the project's source is, as a direct URL has it (PEP 610)."""
    if dist.form is not Form.EGG_LINK or dist.metadata is None:
        return None
    try:
        lines = read_file(f"{dist.location}/{dist.dist_info}", NOTE_BYTES).decode().splitlines()
    except _UNREADABLE:
        return None
    # The second line leads from where the packages are to where setup.py is.
    root = lines[1].strip() if len(lines) > 1 else "."
    folder = os.path.normpath(os.path.join(os.path.dirname(dist.metadata), root))
    return DirectUrl(url=Path(folder).as_uri(), dir_info=DirInfo(editable=True))


@dataclass(frozen=True, slots=True)
class _Metadata:
    """The files of an EGG-INFO or egg-info, in a folder or in a zipped egg."""

    path: str
    archive: str | None = None
    """The zipped egg that it is in."""

    @classmethod
    def of(cls, dist: InstalledDistribution) -> "_Metadata":
        listing = f"{dist.location}/{dist.dist_info}"
        if dist.form is Form.EGG:
            return cls.of_egg(listing)
        return cls(dist.metadata or listing)

    @classmethod
    def of_egg(cls, egg: str) -> "_Metadata":
        return cls(f"{egg}/EGG-INFO", None if os.path.isdir(egg) else egg)

    def read(self, name: str) -> bytes:
        """Raises any of `_UNREADABLE`, and FileNotFoundError where it is not there."""
        if self.archive is not None:
            return _read_member(self.archive, f"EGG-INFO/{name}")
        if name == "PKG-INFO" and not os.path.isdir(self.path):
            return read_file(self.path, METADATA_BYTES)
        return read_file(f"{self.path}/{name}", METADATA_BYTES)

    def has(self, name: str) -> bool:
        return os.path.isfile(f"{self.path}/{name}")

    def lines(self, name: str) -> list[str]:
        """The lines of a file that are not empty; none where there is no such file."""
        try:
            text = self.read(name).decode()
        except _UNREADABLE:
            return []
        return [line.strip() for line in text.splitlines() if line.strip()]

    def scripts(self) -> Iterator[str]:
        """Names of files in the scripts folder: of the launchers, and of ``scripts=``."""
        try:
            for launcher in parse_entry_points(self.read("entry_points.txt").decode()):
                yield launcher.name
        except _UNREADABLE:
            pass
        yield from (name for name in self._script_names() if script_name_problem(name) is None)

    def _script_names(self) -> list[str]:
        try:
            if self.archive is None:
                return os.listdir(f"{self.path}/scripts")
            with zipfile.ZipFile(self.archive) as archive:
                members = [name.split("/") for name in archive.namelist()]
        except _UNREADABLE:
            return []
        return [parts[2] for parts in members if parts[:2] == ["EGG-INFO", "scripts"] if parts[2:]]


def _read_member(archive: str, name: str) -> bytes:
    if not stat.S_ISREG(os.stat(archive).st_mode):
        raise OSError(f"{archive} is not a file")
    with zipfile.ZipFile(archive) as opened:
        try:
            info = opened.getinfo(name)
        except KeyError as error:
            raise FileNotFoundError(f"{archive} has no {name}") from error
        if info.file_size > METADATA_BYTES:
            raise OSError(f"{name} in {archive} is too large")
        return opened.read(info)


def _read_egg_info(name: str, folder: str, scripts: str) -> InstalledDistribution | None:
    """``name-version-py3.x.egg-info``, a folder with PKG-INFO in it, or PKG-INFO itself."""
    place = _Metadata(f"{folder}/{name}")
    if os.path.isdir(place.path):
        claims = _claims(place, name)
        if claims is not None:
            claims = (*claims, *_paths_of(place.scripts(), scripts))
        return _make(place, name, folder, Form.EGG_INFO, claims=claims)
    return _make(place, name, folder, Form.DISTUTILS, claims=None)


def _claims(place: _Metadata, name: str) -> tuple[str, ...] | None:
    """What an egg-info folder tells of its files; None where it does not tell them."""
    if place.has("installed-files.txt"):
        # Relative to the egg-info folder itself.
        return tuple(
            line if os.path.isabs(line) else os.path.normpath(f"{name}/{line}")
            for line in place.lines("installed-files.txt")
        )
    tops = set(place.lines("top_level.txt"))
    # A namespace package is not one distribution's: which files in it are, nobody has written.
    if not tops or not tops.isdisjoint(place.lines("namespace_packages.txt")):
        return None
    if any(part in {"", ".", ".."} for top in tops for part in top.split("/")):
        return None
    return tuple(f"{top}{suffix}" for top in sorted(tops) for suffix in ("", ".py", ".pyc", ".pyo"))


def _read_egg(path: str, name: str, folder: str, scripts: str) -> InstalledDistribution | None:
    place = _Metadata.of_egg(path)
    return _make(
        place,
        name,
        folder,
        Form.EGG,
        claims=_paths_of(place.scripts(), scripts),
        path_entry=f"./{name}",
    )


def _read_egg_link(path: str, name: str, folder: str, scripts: str) -> InstalledDistribution | None:
    source = read_file(path, NOTE_BYTES).decode().split("\n", 1)[0].strip()
    wanted = canonicalize_name(name.removesuffix(".egg-link"))
    if not os.path.isabs(source):
        return None
    for inner in os.listdir(source):
        stem, dot, _ = inner.partition(".egg-info")
        if dot and canonicalize_name(stem.partition("-")[0]) == wanted:
            place = _Metadata(f"{source}/{inner}")
            return _make(
                place,
                name,
                folder,
                Form.EGG_LINK,
                claims=_paths_of(place.scripts(), scripts),
                path_entry=source,
            )
    return None


def _make(
    place: _Metadata,
    name: str,
    folder: str,
    form: Form,
    *,
    claims: tuple[str, ...] | None,
    path_entry: str | None = None,
) -> InstalledDistribution | None:
    """Name and version are those of the file's name, else those of PKG-INFO, which has to be there."""
    content = place.read("PKG-INFO")
    project, _, rest = name.rpartition(".")[0].partition("-")
    identity = parse_identity(project, rest.partition("-py")[0]) or parse_headers_identity(content)
    if identity is None:
        return None
    return InstalledDistribution(
        name=identity[0],
        version=identity[1],
        location=folder,
        dist_info=name,
        form=form,
        metadata=place.path if form is Form.EGG_LINK else None,
        claims=claims,
        path_entry=path_entry,
    )


def _paths_of(names: Iterable[str], scripts: str) -> tuple[str, ...]:
    return tuple(sorted({f"{scripts}/{name}" for name in names}))


def _extras(lines: Iterable[str]) -> list[str]:
    sections = filter(None, map(_SECTION.fullmatch, lines))
    return sorted({section["extra"].strip() for section in sections} - {""})


def _requirements(lines: Iterable[str]) -> Iterator[str]:
    """The lines of requires.txt as requirements: ``[extra:marker]`` begins a section."""
    conditions: list[str] = []
    for line in lines:
        section = _SECTION.fullmatch(line)
        if section is None:
            name, _, marker = (part.strip() for part in line.partition(";"))
            written = [f"({marker})"] if marker else []
            condition = " and ".join([*written, *conditions])
            yield f"{name} ; {condition}" if condition else name
            continue
        extra, given = section["extra"].strip(), (section["marker"] or "").strip()
        conditions = [f"({given})"] if given else []
        if extra and '"' not in extra:
            conditions.append(f'extra == "{extra}"')
