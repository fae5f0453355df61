"""Makes a sealed entry of a wheel's archive: unpacked, checked against RECORD, then published.

Members are unpacked by several threads, each of them streamed, so that a wheel of any size takes
the memory of a few chunks.
"""

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Final

from isal import isal_zlib

from linkd.core.manifest import Manifest, ManifestFile
from linkd.core.progress import Phase, Progress, Reporter, Silent
from linkd.core.record import encode_digest
from linkd.core.target import SchemeKey
from linkd.errors import BrokenWheel, RecordMismatch
from linkd.store.archive import CHUNK_SIZE, WheelArchive, open_archive
from linkd.store.contents import Contents, PlannedFile, read_contents
from linkd.store.durability import mark_unsynced
from linkd.store.entry import publish, write_manifest
from linkd.store.faults import translated
from linkd.store.findings import Findings
from linkd.store.layout import Layout, tree_of
from linkd.store.names import folders
from linkd.store.workspace import workspace

THREADS: Final = min(4, os.cpu_count() or 1)
"""Inflating and hashing leave Python's lock; more threads than processors gain nothing."""
_FOLDER_MODE: Final = 0o755
"""Whatever the umask is."""
_PYTHON: Final = b"#!python"
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Stopped(Exception):  # it is not an error: whoever set `stop` wants it
    """The work was given up because its `stop` was set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An archive that has come, its hash already computed."""

    path: str
    filename: str
    sha256: str
    unchanged: Callable[[], bool] = lambda: True
    """Asked before publishing: whether it is still the file whose hash that is."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Who unpacks: the calling thread, and as many of the executor's as are free at once."""

    executor: Executor
    threads: int = THREADS


def ingest(
    arrival: Arrival,
    layout: Layout,
    crew: Crew,
    reporter: Reporter | None = None,
    stop: threading.Event | None = None,
) -> Manifest:
    """Unpack, check and publish. Blocks; may run in a thread of the crew's own executor.

    Whatever happens, nothing stays in ``incoming/``; the archive itself is left alone.

    Raises:
        BrokenWheel: with everything that is wrong.
        UnsafeWheel: with everything that is wrong.
        NoSpace: the cache's file system is full.
        CacheUnusable: any other trouble with it.
        Stopped: `stop` was set from outside.
    """
    doing = f"unpacking {arrival.filename}"
    with (
        translated(str(layout.root), doing),
        open_archive(arrival.path, arrival.filename) as archive,
    ):
        contents = read_contents(archive)
        with workspace(layout.incoming) as folder:
            os.mkdir(tree_of(folder))
            tree = os.open(tree_of(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                _make_folders(tree, contents)
                unpacking = _Unpacking(
                    archive=archive,
                    tree=tree,
                    jobs=deque(_largest_first(contents)),
                    tally=_Tally(arrival.filename, contents, reporter or Silent()),
                    stop=stop or threading.Event(),
                )
                files = unpacking.run(crew)
            finally:
                os.close(tree)
            manifest = _manifest(arrival, contents, files)
            write_manifest(folder, manifest)
            os.chmod(folder, _FOLDER_MODE)
            if not arrival.unchanged():
                raise archive.broken("it was changed while it was read")
            mark_unsynced(layout, arrival.sha256)
            publish(layout, arrival.sha256, folder)
    return manifest


def _largest_first(contents: Contents) -> list[PlannedFile]:
    """So that no thread begins the largest when the others are done."""
    return sorted(contents.files, key=lambda file: file.member.compressed_size, reverse=True)


def _make_folders(tree: int, contents: Contents) -> None:
    os.fchmod(tree, _FOLDER_MODE)
    for folder in sorted(folders([file.member.name for file in contents.files])):
        os.mkdir(folder, dir_fd=tree)
        os.chmod(folder, _FOLDER_MODE, dir_fd=tree)


def _manifest(arrival: Arrival, contents: Contents, files: dict[str, ManifestFile]) -> Manifest:
    return Manifest(
        sha256=arrival.sha256,
        filename=arrival.filename,
        name=contents.name,
        version=contents.version,
        dist_info=contents.dist_info,
        root_scheme=contents.root_scheme,
        files=tuple(files[file.member.name] for file in contents.files),
        launchers=contents.launchers,
    )


class _Tally:
    """Bytes done, by all threads together; tells of every chunk's worth."""

    def __init__(self, subject: str, contents: Contents, reporter: Reporter) -> None:
        self._subject = subject
        self._total = sum(file.member.size for file in contents.files)
        self._reporter = reporter
        self._lock = threading.Lock()
        self._done = 0
        self._told = -CHUNK_SIZE

    def add(self, size: int) -> None:
        with self._lock:
            self._done += size
            done = self._done
            if done - self._told < CHUNK_SIZE and done != self._total:
                return
            self._told = done
        self._reporter.report(Progress(Phase.UNPACK, self._subject, done, self._total))


@dataclass(slots=True, kw_only=True)
class _Unpacking:
    """The members of one archive on their way into a tree."""

    archive: WheelArchive
    tree: int
    jobs: deque[PlannedFile]
    tally: _Tally
    stop: threading.Event
    files: dict[str, ManifestFile] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)

    def run(self, crew: Crew) -> dict[str, ManifestFile]:
        """Unpack all. This thread works too, so it never waits for helpers that cannot start."""
        wanted = min(crew.threads, len(self.jobs)) - 1
        helpers = [crew.executor.submit(self._work) for _ in range(wanted)]
        try:
            self._work()
        finally:
            started = [helper for helper in helpers if not helper.cancel()]
            errors = [helper.exception() for helper in started]
        for error in errors:
            if error is not None:
                raise error
        if self.stop.is_set():
            raise Stopped
        self.findings.raise_for(self.archive.filename)
        return self.files

    def _work(self) -> None:
        """Take jobs until there are none. A broken member does not keep the others from being seen."""
        while self.jobs and not self.stop.is_set():
            try:
                file = self.jobs.popleft()
            except IndexError:  # another thread was quicker
                return
            try:
                self.files[file.member.name] = self._unpack(file)
            except BrokenWheel as error:
                self.findings.take(error)
            except Stopped:
                return
            except BaseException:
                self.stop.set()
                raise

    def _unpack(self, file: PlannedFile) -> ManifestFile:
        member = file.member
        executable = member.executable or file.scheme is SchemeKey.SCRIPTS
        descriptor = os.open(member.name, _CREATE, 0o600, dir_fd=self.tree)
        try:
            sha256, first = self._stream(file, descriptor)
            os.fchmod(descriptor, 0o755 if executable else 0o644)
            os.utime(descriptor, ns=(member.mtime_ns, member.mtime_ns))
        finally:
            os.close(descriptor)
        return ManifestFile(
            source=member.name,
            scheme=file.scheme,
            destination=file.destination,
            size=member.size,
            sha256=sha256,
            mtime_ns=member.mtime_ns,
            executable=executable,
            python_script=file.scheme is SchemeKey.SCRIPTS and first.startswith(_PYTHON),
        )

    def _stream(self, file: PlannedFile, descriptor: int) -> tuple[str, bytes]:
        """Write a member's content; its sha256 and its first bytes."""
        member = file.member
        sha256 = hashlib.sha256()
        promised = sha256 if file.algorithm == "sha256" else hashlib.new(file.algorithm)
        crc = 0
        first = b""
        for chunk in self.archive.chunks(member):
            if self.stop.is_set():
                raise Stopped
            first = first or chunk[: len(_PYTHON)]
            sha256.update(chunk)
            if promised is not sha256:
                promised.update(chunk)
            crc = isal_zlib.crc32(chunk, crc)
            _write(descriptor, chunk)
            self.tally.add(len(chunk))
        if crc != member.crc:
            raise self.archive.broken(f"{member.name!r} has another checksum than declared")
        if encode_digest(promised.digest()) != file.digest:
            reason = f"{member.name!r} is not what RECORD's hash says"
            raise RecordMismatch(filename=self.archive.filename, reasons=(reason,))
        return encode_digest(sha256.digest()), first


def _write(descriptor: int, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[os.write(descriptor, left) :]
