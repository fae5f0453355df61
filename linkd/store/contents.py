"""Reads what a wheel's archive holds and where each file belongs (binary distribution format).

Reads the four small files of dist-info; that the others are what RECORD says is seen when they
are unpacked.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import Final

from packaging.metadata import parse_email
from packaging.utils import (
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from linkd.core.entry_points import is_environments_own, parse_entry_points, script_name_problem
from linkd.core.manifest import Launcher
from linkd.core.record import RecordHash, parse_record_hashes
from linkd.core.target import SchemeKey
from linkd.errors import (
    BrokenWheel,
    DistInfoIncomplete,
    InvalidWheelName,
    NoDistInfo,
    RecordMismatch,
    RecordMissing,
    SeveralDistInfos,
    UnsafeWheel,
    UnsupportedWheelVersion,
    WheelMisnamed,
)
from linkd.store.archive import Member, WheelArchive
from linkd.store.findings import Findings
from linkd.store.names import folders, name_problem

ALGORITHMS: Final = ("sha256", "sha384", "sha512")
"""The hash algorithm must be sha256 or better."""

_SIGNATURES: Final = ("RECORD.jws", "RECORD.p7s")
_LIBRARIES: Final = (SchemeKey.PURELIB, SchemeKey.PLATLIB)
_METADATA: Final = re.compile(r".*\.(?:dist|egg)-info", re.IGNORECASE | re.DOTALL)
_METADATA_BELOW: Final = re.compile(
    r"lib[^/]*/(?:[^/]+/)?(?:site|dist)-packages/[^/]+\.(?:dist|egg)-info(?:/.*)?",
    re.IGNORECASE | re.DOTALL,
)
"""The same below an environment's prefix, whatever its interpreter."""
_LISTS: Final = "would list another distribution as installed"
_SCHEMES: Final = {key.value: key for key in SchemeKey}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """A member, where it goes, and what RECORD promises of it."""

    member: Member
    scheme: SchemeKey
    destination: str
    algorithm: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A wheel as its own files describe it."""

    name: NormalizedName
    version: str
    dist_info: str
    root_scheme: SchemeKey
    files: tuple[PlannedFile, ...]
    launchers: tuple[Launcher, ...]


def read_contents(archive: WheelArchive) -> Contents:
    """Raises BrokenWheel or UnsafeWheel with everything that is wrong."""
    reading = _Reading(archive)
    contents = reading.contents()
    reading.findings.raise_for(archive.filename)
    if contents is None:
        raise AssertionError("nothing was read and nothing was found wrong")
    return contents


class _Reading:
    """One wheel being read: what is wrong is collected, and reading goes on where it can."""

    def __init__(self, archive: WheelArchive) -> None:
        self.findings = Findings()
        self._archive = archive
        self._members = {member.name: member for member in archive.members}
        self._dist_info = self._find_dist_info()

    def contents(self) -> Contents | None:
        if not self._dist_info:
            return None
        name, version = self._identity()
        root_scheme = self._root_scheme()
        launchers = self._launchers()
        return Contents(
            name=name,
            version=version,
            dist_info=self._dist_info,
            root_scheme=root_scheme,
            files=self._files(root_scheme),
            launchers=launchers,
        )

    def _find_dist_info(self) -> str:
        found = sorted(
            {
                folder
                for folder, slash, _ in (name.partition("/") for name in self._members)
                if slash and folder.endswith(".dist-info")
            }
        )
        if len(found) == 1:
            return found[0]
        if found:
            reason = f"it has several dist-info folders: {', '.join(found)}"
            self.findings.add(SeveralDistInfos, reason)
        else:
            self.findings.add(NoDistInfo, "it has no dist-info folder")
        return ""

    def _identity(self) -> tuple[NormalizedName, str]:
        """Name and version stand in three places, which must agree."""
        try:
            name, version, _, _ = parse_wheel_filename(self._archive.filename)
        except InvalidWheelFilename:
            self.findings.add(InvalidWheelName, "its file name is none of a wheel")
            return NormalizedName(""), ""
        stem_name, _, stem_version = self._dist_info.removesuffix(".dist-info").partition("-")
        self._compare("dist-info", stem_name, stem_version, (name, version))
        content = self._read("METADATA")
        if content is not None:
            raw, _ = parse_email(content)
            self._compare("METADATA", raw.get("name", ""), raw.get("version", ""), (name, version))
        return name, str(version)

    def _compare(
        self, place: str, name: str, version: str, wanted: tuple[NormalizedName, Version]
    ) -> None:
        try:
            same = (canonicalize_name(name), Version(version)) == wanted
        except InvalidVersion:
            same = False
        if not same:
            found = f"its {place} is of {name} {version}".rstrip()
            self.findings.add(WheelMisnamed, f"{found}, not its file name's")

    def _root_scheme(self) -> SchemeKey:
        content = self._read("WHEEL")
        fields = HeaderParser().parsestr((content or b"").decode("utf-8", "replace"))
        major = fields.get("Wheel-Version", "").strip().partition(".")[0]
        if content is not None and major != "1":
            # "... if the major version is greater, the installer must refuse the wheel."
            reason = f"its Wheel-Version is {fields.get('Wheel-Version')!r}, not 1.x"
            self.findings.add(UnsupportedWheelVersion, reason)
        pure = fields.get("Root-Is-Purelib", "").strip().lower() == "true"
        return SchemeKey.PURELIB if pure else SchemeKey.PLATLIB

    def _launchers(self) -> tuple[Launcher, ...]:
        if f"{self._dist_info}/entry_points.txt" not in self._members:
            return ()
        content = self._read("entry_points.txt")
        try:
            return parse_entry_points((content or b"").decode("utf-8-sig"))
        except ValueError as error:
            self.findings.add(BrokenWheel, f"its entry_points.txt: {error}")
            return ()

    def _files(self, root_scheme: SchemeKey) -> tuple[PlannedFile, ...]:
        rows = self._record()
        unlisted = {f"{self._dist_info}/{name}" for name in ("RECORD", *_SIGNATURES)}
        planned: list[PlannedFile] = []
        for member in self._members.values():
            if member.name in unlisted:
                continue
            scheme, destination, problem = self._route(member.name, root_scheme)
            if problem is not None:
                self.findings.add(UnsafeWheel, f"{member.name!r} {problem}")
            algorithm, digest = self._promised(member, rows)
            planned.append(
                PlannedFile(
                    member=member,
                    scheme=scheme,
                    destination=destination,
                    algorithm=algorithm,
                    digest=digest,
                )
            )
        self._check_rows([path for path in rows or () if path not in self._members])
        self._check_destinations(planned)
        return tuple(sorted(planned, key=lambda file: (file.scheme, file.destination)))

    def _record(self) -> Mapping[str, RecordHash] | None:
        content = self._read("RECORD")
        if content is None:
            return None
        try:
            rows = parse_record_hashes(content.decode())
        except ValueError as error:
            self._mismatch(f"its RECORD cannot be read: {error}")
            return None
        return {row.path: row for row in rows}

    def _promised(self, member: Member, rows: Mapping[str, RecordHash] | None) -> tuple[str, str]:
        """Algorithm and digest that RECORD gives for a member; every member must have them."""
        if rows is None:
            return "", ""
        row = rows.get(member.name)
        if row is None:
            self._mismatch(f"{member.name!r} is not in RECORD")
            return "", ""
        if row.size is not None and row.size != member.size:
            self._mismatch(f"{member.name!r} has {member.size} bytes, {row.size} in RECORD")
        if row.algorithm is None or row.digest is None:
            self._mismatch(f"{member.name!r} has no hash in RECORD")
            return "", ""
        if row.algorithm not in ALGORITHMS:
            self._mismatch(f"{member.name!r} has only a {row.algorithm} hash in RECORD")
        return row.algorithm, row.digest

    def _check_rows(self, absent: list[str]) -> None:
        unlisted = {f"{self._dist_info}/{name}" for name in ("RECORD", *_SIGNATURES)}
        for path in absent:
            problem = name_problem(path)
            if problem is not None:
                self.findings.add(problem.error, f"RECORD lists {path!r}, which {problem.text}")
            elif path not in unlisted:
                self._mismatch(f"RECORD lists {path!r}, which is not there")

    def _route(self, name: str, root_scheme: SchemeKey) -> tuple[SchemeKey, str, str | None]:
        """Where a member goes, and why it must not, if so.

        "Each subtree of distribution-1.0.data/ is moved onto its destination path."
        """
        stem = self._dist_info.removesuffix(".dist-info")
        folder, _, rest = name.partition("/")
        if folder != f"{stem}.data":
            return root_scheme, name, self._listing_problem(root_scheme, name, root_scheme)
        key, _, destination = rest.partition("/")
        scheme = _SCHEMES.get(key)
        if scheme is None or not destination:
            return root_scheme, name, "is in no known scheme"
        problem = None
        if scheme is SchemeKey.HEADERS:
            destination = f"{stem.partition('-')[0]}/{destination}"
        elif scheme is SchemeKey.SCRIPTS:
            problem = script_name_problem(destination)
        elif scheme is SchemeKey.DATA:
            problem = _data_problem(destination)
        else:
            problem = self._listing_problem(scheme, destination, root_scheme)
        return scheme, destination, problem

    def _listing_problem(
        self, scheme: SchemeKey, destination: str, root_scheme: SchemeKey
    ) -> str | None:
        """A folder of metadata lists a distribution: a wheel has one, of its own name, at its root."""
        head = destination.partition("/")[0]
        is_own = head == self._dist_info and scheme is root_scheme
        return None if is_own or _METADATA.fullmatch(head) is None else _LISTS

    def _check_destinations(self, planned: list[PlannedFile]) -> None:
        """Two members must not want one place; purelib and platlib are one in most environments."""
        taken: dict[SchemeKey, set[str]] = {key: set() for key in SchemeKey}
        taken[SchemeKey.PURELIB].add(f"{self._dist_info}/RECORD")
        for file in planned:
            scheme: SchemeKey = SchemeKey.PURELIB if file.scheme in _LIBRARIES else file.scheme
            if file.destination in taken[scheme]:
                self.findings.add(UnsafeWheel, f"{file.member.name!r} takes another file's place")
            taken[scheme].add(file.destination)
        for scheme, destinations in taken.items():
            for destination in sorted(destinations & folders(destinations)):
                reason = f"{destination!r} is both a file and a folder of {scheme}"
                self.findings.add(UnsafeWheel, reason)

    def _read(self, name: str) -> bytes | None:
        """A file of dist-info; that it is missing or damaged is noted."""
        member = self._members.get(f"{self._dist_info}/{name}")
        if member is None:
            kind = RecordMissing if name == "RECORD" else DistInfoIncomplete
            self.findings.add(kind, f"it has no {name}")
            return None
        try:
            return self._archive.read(member)
        except BrokenWheel as error:
            self.findings.take(error)
            return None

    def _mismatch(self, reason: str) -> None:
        self.findings.add(RecordMismatch, reason)


def _data_problem(destination: str) -> str | None:
    """The data scheme's root is the environment's own folder: its interpreter lies there too."""
    if is_environments_own(destination, "bin/"):
        return "would take the place of the environment's own file"
    if _METADATA_BELOW.fullmatch(destination) is not None:
        return _LISTS
    folder, _, name = destination.partition("/")
    return script_name_problem(name) if folder == "bin" and "/" not in name else None
