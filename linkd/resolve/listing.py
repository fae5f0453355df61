"""A project's page as one target sees it: candidates in ascending order, and masks over them.

Follows the version specifiers specification (PEP 440), the simple repository API (yanked files,
PEP 592) and the binary distribution format (file names, build tags).
"""

import enum
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from linkd.core.formats import Formats
from linkd.core.wheel import DistFile, ProjectPage
from linkd.resolve.metadata import CoreMetadata, Dependency, parse_version
from linkd.resolve.ranges import EVERYTHING, CandidateSet
from linkd.resolve.requirement import Asked
from linkd.resolve.target_view import TargetView

Hashes = Mapping[str, frozenset[str]]
_build_number = re.compile(r"(\d+)(.*)")
_BUILDABLE: Final = (".tar.gz", ".zip")
"""What a page's source archive must be to become a candidate (PEP 625, and older ones)."""
_SOURCE_SUFFIXES: Final = (*_BUILDABLE, ".tgz", ".tar.bz2", ".tar.xz", ".tar")
_ANY: Final = Formats()


class Absence(enum.StrEnum):
    """Why a release that the page names is not a candidate; the last is the closest miss."""

    UNREADABLE = "unreadable"
    WHEEL_ONLY = "wheel-only"
    SOURCE_ONLY = "source-only"
    TAGS = "tags"
    PYTHON = "python"
    HASHES = "hashes"


_SEVERITY: Final = {absence: rank for rank, absence in enumerate(Absence)}


@dataclass(slots=True, eq=False, weakref_slot=True)
class View:
    """The candidates of one project for one target. Candidate *i* is bit *i* of every mask."""

    name: NormalizedName
    versions: list[Version]
    files: list[DistFile]
    ordered: int
    """How many candidates come from the page, ascending; behind them are direct URLs."""
    prerelease: int
    yanked: int
    metadata: list[CoreMetadata | None]
    """What has been read of each candidate; filled in while resolving, never changed again."""
    _sets: dict[str, CandidateSet] = field(default_factory=dict)
    _masks: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def all(self) -> int:
        return (1 << len(self.versions)) - 1

    @property
    def direct(self) -> int:
        """The mask of the candidates that are direct URLs."""
        return self.all & ~((1 << self.ordered) - 1)

    def candidates(self, specifier: SpecifierSet, text: str) -> CandidateSet:
        """Those that a specifier admits, pre-releases among them; `text` is the specifier's."""
        found = self._sets.get(text)
        if found is None:
            mask = everything = self.all
            for clause in specifier:
                mask &= self._clause_mask(clause)
            found = EVERYTHING if mask == everything else CandidateSet(mask)
            self._sets[text] = found
        return found

    def wanted(self, asked: Asked) -> CandidateSet:
        """Those that a requirement of the request admits."""
        if asked.url is not None:
            return CandidateSet(self.url_mask(asked.url))
        if not asked.specifier:
            return EVERYTHING
        return self.candidates(asked.specifier, str(asked.specifier))

    def needed(self, dependency: Dependency) -> CandidateSet:
        """Those that a distribution's requirement by version admits."""
        if not dependency.specifier_text:
            return EVERYTHING
        return self.candidates(dependency.specifier, dependency.specifier_text)

    def url_mask(self, url: str) -> int:
        """The bit of a direct URL; 0 if it is not among the candidates."""
        mask = 0
        for index in range(self.ordered, len(self.files)):
            if self.files[index].url == url:
                mask |= 1 << index
        return mask

    def index_of(self, version: Version) -> int | None:
        """The page's candidate of a version."""
        index = bisect_left(self.versions, version, hi=self.ordered)
        if index < self.ordered and self.versions[index] == version:
            return index
        return None

    def _clause_mask(self, clause: Specifier) -> int:
        key = (clause.operator, clause.version)
        mask = self._masks.get(key)
        if mask is None:
            mask = self._masks[key] = self._page_mask(clause) | self._each(
                clause, range(self.ordered, len(self.versions))
            )
        return mask

    def _page_mask(self, clause: Specifier) -> int:
        """By bisection; what shares the clause's base version is asked of packaging one by one."""
        operator = clause.operator
        if operator == "===":
            return self._each(clause, range(self.ordered))
        if clause.version.endswith(".*"):
            inside = self._series(Version(clause.version[:-2]))
            return inside if operator == "==" else self._page & ~inside
        pivot = Version(clause.version)
        low, high = self._same_base(pivot)
        older, newer = _below(low), self._page & ~_below(high)
        near = self._each(clause, range(low, high))
        if operator == "~=":  # at least this, and the same but for the release's last part
            series = Version(_release(pivot.epoch, pivot.release[:-1]))
            return (near | newer) & self._series(series)
        far = {"<": older, "<=": older, ">": newer, ">=": newer, "!=": older | newer}
        return near | far.get(operator, 0)

    @property
    def _page(self) -> int:
        return _below(self.ordered)

    def _each(self, clause: Specifier, indices: Iterable[int]) -> int:
        mask = 0
        for index in indices:
            if clause.contains(self.versions[index], prereleases=True):
                mask |= 1 << index
        return mask

    def _series(self, series: Version) -> int:
        """``==series.*``: from its first development release to that of the next series."""
        release = series.release
        following = _release(series.epoch, (*release[:-1], release[-1] + 1))
        first = Version(f"{_release(series.epoch, release)}.dev0")
        return _below(self._at(Version(f"{following}.dev0"))) & ~_below(self._at(first))

    def _same_base(self, pivot: Version) -> tuple[int, int]:
        """Where the pre-, post- and local releases of a version's base begin and end."""
        low = self._at(Version(f"{pivot.base_version}.dev0"))
        base = parse_version(pivot.base_version)
        high = low
        while high < self.ordered and parse_version(self.versions[high].base_version) == base:
            high += 1
        return low, high

    def _at(self, version: Version) -> int:
        return bisect_left(self.versions, version, hi=self.ordered)


def _below(index: int) -> int:
    return (1 << index) - 1


def _release(epoch: int, release: tuple[int, ...]) -> str:
    return f"{epoch}!{'.'.join(map(str, release))}"


def build_view(
    page: ProjectPage,
    target: TargetView,
    *,
    hashes: Hashes | None = None,
    direct: Iterable[DistFile] = (),
    formats: Formats = _ANY,
) -> View:
    """The best wheel of each version, or its source archive where there is no wheel that fits.

    With `hashes`, only of files that may have one of them.
    """
    hashes = hashes or {}
    best = _best_wheels(page, target, hashes) if formats.allows_wheel(page.name) else {}
    if formats.allows_source(page.name):
        for released, file in _sources(page):
            known = best.get(released)
            if known is not None and (file.yanked or not known.yanked):
                continue
            if target.python_fits(file.requires_python) and hashes_admit(file, hashes):
                best[released] = file
    versions = sorted(best)
    files = [best[version] for version in versions]
    ordered = len(versions)
    for file in direct:
        version = parse_version(file.filename.split("-", 2)[1])
        if version is not None and (not hashes or hashes_admit(file, hashes)):
            versions.append(version)
            files.append(file)
    return View(
        name=page.name,
        versions=versions,
        files=files,
        ordered=ordered,
        prerelease=_bits(version.is_prerelease for version in versions),
        yanked=_bits(bool(file.yanked) for file in files),
        metadata=[None] * len(versions),
    )


def _best_wheels(page: ProjectPage, target: TargetView, hashes: Hashes) -> dict[Version, DistFile]:
    best: dict[Version, tuple[tuple[bool, int, int, str], DistFile]] = {}
    for wheel in _wheels(page):
        file = wheel.file
        tag_rank = target.tag_rank(wheel.tags)
        if tag_rank is None or not target.python_fits(file.requires_python):
            continue
        if not hashes_admit(file, hashes):
            continue
        number, rest = wheel.build
        rank = (not file.yanked, -tag_rank, number, rest)
        known = best.get(wheel.version)
        if known is None or rank > known[0]:
            best[wheel.version] = (rank, file)
    return {version: file for version, (_, file) in best.items()}


def hashes_admit(file: DistFile, hashes: Hashes) -> bool:
    """False only if the file's own hashes show that it is none of those wanted."""
    common = [algorithm for algorithm in file.hashes if algorithm in hashes]
    return not common or any(file.hashes[each].lower() in hashes[each] for each in common)


def absences(
    page: ProjectPage,
    target: TargetView,
    hashes: Hashes | None = None,
    formats: Formats = _ANY,
) -> dict[Version, tuple[Absence, DistFile]]:
    """For each release that has no candidate: the closest miss, and the file that it was."""
    found: dict[Version, tuple[Absence, DistFile]] = {}
    present: set[Version] = set()
    for version, absence, file in _judged(page, target, hashes or {}, formats):
        if absence is None:
            present.add(version)
            continue
        known = found.get(version)
        if known is None or _SEVERITY[absence] > _SEVERITY[known[0]]:
            found[version] = (absence, file)
    return {version: why for version, why in found.items() if version not in present}


def _judged(
    page: ProjectPage, target: TargetView, hashes: Hashes, formats: Formats
) -> Iterator[tuple[Version, Absence | None, DistFile]]:
    forbidden = None if formats.allows_source(page.name) else Absence.SOURCE_ONLY
    for file in page.files:
        version = _source_version(page.name, file.filename)
        if version is not None:
            unfit = None if file.filename.endswith(_BUILDABLE) else Absence.SOURCE_ONLY
            yield version, _absence(file, target, hashes, forbidden or unfit), file
    forbidden = None if formats.allows_wheel(page.name) else Absence.WHEEL_ONLY
    for wheel in _wheels(page):
        unfit = Absence.TAGS if target.tag_rank(wheel.tags) is None else None
        yield wheel.version, unfit or _absence(wheel.file, target, hashes, forbidden), wheel.file


def _absence(
    file: DistFile, target: TargetView, hashes: Hashes, forbidden: Absence | None
) -> Absence | None:
    if not target.python_fits(file.requires_python):
        return Absence.PYTHON
    if forbidden is not None:
        return forbidden
    return None if hashes_admit(file, hashes) else Absence.HASHES


@dataclass(frozen=True, slots=True)
class _Wheel:
    file: DistFile
    version: Version
    build: tuple[int, str]
    tags: str


def _wheels(page: ProjectPage) -> Iterator[_Wheel]:
    """The page's wheels of which the file name can be read and is the project's."""
    for file in page.files:
        filename = file.filename
        if not filename.endswith(".whl"):
            continue
        parts = filename[:-4].split("-")
        if len(parts) not in {5, 6} or not _is_named(parts[0], page.name):
            continue
        version = parse_version(parts[1])
        build = _build(parts[2]) if len(parts) == 6 else (-1, "")
        if version is not None and build is not None:
            yield _Wheel(file, version, build, wheel_tags(filename))


def _sources(page: ProjectPage) -> Iterator[tuple[Version, DistFile]]:
    """The page's source archives that can be built; of several of one version the first."""
    seen: set[Version] = set()
    for file in page.files:
        if file.filename.endswith(_BUILDABLE):
            version = _source_version(page.name, file.filename)
            if version is not None and version not in seen:
                seen.add(version)
                yield version, file


def wheel_tags(filename: str) -> str:
    """The compressed tag set of a wheel's file name."""
    return "-".join(filename.removesuffix(".whl").rsplit("-", 3)[1:])


def _is_named(written: str, name: NormalizedName) -> bool:
    return written.lower().replace("_", "-") == name or canonicalize_name(written) == name


def _build(text: str) -> tuple[int, str] | None:
    match = _build_number.fullmatch(text)
    return None if match is None else (int(match[1]), match[2])


def _source_version(name: NormalizedName, filename: str) -> Version | None:
    """Of an sdist; older ones may have dashes in the project's part, so it is split by name."""
    suffix = next((end for end in _SOURCE_SUFFIXES if filename.endswith(end)), None)
    if suffix is None:
        return None
    stem = filename.removesuffix(suffix)
    if stem[len(name) : len(name) + 1] == "-" and _is_named(stem[: len(name)], name):
        version = parse_version(stem[len(name) + 1 :])
        if version is not None:
            return version
    for position in (match.start() for match in re.finditer("-", stem)):
        if canonicalize_name(stem[:position]) == name:
            return parse_version(stem[position + 1 :])
    return None


def _bits(flags: Iterable[bool]) -> int:
    return sum(1 << index for index, flag in enumerate(flags) if flag)
