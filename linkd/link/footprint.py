"""Where a distribution's files lie in one environment, as cheaply as the question allows.

Every path is relative to the environment's prefix. Most questions ("does anybody else have
something below `numpy/`?") are answered from the first names alone, `tops`, without looking at
tens of thousands of paths.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from linkd.core.entry_points import is_environments_own
from linkd.core.installed import Form, InstalledDistribution
from linkd.core.manifest import Launcher, Manifest
from linkd.core.record import parse_record
from linkd.core.target import SchemeKey, Target
from linkd.errors import NoRecord, NotAnEnvironment
from linkd.link.recorded import claimed_files, parse_rows, read_record

_LISTINGS: Final = (".dist-info", ".egg-info", ".egg-link", ".egg")
"""How the names of what lists a distribution end."""

_PIPS_DETOUR: Final = "../../"
"""From its ``lib/python``, of which it moves the content into the folder itself."""


RootsKey: TypeAlias = tuple[tuple[tuple[SchemeKey, str], ...], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Roots:
    """The scheme's folders relative to the prefix, each ending in ``/`` or empty."""

    by_key: Mapping[SchemeKey, str]
    fixed: frozenset[str]
    """The scheme's folders and those above them: they are nobody's, and never move whole."""
    passing: frozenset[str]
    """Those of them that are made with what first comes there, and go with the last: the folder
    of headers, which no new environment has."""
    key: RootsKey = field(init=False, compare=False)
    """Equal for equal roots; what is derived of them is remembered under it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", (tuple(sorted(self.by_key.items())), self.fixed))

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
        return cls.relative(by_key)

    @classmethod
    def relative(cls, by_key: Mapping[SchemeKey, str]) -> "Roots":
        """Of folders relative to the prefix."""
        headers = by_key[SchemeKey.HEADERS]
        lasting = _with_ancestors(root for key, root in by_key.items() if key != SchemeKey.HEADERS)
        fixed = lasting | _with_ancestors([headers])
        return cls(by_key, fixed, fixed - lasting)

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


def _with_ancestors(roots: Iterable[str]) -> frozenset[str]:
    folders = {root.rstrip("/") for root in roots} - {""}
    return frozenset(folders.union(*map(ancestors, folders)))


def ancestors(path: str) -> Iterator[str]:
    """The folders above, the innermost first; without the prefix itself."""
    folder = path.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


class Located(Protocol):
    """All that has to be known of an environment."""

    @property
    def prefix(self) -> Path: ...


class Footprint(Protocol):
    """The paths of one distribution in one environment."""

    @property
    def tops(self) -> frozenset[str]: ...

    @property
    def paths(self) -> Mapping[str, str | None]:
        """Each file with its SHA-256 as RECORD has it, where that is known."""
        ...


Identity: TypeAlias = tuple[str, tuple[Launcher, ...], RootsKey]

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
    """Of a distribution that is installed, by what its installations recorded.

    Rows that lead out, or name what came with the environment itself, are left out.
    """

    def __init__(
        self, distribution: InstalledDistribution, target: "Located", roots: Roots
    ) -> None:
        self._distribution = distribution
        own = frozenset(one.dist_info for one in distribution.installations)
        self._parts = tuple(
            _Installation(one, own, target, roots) for one in distribution.installations
        )

    @cached_property
    def tops(self) -> frozenset[str]:
        """Raises NoRecord."""
        return frozenset().union(*(part.tops() for part in self._parts))

    @cached_property
    def paths(self) -> Mapping[str, str | None]:
        """Raises NoRecord."""
        merged: dict[str, str | None] = {}
        for part in reversed(self._parts):
            merged.update(part.paths())
        return merged


class StayingFootprint(RecordedFootprint):
    """Of a distribution that stays: an installation whose record cannot be read claims nothing.

    It may be just about to go, too: then the ledger knows it from the one who takes it away.
    """

    def __init__(self, distribution: InstalledDistribution, target: Located, roots: Roots) -> None:
        super().__init__(distribution, target, roots)
        for part in self._parts:
            part.lenient = True


class _Installation:
    """The paths of one installation: of what lists the distribution, in whatever form."""

    def __init__(
        self,
        distribution: InstalledDistribution,
        own: frozenset[str],
        target: Located,
        roots: Roots,
    ) -> None:
        self.lenient = False
        self._distribution = distribution
        self._own = own
        """What lists the distribution, this installation of it or another."""
        self._roots = roots
        self._prefix = str(target.prefix)
        self._location = _relative(distribution.location, str(target.prefix))

    def tops(self) -> frozenset[str]:
        inside = {path for head in self._heads() for path in self._inside(head)}
        return frozenset(map(self._roots.top_of, inside)) - self._listings

    def paths(self) -> Mapping[str, str | None]:
        folders = tuple(f"{listing}/" for listing in self._listings)
        return {
            path: sha256
            for recorded, sha256 in self._rows.items()
            for path in self._inside(recorded)
            if not path.startswith(folders)
        }

    @cached_property
    def _listings(self) -> frozenset[str]:
        return frozenset(os.path.normpath(os.path.join(self._location, name)) for name in self._own)

    @cached_property
    def _text(self) -> str:
        """RECORD."""
        try:
            return read_record(self._distribution)
        except NoRecord:
            if not self.lenient:
                raise
            return ""

    def _heads(self) -> Iterable[str]:
        """As much of each recorded path as its top needs."""
        if self._distribution.form is not Form.DIST_INFO:
            return self._distribution.claims or ()
        try:
            heads = {_head(line) for line in self._text.splitlines() if line}
        except ValueError:
            # A name with a line end in it: only the whole of RECORD tells.
            return set(self._rows)
        if any(os.path.normpath(f"{self._location}/{head}") in self._roots.fixed for head in heads):
            # Scheme folders lie below this one: the first name tells nothing of those.
            return set(self._rows)
        return heads

    @cached_property
    def _rows(self) -> Mapping[str, str | None]:
        try:
            if self._distribution.form is not Form.DIST_INFO:
                return dict.fromkeys(claimed_files(self._distribution))
            return parse_rows(self._distribution, self._text)
        except NoRecord:
            if not self.lenient:
                raise
            return {}

    def _inside(self, recorded: str) -> Iterator[str]:
        """The path relative to the prefix, if it may be a file in it (RECORD is hostile input)."""
        if os.path.isabs(recorded):
            path = os.path.relpath(os.path.normpath(recorded), self._prefix)
        else:
            path = os.path.normpath(os.path.join(self._location, recorded))
        if not self._roots[SchemeKey.PURELIB]:
            # pip's --target records scripts and data as they lay where it had put them before.
            path = path.removeprefix(_PIPS_DETOUR)
        is_outside = path in {os.curdir, os.pardir} or path.startswith(("../", "/"))
        if is_outside or path in self._roots.fixed:
            return
        if self._is_anothers(path) or is_environments_own(path, self._roots[SchemeKey.SCRIPTS]):
            return
        yield path

    def _is_anothers(self, path: str) -> bool:
        """Whether it is what lists another distribution, or lies in it."""
        top = self._roots.top_of(path).rpartition("/")[2]
        return top.endswith(_LISTINGS) and top not in self._own


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
