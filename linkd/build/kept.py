"""What came of sources, kept in the cache: by the source's digest, then by the interpreter.

    <cache>/v1/built/ab/<sha256>/archive                    an archive that was downloaded
    <cache>/v1/built/ab/<sha256>/<interpreter>/METADATA     if the metadata was made by itself
    <cache>/v1/built/ab/<sha256>/<interpreter>/<wheel>      and built.json, which names it

A wheel that was built here is only ever for the user who asked: what a source does when it is
built is not what its index promises. One daemon, and so one cache, serves one user alone.
All of it blocks.
"""

import contextlib
import hashlib
import os
import tempfile
from dataclasses import dataclass
from typing import Final

import msgspec

from linkd.build.process import tools_signature
from linkd.core.target import Interpreter
from linkd.core.wheel import DistFile
from linkd.fetch.urls import file_url
from linkd.store.faults import translated
from linkd.store.layout import Layout, is_sha256

_ANSWER: Final = "built.json"
_METADATA: Final = "METADATA"
_LOGS: Final = 50
"""Logs of failed builds that stay; the oldest go."""


class _Answer(msgspec.Struct, frozen=True):
    filename: str
    sha256: str


def interpreter_key(interpreter: Interpreter, *more: object) -> str:
    """Names what a build may depend on besides its source: the interpreter and the compilers.

    And `more`, told by its representation.
    """
    facts = (
        interpreter.executable,
        interpreter.version,
        interpreter.tags[:1],
        tools_signature(),
        *more,
    )
    digest = hashlib.blake2b(repr(facts).encode(), digest_size=8).hexdigest()
    return f"{interpreter.cache_tag}-{digest}"


def combined_digest(*parts: str | None) -> str:
    """The identity of a source that is more than one archive."""
    return hashlib.sha256("\0".join(part or "" for part in parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Shelf:
    """The place of one source and one interpreter."""

    layout: Layout
    source: str
    """A sha256 in hexadecimal."""
    interpreter: str

    @property
    def folder(self) -> str:
        return os.path.join(_folder(self.layout, self.source), self.interpreter)

    def wheel(self) -> DistFile | None:
        """The wheel that was built, with its hash."""
        content = self._read(_ANSWER)
        if content is None:
            return None
        try:
            answer = msgspec.json.decode(content, type=_Answer)
        except msgspec.DecodeError:
            return None
        path = os.path.join(self.folder, os.path.basename(answer.filename))
        if not os.path.isfile(path):
            return None
        return wheel_file(path, answer.sha256)

    def keep_wheel(self, path: str) -> DistFile:
        """Move a built wheel here. Raises StoreError."""
        filename = os.path.basename(path)
        kept = os.path.join(self.folder, filename)
        with translated(str(self.layout.root), f"keeping {filename}"):
            sha256 = hash_file(path)
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            os.replace(path, kept)
            self._write(_ANSWER, msgspec.json.encode(_Answer(filename, sha256)))
        return wheel_file(kept, sha256)

    def metadata(self) -> bytes | None:
        return self._read(_METADATA)

    def keep_metadata(self, content: bytes) -> None:
        """Raises StoreError."""
        with translated(str(self.layout.root), "keeping metadata"):
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            self._write(_METADATA, content)

    def _read(self, name: str) -> bytes | None:
        try:
            with open(os.path.join(self.folder, name), "rb") as file:
                return file.read()
        except OSError:
            return None

    def _write(self, name: str, content: bytes) -> None:
        descriptor, temporary = tempfile.mkstemp(dir=self.folder, prefix=".")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            os.replace(temporary, os.path.join(self.folder, name))
        except BaseException:
            os.unlink(temporary)
            raise


def kept_archive(layout: Layout, sha256: str) -> str | None:
    """The path of an archive that was downloaded before."""
    if not is_sha256(sha256):
        return None
    path = os.path.join(_folder(layout, sha256), "archive")
    return path if os.path.isfile(path) else None


def keep_archive(layout: Layout, sha256: str, part: str) -> str:
    """Move a download here; gives its path. Raises StoreError."""
    folder = _folder(layout, sha256)
    path = os.path.join(folder, "archive")
    with translated(str(layout.root), "keeping a source archive"):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        os.replace(part, path)
    return path


def wheel_file(path: str, sha256: str) -> DistFile:
    return DistFile(
        filename=os.path.basename(path), url=file_url(path), hashes={"sha256": sha256}
    )


def hash_file(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def trim_logs(layout: Layout) -> None:
    """Remove the oldest logs; names begin with their times."""
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(layout.logs))[:-_LOGS]:
            os.unlink(os.path.join(layout.logs, name))


def _folder(layout: Layout, sha256: str) -> str:
    if not is_sha256(sha256):
        raise ValueError(f"not a sha256: {sha256!r}")
    return os.path.join(layout.built, sha256[:2], sha256)
