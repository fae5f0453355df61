"""Which archive a request means: by its sha256 where one is promised, and by the hashes required.

A requirement's hashes are there to hold whatever an index says, so they are compared with the
archive's bytes and never with what the index promises.
"""

import hashlib
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from linkd.core.wheel import DistFile
from linkd.errors import HashMismatch
from linkd.fetch.urls import file_path
from linkd.store.layout import Layout, is_sha256
from linkd.store.state import LocalFile

SOURCE: Final = "the requirement file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file of an index, a folder or a URL, and the hashes that somebody requires of it."""

    file: DistFile
    required: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Lower-case hex digests by algorithm, of which one must match."""

    @property
    def promised(self) -> str | None:
        """The archive's sha256 as far as anybody says. What an index promises may be nonsense."""
        candidates = {(self.file.sha256 or "").lower()} - {""}
        candidates = candidates or set(self.required.get("sha256", ()))
        digest = candidates.pop() if len(candidates) == 1 else ""
        return digest if is_sha256(digest) else None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for requests that one download can answer."""
        return (
            self.file.url,
            tuple(sorted(self.file.hashes.items())),
            tuple(sorted((name, tuple(sorted(ones))) for name, ones in self.required.items())),
        )

    def settled_by(self, digests: Mapping[str, str]) -> bool:
        """Whether the archive's digests known so far fulfil what is required.

        Raises HashMismatch where no further digest can.
        """
        if not self.required:
            return True
        known = {name: digests[name] for name in self.required if name in digests}
        if any(digest in self.required[name] for name, digest in known.items()):
            return True
        if len(known) == len(self.required):
            name, digest = min(known.items())
            raise HashMismatch(
                filename=self.file.filename,
                algorithm=name,
                expected=" or ".join(sorted(self.required[name])),
                actual=digest,
                source=SOURCE,
            )
        return False

    def part(self, layout: Layout, identity: str | None) -> str:
        """Where its download goes; only one whose sha256 is known can be gone on with later."""
        if identity is not None:
            return layout.part(identity)
        url = hashlib.sha256(self.file.url.encode()).hexdigest()[:16]
        return os.path.join(layout.incoming, f"{url}-{secrets.token_hex(8)}.download")


def wanted(file: DistFile, required: Mapping[str, Iterable[str]]) -> Wanted:
    return Wanted(
        file=file,
        required={
            name.lower(): frozenset(digest.lower() for digest in digests)
            for name, digests in required.items()
            if digests
        },
    )


def compute_digests(path: str, algorithms: Iterable[str]) -> dict[str, str]:
    """Hex digests of a file; blocks. For what Python cannot compute the digest is a word."""
    wanted = set(algorithms)
    known = {name for name in wanted & hashlib.algorithms_available if not _is_shake(name)}
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in known}
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            for one in hashes.values():
                one.update(chunk)
    return {name: one.hexdigest() for name, one in hashes.items()} | dict.fromkeys(
        wanted - known, "unknown"
    )


def _is_shake(name: str) -> bool:
    """Its digests have no length of their own."""
    return name.startswith("shake")


def local_file(file: DistFile) -> LocalFile | None:
    """The facts of the file that a ``file:`` URL names; None for other URLs and missing files."""
    path = file_path(file.url)
    if path is None:
        return None
    try:
        facts = os.stat(path)
    except (OSError, ValueError):
        return None
    return LocalFile(path=path, size=facts.st_size, mtime_ns=facts.st_mtime_ns, inode=facts.st_ino)
