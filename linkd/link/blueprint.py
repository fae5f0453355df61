"""What the staged tree of a wheel looks like, in all environments that are laid out alike.

Of a staged tree most is the same wherever it goes: its folders, its links, and nearly all of RECORD.
Only what names the environment's interpreter or the request is its own, and is added when it is
known where the tree goes (`stage.complete`). So a tree can be made before anybody asks for it.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

from linkd.core.bytecode import StoredBytecode
from linkd.core.installed import RecordRow
from linkd.core.manifest import INSTALLERS_OWN, Manifest, ManifestFile
from linkd.core.record import encode_digest, format_record
from linkd.core.target import SchemeKey, Target
from linkd.errors import BrokenWheel
from linkd.link.footprint import Roots

DIST_INFO: Final = "dist-info"
"""The staged folder that holds the dist-info folder."""

INSTALLER: Final = b"linkd\n"

_MAX_REASONS: Final = 20
"""As many of a wheel's faults as somebody may want to read."""


@dataclass(frozen=True)
class Shape:
    """What a prepared tree depends on besides its wheel."""

    roots: Roots
    python: str
    """Version of the environment's interpreter, such as ``3.12``: a few launchers are named by it."""
    requested: bool
    """Whether it has REQUESTED."""
    bytecode: str | None = None
    """The cache tag of the bytecode that it has, if it has any."""

    @classmethod
    def of(cls, target: Target, *, requested: bool) -> "Shape":
        return cls(Roots.of(target), target.interpreter.markers["python_version"], requested)

    @cached_property
    def digest(self) -> str:
        """Names the shape; for names of files."""
        parts = (self.python, self.requested, self.bytecode, sorted(self.roots.by_key.items()))
        return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Batch:
    """Files that go from one folder of the store into one folder of the staged tree."""

    source: str
    """Relative to the tree of the wheel or of its bytecode; empty for the tree itself."""
    staged: str
    """Relative to the staged tree."""
    files: tuple[ManifestFile, ...]


@dataclass(frozen=True)
class Blueprint:
    """One wheel's tree in one shape."""

    manifest: Manifest
    shape: Shape
    bytecode: StoredBytecode | None = None
    """That of the shape, if it has any."""

    def check(self) -> None:
        """Raises BrokenWheel where two of the wheel's files come to one path.

        Only where the schemes' folders lie tells of some: one alone could be grafted, and RECORD
        would have two rows for it.
        """
        manifest, roots = self.manifest, self.shape.roots
        if _are_apart([roots[part] for part in {*manifest.parts, manifest.root_scheme}]):
            return
        site = roots[manifest.root_scheme]
        sources = {f"{site}{manifest.dist_info}/{name}": name for name in INSTALLERS_OWN}
        for launcher in manifest.launchers:
            sources[roots[SchemeKey.SCRIPTS] + launcher.name] = f"the launcher {launcher.name}"
        reasons: list[str] = []
        for file in self.manifest.taken_over():
            path = roots[file.scheme] + file.destination
            other = sources.setdefault(path, file.source)
            if other != file.source:
                reasons.append(f"{other} and {file.source} both come to {path}")
        if reasons:
            raise BrokenWheel(filename=manifest.filename, reasons=tuple(reasons[:_MAX_REASONS]))

    @property
    def dist_info(self) -> str:
        """The dist-info folder in the staged tree."""
        return f"{DIST_INFO}/{self.manifest.dist_info}"

    @cached_property
    def batches(self) -> tuple[Batch, ...]:
        """The files that are the same everywhere."""
        return self._batches(file for file in self.manifest.taken_over() if not file.python_script)

    @cached_property
    def compiled(self) -> tuple[Batch, ...]:
        """The bytecode, which lies beside the sources (PEP 3147)."""
        return self._batches(self.bytecode.manifest.files if self.bytecode is not None else ())

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """All folders of the staged tree, each after the one that it is in."""
        innermost = {batch.staged for batch in (*self.batches, *self.compiled)} | {self.dist_info}
        innermost.update(self._staged(file).rpartition("/")[0] for file in self.manifest.rewritten)
        innermost.update(part.value for part in self.manifest.parts)
        return tuple(sorted({above for folder in innermost for above in _ancestry(folder)}))

    def record(self) -> bytes:
        """RECORD without the rows of what is written for each environment."""
        manifest, inside = self.manifest, self.manifest.dist_info
        rows = [
            RecordRow(
                path=recorded_path(manifest, self.shape.roots, file.scheme, file.destination),
                sha256=file.sha256,
                size=file.size,
            )
            for batch in self.batches
            for file in batch.files
        ]
        # As pip has it: an interpreter may replace its bytecode whenever it likes.
        rows += [RecordRow(path=path) for path in self._recorded_bytecode()]
        rows.append(row_of(f"{inside}/INSTALLER", INSTALLER))
        if self.shape.requested:
            rows.append(row_of(f"{inside}/REQUESTED", b""))
        rows.append(RecordRow(path=f"{inside}/RECORD"))
        return format_record(sorted(rows, key=lambda row: row.path)).encode()

    @cached_property
    def record_name(self) -> str:
        """Names what RECORD has, which is the same for one wheel and shape, but for what compiled."""
        name = f"RECORD-{self.manifest.sha256}-{self.shape.digest}"
        if self.bytecode is None:
            return name
        compiled = "\n".join(self._recorded_bytecode())
        return f"{name}-{hashlib.sha256(compiled.encode()).hexdigest()[:12]}"

    @cached_property
    def own_files(self) -> tuple[str, ...]:
        """The staged paths of what is written for each environment."""
        scripts = SchemeKey.SCRIPTS.value
        return (
            *(f"{scripts}/{launcher.name}" for launcher in self.manifest.launchers),
            *map(self._staged, self.manifest.rewritten),
        )

    def _batches(self, files: Iterable[ManifestFile]) -> tuple[Batch, ...]:
        """By folder: all files of one in the store go into one, which is worked out only once."""
        by_folder: defaultdict[str, list[ManifestFile]] = defaultdict(list)
        for file in files:
            by_folder[file.source.rpartition("/")[0]].append(file)
        return tuple(
            Batch(source, self._staged(together[0]).rpartition("/")[0], tuple(together))
            for source, together in by_folder.items()
        )

    def _recorded_bytecode(self) -> Iterator[str]:
        for batch in self.compiled:
            for file in batch.files:
                yield recorded_path(self.manifest, self.shape.roots, file.scheme, file.destination)

    def _staged(self, file: ManifestFile) -> str:
        manifest = self.manifest
        in_dist_info = file.destination.startswith(f"{manifest.dist_info}/")
        if in_dist_info and file.scheme is manifest.root_scheme:
            return f"{DIST_INFO}/{file.destination}"
        return f"{file.scheme.value}/{file.destination}"


def recorded_path(manifest: Manifest, roots: Roots, scheme: SchemeKey, destination: str) -> str:
    """A path below a scheme's folder as RECORD has it."""
    if roots[scheme] == roots[manifest.root_scheme]:
        return destination
    return os.path.relpath(f"/{roots[scheme]}{destination}", f"/{roots[manifest.root_scheme]}")


def row_of(path: str, content: bytes) -> RecordRow:
    """The row of a file that is written."""
    digest = encode_digest(hashlib.sha256(content).digest())
    return RecordRow(path=path, sha256=digest, size=len(content))


def _are_apart(folders: Sequence[str]) -> bool:
    """Whether none of the folders, which end in a slash, is another one or below it."""
    ordered = sorted(folders)
    return not any(lower.startswith(upper) for upper, lower in pairwise(ordered))


def _ancestry(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
