"""Where a distribution's files lie in one environment, as cheaply as the question allows.

Every path is relative to the environment's prefix. Most questions ("does anybody else have
something below `numpy/`?") are answered from the first names alone, `tops`, without looking at
tens of thousands of paths.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final, Protocol, TypeAlias

from linkd.core.entry_points import is_environments_own
from linkd.core.installed import InstalledDistribution
from linkd.core.manifest import Launcher, Manifest
from linkd.core.record import parse_record
from linkd.core.target import SchemeKey, Target
from linkd.errors import NoRecord, NotAnEnvironment
from linkd.link.beneath import open_regular


@dataclass(frozen=True, slots=True)
class Roots:
    """The scheme's folders relative to the prefix, each ending in ``/`` or empty."""

    by_key: Mapping[SchemeKey, str]
    fixed: frozenset[str]
    """The scheme's folders and those above them: they are nobody's, and stay."""
    key: tuple[str, ...] = field(init=False, compare=False)
    """Equal for equal roots; what is derived of them is remembered under it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", tuple(self.by_key[key] for key in SchemeKey))

    @classmethod
    def of(cls, target: Target) -> "Roots":
        """Raises NotAnEnvironment where a scheme folder lies outside of the prefix."""
        by_key: dict[SchemeKey, str] = {}
        for key in SchemeKey:
            relative = _relative(str(target.scheme[key]), str(target.prefix))
            if relative == os.pardir or relative.startswith(f"..{os.sep}"):
                raise NotAnEnvironment(
                    environment=str(target.prefix),
                    reason=f"its {key} folder {target.scheme[key]} lies outside of it",
                )
            by_key[key] = "" if relative == os.curdir else f"{relative}/"
        folders = {root.rstrip("/") for root in by_key.values()} - {""}
        return cls(by_key, frozenset(folders.union(*map(ancestors, folders))))

    def __getitem__(self, key: SchemeKey) -> str:
        return self.by_key[key]

    def top_of(self, path: str) -> str:
        """The outermost name on the path that is not one of the fixed folders."""
        end = path.find("/")
        while end >= 0 and path[:end] in self.fixed:
            end = path.find("/", end + 1)
        return path if end < 0 else path[:end]


@lru_cache(maxsize=1024)
def _relative(path: str, start: str) -> str:
    return os.path.relpath(path, start)


def ancestors(path: str) -> Iterator[str]:
    """The folders above, the innermost first; without the prefix itself."""
    folder = path.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


class Footprint(Protocol):
    """The paths of one distribution in one environment."""

    @property
    def tops(self) -> frozenset[str]: ...

    @property
    def paths(self) -> Mapping[str, str | None]:
        """Each file with its SHA-256 as RECORD has it, where that is known."""
        ...


Identity: TypeAlias = tuple[str, tuple[Launcher, ...], tuple[str, ...]]

_REMEMBERED_TOPS: Final = 4096
_tops: Final[dict[Identity, frozenset[str]]] = {}


class WheelFootprint:
    """Of a wheel that is to come; without dist-info, which is its own by its name."""

    def __init__(self, manifest: Manifest, roots: Roots) -> None:
        self._manifest = manifest
        self._roots = roots
        self.identity: Final[Identity] = (manifest.sha256, manifest.launchers, roots.key)
        """Equal for equal footprints: the archive and its launchers say everything about it."""

    @cached_property
    def tops(self) -> frozenset[str]:
        tops = _tops.get(self.identity)
        if tops is None:
            if len(_tops) >= _REMEMBERED_TOPS:
                _tops.clear()  # whole, for other threads use it too
            tops = _tops[self.identity] = self._find_tops()
        return tops

    def _find_tops(self) -> frozenset[str]:
        return frozenset(
            # Below most of the scheme's folders there is no other one to look out for; the one
            # of data is the prefix, and may name anything below it.
            root + file.destination.partition("/")[0]
            if (root := self._roots[file.scheme])
            else self._roots.top_of(file.destination)
            for file in self._manifest.payload()
        ) | {
            self._roots[SchemeKey.SCRIPTS] + launcher.name for launcher in self._manifest.launchers
        }

    @cached_property
    def paths(self) -> Mapping[str, str | None]:
        paths: dict[str, str | None] = {
            self._roots[file.scheme] + file.destination: None if file.python_script else file.sha256
            for file in self._manifest.payload()
        }
        for launcher in self._manifest.launchers:
            paths[self._roots[SchemeKey.SCRIPTS] + launcher.name] = None
        return paths


class RecordedFootprint:
    """Of a distribution that is installed, by its RECORD.

    Rows that lead out, or name what came with the environment itself, are left out.
    """

    def __init__(self, distribution: InstalledDistribution, target: Target, roots: Roots) -> None:
        self._distribution = distribution
        self._roots = roots
        self._location = _relative(distribution.location, str(target.prefix))
        self._prefix = str(target.prefix)

    @cached_property
    def _text(self) -> str:
        return self._read()

    def _read(self) -> str:
        folder = os.path.join(self._distribution.location, self._distribution.dist_info)
        path = os.path.join(folder, "RECORD")
        try:
            with open(
                path, encoding="utf-8", errors="surrogateescape", newline="", opener=open_regular
            ) as record:
                return record.read()
        except OSError as error:
            raise NoRecord(name=self._distribution.name, path=path) from error

    @cached_property
    def tops(self) -> frozenset[str]:
        own = os.path.join(self._location, self._distribution.dist_info)
        try:
            heads = {_head(line) for line in self._text.splitlines() if line}
        except ValueError:
            # A name with a line end in it: only the whole of RECORD tells.
            heads = set(self._rows)
        inside = {path for head in heads for path in self._inside(head)}
        return frozenset(self._roots.top_of(path) for path in inside - {own})

    @cached_property
    def paths(self) -> Mapping[str, str | None]:
        folder = os.path.normpath(os.path.join(self._location, self._distribution.dist_info))
        return {
            path: sha256
            for recorded, sha256 in self._rows.items()
            for path in self._inside(recorded)
            if not path.startswith(f"{folder}/")
        }

    @cached_property
    def _rows(self) -> Mapping[str, str | None]:
        return self._parse()

    def _parse(self) -> Mapping[str, str | None]:
        try:
            return {row.path: row.sha256 for row in parse_record(self._text)}
        except ValueError as error:
            raise NoRecord(name=self._distribution.name, path=f"RECORD: {error}") from error

    def _inside(self, recorded: str) -> Iterator[str]:
        """The path relative to the prefix, if it may be a file in it (RECORD is hostile input)."""
        if os.path.isabs(recorded):
            path = os.path.relpath(os.path.normpath(recorded), self._prefix)
        else:
            path = os.path.normpath(os.path.join(self._location, recorded))
        is_outside = path in {os.curdir, os.pardir} or path.startswith(("../", "/"))
        if is_outside or path in self._roots.fixed:
            return
        if self._is_anothers(path) or is_environments_own(path, self._roots[SchemeKey.SCRIPTS]):
            return
        yield path

    def _is_anothers(self, path: str) -> bool:
        """Whether it is in the dist-info of another distribution, which lists that one."""
        top = self._roots.top_of(path).rpartition("/")[2]
        return top.endswith((".dist-info", ".egg-info")) and top != self._distribution.dist_info


class StayingFootprint(RecordedFootprint):
    """Of a distribution that stays: one whose RECORD cannot be read claims nothing.

    It may be just about to go, too: then the ledger knows it from the one who takes it away.
    """

    @cached_property
    def _text(self) -> str:
        try:
            return self._read()
        except NoRecord:
            return ""

    @cached_property
    def _rows(self) -> Mapping[str, str | None]:
        try:
            return self._parse()
        except NoRecord:
            return {}


def _head(line: str) -> str:
    """The first name of a RECORD line; the whole path where it climbs or is quoted."""
    if line.startswith('"'):
        return parse_record(line)[0].path
    if line.startswith((".", "/")) or "/." in line or "//" in line:
        return line.partition(",")[0]
    head, slash, _ = line.partition("/")
    return head if slash else line.partition(",")[0]


def shared_paths(one: Footprint, other: Footprint) -> frozenset[str]:
    """The paths that both have."""
    if one.tops.isdisjoint(other.tops):
        return frozenset()
    return frozenset(one.paths.keys() & other.paths.keys())


def same_content(path: str, footprints: Iterable[Footprint]) -> bool:
    """Whether all that have the path record one and the same content for it."""
    contents = {footprint.paths[path] for footprint in footprints}
    return len(contents) == 1 and None not in contents
