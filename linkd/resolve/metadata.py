"""Core metadata reduced to what resolving needs (core metadata, PEP 508 dependency specifiers)."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from linkd.resolve.target_view import TargetView

_REMEMBERED_LINES: Final = 1 << 16
_REMEMBERED_VERSIONS: Final = 1 << 17
_REMEMBERED_HEADS: Final = 1 << 12

_optional: Final = re.compile(
    r"""
    {name} [ ]* (?: \[ [ ]* {name} (?: [ ]*,[ ]* {name} )* [ ]* \] )? [ ]*
    (?: {clause} (?: [ ]*,[ ]* {clause} )* )? [ ]*
    ; [ ]* extra [ ]* == [ ]* (?: "{name}" | '{name}' )
    """.format(
        name=r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?",
        clause=r"(?: [<>]=? | [!=]= | ~=[ ]*[0-9]+\. ) [ ]* [0-9]+ (?:\.[0-9]+)*",
    ),
    re.VERBOSE,
)
"""A dependency of one extra alone, written as most are: sure to be valid. Most lines are such, few
extras are ever asked for, and to parse one takes some 50 µs."""


@functools.lru_cache(maxsize=_REMEMBERED_VERSIONS)
def parse_version(text: str) -> Version | None:
    """A version, or None where PEP 440 knows none such."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def is_pin(specifier: SpecifierSet) -> bool:
    """Whether an exact version is named: what lets a yanked file in (PEP 592)."""
    return any(
        clause.operator == "===" or (clause.operator == "==" and not clause.version.endswith(".*"))
        for clause in specifier
    )


@dataclass(frozen=True, slots=True, eq=False)
class Dependency:
    """One ``Requires-Dist`` without its marker; the same object for the same line."""

    name: NormalizedName
    extras: tuple[NormalizedName, ...]
    specifier: SpecifierSet
    specifier_text: str
    """What a specifier's mask is remembered by."""
    is_pin: bool
    mentions_prerelease: bool
    url: str | None
    text: str
    """For messages, such as ``bar[x]>=1``."""


@dataclass(frozen=True, slots=True)
class _Declared:
    dependency: Dependency
    marker: Marker | None
    marker_text: str
    names_extra: bool


@functools.lru_cache(maxsize=_REMEMBERED_LINES)
def _parse_line(line: str) -> _Declared:
    """Raises packaging's InvalidRequirement."""
    requirement = Requirement(line)
    marker = requirement.marker
    marker_text = "" if marker is None else str(marker)
    requirement.marker = None
    return _Declared(
        dependency=Dependency(
            name=canonicalize_name(requirement.name),
            extras=tuple(sorted(canonicalize_name(extra) for extra in requirement.extras)),
            specifier=requirement.specifier,
            specifier_text=str(requirement.specifier),
            is_pin=is_pin(requirement.specifier),
            mentions_prerelease=bool(requirement.specifier.prereleases),
            url=requirement.url,
            text=str(requirement),
        ),
        marker=marker,
        marker_text=marker_text,
        names_extra="extra" in marker_text,
    )


@dataclass(slots=True, eq=False)
class CoreMetadata:
    """One distribution's metadata; `problem` says why it cannot be used, if so."""

    name: NormalizedName | None
    version: str | None
    requires_python: str | None
    extras: frozenset[NormalizedName]
    problem: str | None
    _declared: tuple[_Declared | str, ...]
    """Those of an extra alone as they are written."""
    _active: dict[tuple[int, str], tuple[Dependency, ...]] = field(default_factory=dict)

    @classmethod
    def unusable(cls, problem: str) -> "CoreMetadata":
        """What stands for metadata that could not be read."""
        return cls(
            name=None,
            version=None,
            requires_python=None,
            extras=frozenset(),
            problem=problem,
            _declared=(),
        )

    def dependencies(self, target: TargetView, extra: str = "") -> tuple[Dependency, ...]:
        """What the distribution needs at this target; with an extra, what the extra adds."""
        key = (target.key, extra)
        active = self._active.get(key)
        if active is None:
            active = self._active[key] = tuple(self._evaluate(target, extra))
        return active

    def _evaluate(self, target: TargetView, extra: str) -> Iterator[Dependency]:
        for each in self._declared:
            if isinstance(each, str) and not extra:
                continue
            declared = _parse_line(each) if isinstance(each, str) else each
            marker = declared.marker
            if marker is None:
                wanted = not extra
            elif not extra:
                wanted = target.marker_holds(marker, declared.marker_text)
            else:
                wanted = (
                    declared.names_extra
                    and target.marker_holds(marker, declared.marker_text, extra)
                    and not target.marker_holds(marker, declared.marker_text)
                )
            if wanted:
                yield declared.dependency


def parse_metadata(raw: bytes) -> CoreMetadata:
    """Read METADATA. An unreadable ``Requires-Dist`` becomes the result's `problem`."""
    head = raw.replace(b"\r\n", b"\n") if b"\r" in raw else raw
    return _parse_head(head.partition(b"\n\n")[0].decode("utf-8", "replace"))


@functools.lru_cache(maxsize=_REMEMBERED_HEADS)
def _parse_head(head: str) -> CoreMetadata:
    name = version = requires_python = problem = None
    extras: list[NormalizedName] = []
    declared: list[_Declared | str] = []
    for line in _unfold(head):
        header, _, value = line.partition(":")
        match header.lower():
            case "requires-dist":
                value = value.strip()
                try:
                    is_optional = _optional.fullmatch(value) is not None
                    declared.append(value if is_optional else _parse_line(value))
                except InvalidRequirement:
                    problem = f"its metadata has an invalid Requires-Dist: {value!r}"
            case "provides-extra":
                extras.append(canonicalize_name(value.strip()))
            case "requires-python":
                requires_python = value.strip()
            case "name":
                name = canonicalize_name(value.strip())
            case "version":
                version = value.strip()
    return CoreMetadata(
        name=name,
        version=version,
        requires_python=requires_python,
        extras=frozenset(extras),
        problem=problem,
        _declared=tuple(declared),
    )


def _unfold(head: str) -> list[str]:
    """Header lines; a line that begins with white space goes on with the one before."""
    lines: list[str] = []
    for line in head.split("\n"):
        if line[:1] in {" ", "\t"} and lines:
            lines[-1] += " " + line.strip()
        elif line:
            lines.append(line)
    return lines
