"""Stage: a wheel laid out as the environment will have it, where nobody can see it yet.

A staged tree has one folder for each of the scheme's folders that the wheel puts something into,
and one for its dist-info, which is grafted last. It lies on the environment's mount, so that all
of it can be published by rename.

It is made in two steps: `prepare` does what is the same for many environments, ahead of time or
not, and `complete` adds what is this one's own.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from linkd.core.bytecode import StoredBytecode
from linkd.core.installed import RecordRow
from linkd.core.manifest import Manifest
from linkd.core.receipt import LinkMode
from linkd.core.record import format_record
from linkd.core.scripts import launcher_script, rewrite_shebang
from linkd.core.target import SchemeKey, Target
from linkd.core.wheel import StoredWheel
from linkd.errors import NoSpace, is_no_space
from linkd.link.beneath import open_folder
from linkd.link.blueprint import (
    DIST_INFO,
    INSTALLER,
    Batch,
    Blueprint,
    Shape,
    recorded_path,
    row_of,
)
from linkd.link.constants import Constants, write_file
from linkd.link.footprint import Roots
from linkd.link.modes import Damaged, Placer, damage


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What the installer adds to dist-info (recording installed projects; PEP 610)."""

    requested: bool
    direct_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedTree:
    """A wheel ready to be grafted."""

    path: str
    """Absolute path of the folder that holds the parts."""
    manifest: Manifest
    mode: LinkMode
    links: int
    """Files of the wheel that came from the store by the mode."""
    prestaged: bool = False
    """It was there before it was asked for."""
    bytecode: str | None = None
    """The cache tag of the bytecode in it."""

    @property
    def parts(self) -> tuple[SchemeKey, ...]:
        """Names of its folders but dist-info."""
        return self.manifest.parts

    @property
    def dist_info_scheme(self) -> SchemeKey:
        return self.manifest.root_scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """How trees are made on one mount."""

    mode: LinkMode
    constants: Constants


class BytecodeDamaged(Exception):
    """Bytecode of the store is not as it was made."""


def prepare(
    wheel: StoredWheel,
    shape: Shape,
    where: str,
    *,
    staging: Staging,
    bytecode: StoredBytecode | None = None,
) -> None:
    """Make what any environment of this shape would have, in the new folder `where`.

    Raises BrokenWheel, before anything is made, where two of its files would come to one path
    here; WheelDamaged where a file of the store is not what was unpacked; BytecodeDamaged; NoSpace;
    any other OSError of the file system as it is. What was made until then lies below `where`, for
    the caller to discard.
    """
    blueprint = Blueprint(wheel.manifest, shape, bytecode)
    blueprint.check()
    with _translated(where, wheel.manifest.filename), _missing_told(blueprint, wheel):
        os.mkdir(where, 0o700)
        with open_folder(where) as stage_fd, open_folder(wheel.tree) as tree_fd:
            for folder in blueprint.folders:
                os.mkdir(folder, 0o755, dir_fd=stage_fd)
            _place(wheel, blueprint.batches, Placer(staging.mode, tree_fd, stage_fd))
            if bytecode is not None:
                _place_bytecode(bytecode, blueprint.compiled, staging.mode, stage_fd)
            _add_constants(blueprint, stage_fd, staging)
            for path in blueprint.own_files:
                write_file(stage_fd, path, b"", 0o755)


def complete(
    wheel: StoredWheel,
    target: Target,
    where: str,
    *,
    staging: Staging,
    marks: Marks,
    prestaged: bool = False,
    bytecode: str | None = None,
) -> StagedTree:
    """Add what only this environment and this request have to a tree that was prepared for them.

    Raises NoSpace, and any other OSError as it is.
    """
    manifest = wheel.manifest
    with _translated(where, manifest.filename):
        rows = [*_write_own(wheel, target, where)]
        if marks.direct_url is not None:
            content = marks.direct_url.encode()
            with open_folder(f"{where}/{DIST_INFO}/{manifest.dist_info}") as folder_fd:
                write_file(folder_fd, "direct_url.json", content)
            rows.append(row_of(f"{manifest.dist_info}/direct_url.json", content))
        if rows:
            _record(f"{where}/{DIST_INFO}/{manifest.dist_info}", rows)
    return StagedTree(
        path=where,
        manifest=manifest,
        mode=staging.mode,
        links=manifest.linked,
        prestaged=prestaged,
        bytecode=bytecode,
    )


def stage_one(wheel: StoredWheel, path: str, where: str, *, target: Target, mode: LinkMode) -> None:
    """Stage the single file of a wheel that belongs at `path` below the prefix, as `where`."""
    folder, name = os.path.split(where)
    roots = Roots.of(target)
    with open_folder(wheel.tree) as tree_fd, open_folder(folder) as stage_fd:
        for own in _own_files(wheel, target):
            if roots[own.scheme] + own.destination == path:
                write_file(stage_fd, name, own.content, 0o755)
                return
        file = next(
            file
            for file in wheel.manifest.payload()
            if roots[file.scheme] + file.destination == path
        )
        Placer(mode, tree_fd, stage_fd).place(file.source, name)


@dataclass(frozen=True, slots=True)
class _OwnFile:
    """What names the environment's interpreter."""

    scheme: SchemeKey
    destination: str
    content: bytes


def _own_files(wheel: StoredWheel, target: Target) -> Iterator[_OwnFile]:
    python = str(target.python)
    for launcher in wheel.manifest.launchers:
        yield _OwnFile(SchemeKey.SCRIPTS, launcher.name, launcher_script(launcher, python))
    for file in wheel.manifest.rewritten:
        # `#!python` becomes the environment's interpreter (binary distribution format).
        with open(os.path.join(wheel.tree, file.source), "rb") as script:
            content = rewrite_shebang(script.read(), python)
        yield _OwnFile(file.scheme, file.destination, content)


def _write_own(wheel: StoredWheel, target: Target, where: str) -> Iterator[RecordRow]:
    """Fill the files that were prepared empty; the rows that RECORD lacks."""
    manifest = wheel.manifest
    if not manifest.launchers and not manifest.rewritten:
        return
    roots = Roots.of(target)
    for own in _own_files(wheel, target):
        with open(f"{where}/{own.scheme.value}/{own.destination}", "r+b") as file:
            file.write(own.content)
        recorded = recorded_path(manifest, roots, own.scheme, own.destination)
        yield row_of(recorded, own.content)


def _place(wheel: StoredWheel, batches: Iterable[Batch], placer: Placer) -> None:
    for batch in batches:
        try:
            placer.place_all(batch)
        except Damaged as error:
            raise damage(wheel, os.path.join(wheel.tree, str(error))) from error


def _place_bytecode(
    bytecode: StoredBytecode, batches: Iterable[Batch], mode: LinkMode, stage_fd: int
) -> None:
    try:
        with open_folder(bytecode.tree) as tree_fd:
            placer = Placer(mode, tree_fd, stage_fd)
            for batch in batches:
                placer.place_all(batch)
    except (Damaged, FileNotFoundError) as error:
        raise BytecodeDamaged from error


def _add_constants(blueprint: Blueprint, stage_fd: int, staging: Staging) -> None:
    folder, mode = blueprint.dist_info, staging.mode
    place = staging.constants.place
    place("INSTALLER", lambda: INSTALLER, stage_fd, f"{folder}/INSTALLER", mode)
    if blueprint.shape.requested:
        place("REQUESTED", bytes, stage_fd, f"{folder}/REQUESTED", mode)
    if blueprint.own_files:
        write_file(stage_fd, f"{folder}/RECORD", blueprint.record())
    else:
        place(blueprint.record_name, blueprint.record, stage_fd, f"{folder}/RECORD", mode)


def _record(dist_info: str, rows: Iterable[RecordRow]) -> None:
    """Append to RECORD; to a copy of it where others have it too."""
    path = f"{dist_info}/RECORD"
    more = format_record(rows).encode()
    with open(path, "r+b") as record:
        if os.fstat(record.fileno()).st_nlink == 1:
            record.seek(0, os.SEEK_END)
            record.write(more)
            return
        text = record.read()
    os.unlink(path)
    with open_folder(dist_info) as folder_fd:
        write_file(folder_fd, "RECORD", text + more)


@contextlib.contextmanager
def _missing_told(blueprint: Blueprint, wheel: StoredWheel) -> Iterator[None]:
    """A file that is gone from the store is damage, as one that was changed there."""
    try:
        yield
    except FileNotFoundError as error:
        sources = (file.source for batch in blueprint.batches for file in batch.files)
        for path in (os.path.join(wheel.tree, source) for source in sources):
            if not os.path.lexists(path):
                raise damage(wheel, path) from error
        raise


@contextlib.contextmanager
def _translated(where: str, filename: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_no_space(error):
            raise NoSpace(path=where, doing=f"staging {filename}") from error
        raise
