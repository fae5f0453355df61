"""Where everything in the cache lies: the only place that builds its paths.

The marker file follows the Cache Directory Tagging Specification, so that backups leave it out.
"""

import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from linkd.errors import CacheUnusable, NoSpace, is_no_space, reason_of

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_TAG: Final = """\
Signature: 8a477f597d28d172789f06886806bc55
# This file marks a cache: linkd makes everything in this folder again when it is gone.
"""


def is_sha256(text: str) -> bool:
    """Whether a text is a digest that may become a folder's name. Indexes promise anything."""
    return _SHA256.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Layout:
    """The cache's paths."""

    root: Path

    @property
    def version(self) -> str:
        """The folder of this format of the cache; another format takes another folder."""
        return os.path.join(self.root, "v1")

    @property
    def wheels(self) -> str:
        return os.path.join(self.version, "wheels")

    @property
    def pool(self) -> str:
        return os.path.join(self.version, "pool")

    @property
    def constants(self) -> str:
        """Files that are the same in many environments."""
        return os.path.join(self.version, "constants")

    @property
    def index(self) -> str:
        return os.path.join(self.version, "index")

    @property
    def resolutions(self) -> str:
        """Answers of the resolver, by what was asked."""
        return os.path.join(self.version, "resolutions")

    @property
    def incoming(self) -> str:
        return os.path.join(self.version, "incoming")

    @property
    def trash(self) -> str:
        return os.path.join(self.version, "trash")

    @property
    def unsynced(self) -> str:
        """The marks of wheels that a loss of power could damage."""
        return os.path.join(self.version, "unsynced")

    @property
    def built(self) -> str:
        """What came of sources, by the source's digest and the interpreter."""
        return os.path.join(self.version, "built")

    @property
    def logs(self) -> str:
        """What failed builds wrote."""
        return os.path.join(self.version, "logs")

    @property
    def state(self) -> str:
        return os.path.join(self.root, "state.sqlite")

    def entry(self, sha256: str) -> str:
        """The folder of one sealed wheel."""
        if not is_sha256(sha256):
            raise ValueError(f"not a sha256: {sha256!r}")
        return os.path.join(self.wheels, sha256[:2], sha256)

    def tree(self, sha256: str) -> str:
        return tree_of(self.entry(sha256))

    def manifest(self, sha256: str) -> str:
        return manifest_of(self.entry(sha256))

    def unsynced_mark(self, sha256: str) -> str:
        return os.path.join(self.unsynced, sha256)

    def part(self, name: str) -> str:
        """A partial download; one that a later process can go on with is named by its sha256."""
        return os.path.join(self.incoming, f"{name}.part")

    def _folders(self) -> tuple[str, ...]:
        return (
            self.version,
            self.wheels,
            self.pool,
            self.constants,
            self.index,
            self.resolutions,
            self.incoming,
            self.trash,
            self.unsynced,
            self.built,
            self.logs,
        )

    def create(self) -> None:
        """Make what is missing, and prove that it can be written.

        Raises:
            CacheUnusable: with the reason.
            NoSpace: where not even folders fit.
        """
        path = str(self.root)
        try:
            os.makedirs(self.root, mode=0o700, exist_ok=True)
            for folder in self._folders():
                path = folder
                os.makedirs(folder, mode=0o700, exist_ok=True)
            for folder in (str(self.root), self.version):
                path = folder
                problem = owner_problem(os.stat(folder), os.geteuid())
                if problem is not None:
                    raise CacheUnusable(path=folder, reason=problem)
            path = str(self.root)
            _write_tag(os.path.join(self.root, "CACHEDIR.TAG"))
            path = self.incoming
            with tempfile.TemporaryFile(dir=self.incoming):
                pass
        except OSError as error:
            if is_no_space(error):
                raise NoSpace(path=path, doing="making the cache") from error
            raise CacheUnusable(path=str(self.root), reason=_reason(error, path)) from error


def tree_of(entry: str) -> str:
    """The unpacked files of a wheel, wherever its entry lies just now."""
    return os.path.join(entry, "tree")


def manifest_of(entry: str) -> str:
    return os.path.join(entry, "manifest")


def owner_problem(facts: os.stat_result, user: int) -> str | None:
    """Why a folder is not this user's alone, if so: files in it could be exchanged by others."""
    if facts.st_uid != user and facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"it belongs to user {facts.st_uid} and others than that user may write to it"
    return None


def _write_tag(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(_TAG)


def _reason(error: OSError, path: str) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"{error.filename or path} is in the way and is not a folder"
    return f"{error.filename or path}: {reason_of(error)}"
