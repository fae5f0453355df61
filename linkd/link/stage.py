"""Stage: a wheel laid out as the environment will have it, where nobody can see it yet.

A staged tree has one folder for each of the scheme's folders that the wheel puts something into,
and one for its dist-info, which is grafted last. It lies on the environment's mount, so that all
of it can be published by rename.
"""

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from linkd.core.installed import RecordRow
from linkd.core.manifest import Launcher, Manifest, ManifestFile
from linkd.core.receipt import LinkMode
from linkd.core.record import format_record
from linkd.core.scripts import launcher_script, rewrite_shebang
from linkd.core.target import SchemeKey, Target
from linkd.core.wheel import StoredWheel
from linkd.errors import BrokenWheel, NoSpace, is_no_space
from linkd.link.footprint import Roots
from linkd.link.modes import Placer

DIST_INFO: Final = "dist-info"
"""The staged folder that holds the dist-info folder."""

_MAX_REASONS: Final = 20
"""As many of a wheel's faults as somebody may want to read."""

_INSTALLERS_OWN: Final = ("INSTALLER", "REQUESTED", "direct_url.json", "RECORD")
"""What only the installer may write into dist-info, whatever the wheel contains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What the installer adds to dist-info (recording installed projects; PEP 610)."""

    requested: bool
    direct_url: str | None = None
    installer: str = "linkd"


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedTree:
    """A wheel ready to be grafted."""

    path: str
    """Absolute path of the folder that holds the parts."""
    manifest: Manifest
    parts: tuple[str, ...]
    """Names of its folders but dist-info; each is a `SchemeKey`."""
    mode: LinkMode
    links: int
    """Files that came from the store by the mode."""
    written: int
    """Bytes written anew: launchers, rewritten scripts, dist-info; in a copy, everything."""

    @property
    def dist_info_scheme(self) -> SchemeKey:
        return self.manifest.root_scheme


@dataclass(slots=True)
class _Build:
    """The work on one staged tree."""

    stage_fd: int
    target: Target
    manifest: Manifest
    roots: Roots
    rows: list[RecordRow] = field(default_factory=list)
    written: int = 0

    def write(self, staged: str, content: bytes, *, recorded: str, executable: bool) -> None:
        """Write a file of this environment's own and record it."""
        mode = 0o755 if executable else 0o644
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        with open(os.open(staged, flags, mode, dir_fd=self.stage_fd), "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
        self.written += len(content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        self.rows.append(RecordRow(path=recorded, sha256=digest, size=len(content)))

    def recorded(self, scheme: SchemeKey, destination: str) -> str:
        """The path as RECORD has it: relative to the folder that holds dist-info."""
        if self.same_folder(scheme, self.manifest.root_scheme):
            return destination
        site = self.target.scheme[self.manifest.root_scheme]
        path = os.path.join(self.target.scheme[scheme], destination)
        return os.path.relpath(path, site)

    def same_folder(self, one: SchemeKey, other: SchemeKey) -> bool:
        return self.roots[one] == self.roots[other]


def stage(
    wheel: StoredWheel, target: Target, where: str, *, mode: LinkMode, marks: Marks
) -> StagedTree:
    """Make the staged tree of a wheel in the new folder `where`.

    Raises BrokenWheel, before anything is made, where two of its files would come to one path
    here; NoSpace; any other OSError of the file system as it is. What was made until then lies
    below `where`, for the caller to discard.
    """
    roots = Roots.of(target)
    _check_destinations(wheel.manifest, roots)
    os.mkdir(where, 0o700)
    stage_fd = os.open(where, os.O_RDONLY | os.O_DIRECTORY)
    try:
        tree_fd = os.open(wheel.tree, os.O_RDONLY | os.O_DIRECTORY)
        try:
            build = _Build(stage_fd, target, wheel.manifest, roots)
            return _stage(build, Placer(mode, tree_fd, stage_fd), wheel, where, marks)
        finally:
            os.close(tree_fd)
    except OSError as error:
        if is_no_space(error):
            raise NoSpace(path=where, doing=f"staging {wheel.manifest.filename}") from error
        raise
    finally:
        os.close(stage_fd)


def stage_one(wheel: StoredWheel, path: str, where: str, *, target: Target, mode: LinkMode) -> None:
    """Stage the single file of a wheel that belongs at `path` below the prefix, as `where`."""
    folder, name = os.path.split(where)
    tree_fd = os.open(wheel.tree, os.O_RDONLY | os.O_DIRECTORY)
    stage_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        build = _Build(stage_fd, target, wheel.manifest, Roots.of(target))
        for launcher in wheel.manifest.launchers:
            if build.roots[SchemeKey.SCRIPTS] + launcher.name == path:
                _write_launcher(build, launcher, name)
                return
        file = next(
            file
            for file in wheel.manifest.payload()
            if build.roots[file.scheme] + file.destination == path
        )
        if file.python_script:
            _rewrite(build, wheel, file, name)
        else:
            Placer(mode, tree_fd, stage_fd).place(file.source, name)
    finally:
        os.close(stage_fd)
        os.close(tree_fd)


def _stage(
    build: _Build, placer: Placer, wheel: StoredWheel, where: str, marks: Marks
) -> StagedTree:
    manifest = wheel.manifest
    placed = [(file, _staged_path(file, manifest)) for file in _taken_over(manifest)]
    _make_folders(build.stage_fd, [path for _, path in placed], manifest)
    copied = 0
    for file, path in placed:
        if file.python_script:
            _rewrite(build, wheel, file, path)
            continue
        placer.place(file.source, path)
        if placer.mode is LinkMode.COPY:
            copied += file.size
        build.rows.append(
            RecordRow(
                path=build.recorded(file.scheme, file.destination),
                sha256=file.sha256,
                size=file.size,
            )
        )
    _write_launchers(build)
    _write_dist_info(build, marks)
    scripts = sum(file.python_script for file, _ in placed)
    return StagedTree(
        path=where,
        manifest=manifest,
        parts=tuple(sorted(_parts(manifest))),
        mode=placer.mode,
        links=len(placed) - scripts,
        written=build.written + copied,
    )


def _check_destinations(manifest: Manifest, roots: Roots) -> None:
    """Refuse two sources of one path; only where the schemes' folders lie tells of some.

    Only one of them could be grafted, and RECORD would have two rows for it.
    """
    site = roots[manifest.root_scheme]
    sources = {f"{site}{manifest.dist_info}/{name}": name for name in _INSTALLERS_OWN}
    for launcher in manifest.launchers:
        sources[roots[SchemeKey.SCRIPTS] + launcher.name] = f"the launcher {launcher.name}"
    reasons: list[str] = []
    for file in _taken_over(manifest):
        path = roots[file.scheme] + file.destination
        other = sources.setdefault(path, file.source)
        if other != file.source:
            reasons.append(f"{other} and {file.source} both come to {path}")
    if reasons:
        raise BrokenWheel(filename=manifest.filename, reasons=tuple(reasons[:_MAX_REASONS]))


def _taken_over(manifest: Manifest) -> Iterator[ManifestFile]:
    """The wheel's files but for those that the installer writes itself."""
    reserved = {(manifest.root_scheme, f"{manifest.dist_info}/{name}") for name in _INSTALLERS_OWN}
    reserved.update((SchemeKey.SCRIPTS, launcher.name) for launcher in manifest.launchers)
    return (file for file in manifest.files if (file.scheme, file.destination) not in reserved)


def _staged_path(file: ManifestFile, manifest: Manifest) -> str:
    if file.scheme is manifest.root_scheme and file.destination.startswith(
        f"{manifest.dist_info}/"
    ):
        return f"{DIST_INFO}/{file.destination}"
    return f"{file.scheme.value}/{file.destination}"


def _parts(manifest: Manifest) -> set[str]:
    parts = {file.scheme.value for file in manifest.payload()}
    return parts | ({SchemeKey.SCRIPTS.value} if manifest.launchers else set())


def _make_folders(stage_fd: int, paths: Iterable[str], manifest: Manifest) -> None:
    folders = {f"{DIST_INFO}/{manifest.dist_info}"} | _parts(manifest)
    folders.update(path.rpartition("/")[0] for path in paths)
    for path in sorted({ancestor for folder in folders for ancestor in _ancestry(folder)}):
        os.mkdir(path, 0o755, dir_fd=stage_fd)


def _ancestry(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _rewrite(build: _Build, wheel: StoredWheel, file: ManifestFile, staged: str) -> None:
    """`#!python` becomes the environment's interpreter (binary distribution format)."""
    with open(os.path.join(wheel.tree, file.source), "rb") as script:
        content = rewrite_shebang(script.read(), str(build.target.python))
    recorded = build.recorded(file.scheme, file.destination)
    build.write(staged, content, recorded=recorded, executable=True)


def _write_launchers(build: _Build) -> None:
    for launcher in build.manifest.launchers:
        _write_launcher(build, launcher, f"{SchemeKey.SCRIPTS.value}/{launcher.name}")


def _write_launcher(build: _Build, launcher: Launcher, staged: str) -> None:
    content = launcher_script(launcher, str(build.target.python))
    recorded = build.recorded(SchemeKey.SCRIPTS, launcher.name)
    build.write(staged, content, recorded=recorded, executable=True)


def _write_dist_info(build: _Build, marks: Marks) -> None:
    folder = build.manifest.dist_info
    contents = {"INSTALLER": f"{marks.installer}\n".encode()}
    if marks.requested:
        contents["REQUESTED"] = b""
    if marks.direct_url is not None:
        contents["direct_url.json"] = marks.direct_url.encode()
    for name, content in contents.items():
        recorded = f"{folder}/{name}"
        build.write(f"{DIST_INFO}/{recorded}", content, recorded=recorded, executable=False)
    rows = [*build.rows, RecordRow(path=f"{folder}/RECORD")]
    record = format_record(sorted(rows, key=lambda row: row.path)).encode()
    build.write(
        f"{DIST_INFO}/{folder}/RECORD", record, recorded=f"{folder}/RECORD", executable=False
    )
