"""What the daemon remembers between its runs: environments, use, hashes, interpreters (SQLite).

Nothing here is the only copy of anything, so a damaged database, one of another version and a full
disk stop nobody. All methods block for a moment and may be called from any thread.
"""

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from linkd.store.database import Database, Schema

VERSION: Final = 2

# Device and inode numbers are unsigned, which SQLite's integers are not; paths are any bytes.
_TABLES: Final = """
CREATE TABLE environments (
    device TEXT NOT NULL,
    inode TEXT NOT NULL,
    prefix BLOB NOT NULL UNIQUE,
    first_seen REAL NOT NULL,
    last_used REAL NOT NULL,
    PRIMARY KEY (device, inode)
) WITHOUT ROWID;
CREATE TABLE wheels (
    sha256 TEXT PRIMARY KEY,
    size INTEGER NOT NULL DEFAULT 0,
    last_used REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE digests (
    sha256 TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (sha256, algorithm)
) WITHOUT ROWID;
CREATE TABLE local_files (
    path BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode TEXT NOT NULL,
    sha256 TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE installed (
    device TEXT NOT NULL,
    inode TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (device, inode, name)
) WITHOUT ROWID;
CREATE TABLE interpreters (
    key TEXT PRIMARY KEY,
    facts BLOB NOT NULL
) WITHOUT ROWID;
"""
_FORGET_OTHERS: Final = "DELETE FROM environments WHERE prefix = ? AND (device, inode) != (?, ?)"
_REMEMBER_ENVIRONMENT: Final = """
INSERT INTO environments (device, inode, prefix, first_seen, last_used) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (device, inode) DO UPDATE SET prefix = excluded.prefix, last_used = excluded.last_used
"""
_REMEMBER_INSTALLED: Final = """
INSERT INTO installed (device, inode, name, sha256) VALUES (?, ?, ?, ?)
ON CONFLICT (device, inode, name) DO UPDATE SET sha256 = excluded.sha256
"""
_REMEMBER_WHEEL: Final = """
INSERT INTO wheels (sha256, size, last_used) VALUES (?, ?, ?)
ON CONFLICT (sha256) DO UPDATE SET size = excluded.size
"""
_TOUCH_WHEEL: Final = """
INSERT INTO wheels (sha256, last_used) VALUES (?, ?)
ON CONFLICT (sha256) DO UPDATE SET last_used = excluded.last_used
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEnvironment:
    """An environment that was installed into. Times are seconds since 1970."""

    prefix: str
    identity: tuple[int, int]
    """(device, inode) of its site-packages."""
    first_seen: float
    last_used: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A file on a disk, by what tells that it has not changed."""

    path: str
    size: int
    mtime_ns: int
    inode: int


class State:
    """All that is remembered, table by table."""

    def __init__(self, path: str) -> None:
        """Open it, making it if it is missing. Raises CacheUnusable."""
        self._database = Database(path, Schema(version=VERSION, tables=_TABLES))

    def close(self) -> None:
        self._database.close()

    @property
    def warnings(self) -> tuple[str, ...]:
        """That it is forgotten when the daemon ends, if so."""
        fault = self._database.fault
        return (f"{fault.detail}; it is kept in memory",) if fault else ()

    # Environments

    def remember_environment(
        self, prefix: str, identity: tuple[int, int], now: float | None = None
    ) -> None:
        """Note that an environment is used. A path, like an identity, is one environment's only."""
        path, device, inode = os.fsencode(prefix), str(identity[0]), str(identity[1])
        self._database.change(
            (_FORGET_OTHERS, [(path, device, inode)]),
            (_REMEMBER_ENVIRONMENT, [(device, inode, path, _now(now), _now(now))]),
        )

    def environments(self) -> tuple[KnownEnvironment, ...]:
        """All of them, sorted by prefix."""
        rows = self._database.rows(
            "SELECT prefix, device, inode, first_seen, last_used FROM environments ORDER BY prefix"
        )
        return tuple(
            KnownEnvironment(
                prefix=os.fsdecode(prefix),
                identity=(int(device), int(inode)),
                first_seen=first,
                last_used=last,
            )
            for prefix, device, inode, first, last in rows
        )

    def forget_environment(self, identity: tuple[int, int]) -> None:
        environment = [tuple(map(str, identity))]
        self._database.change(
            ("DELETE FROM environments WHERE (device, inode) = (?, ?)", environment),
            ("DELETE FROM installed WHERE (device, inode) = (?, ?)", environment),
        )

    def remember_installed(
        self, identity: tuple[int, int], came: Mapping[str, str], gone: Iterable[str]
    ) -> None:
        """Note from which wheels (sha256) distributions of an environment came, and which went."""
        device, inode = map(str, identity)
        self._database.change(
            (
                "DELETE FROM installed WHERE (device, inode, name) = (?, ?, ?)",
                [(device, inode, name) for name in gone],
            ),
            (_REMEMBER_INSTALLED, [(device, inode, name, came[name]) for name in came]),
        )

    def installed_from(self, identity: tuple[int, int], name: str) -> str | None:
        """The sha256 of the wheel that a distribution came from, if linkd installed it."""
        rows = self._database.rows(
            "SELECT sha256 FROM installed WHERE (device, inode, name) = (?, ?, ?)",
            *map(str, identity),
            name,
        )
        return rows[0][0] if rows else None

    # Wheels

    def remember_wheel(self, sha256: str, size: int, now: float | None = None) -> None:
        """Note a stored wheel and how many bytes its files have."""
        self._database.change((_REMEMBER_WHEEL, [(sha256, size, _now(now))]))

    def touch_wheels(self, sha256s: Iterable[str], now: float | None = None) -> None:
        """Note that wheels are used."""
        used = _now(now)
        self._database.change((_TOUCH_WHEEL, [(sha256, used) for sha256 in sha256s]))

    def wheel_sizes(self) -> Mapping[str, int]:
        """Bytes by sha256, of the wheels whose size is known."""
        return dict(self._database.rows("SELECT sha256, size FROM wheels WHERE size > 0"))

    def wheel_use(self) -> Mapping[str, float]:
        """When each wheel was used last."""
        return dict(self._database.rows("SELECT sha256, last_used FROM wheels"))

    def forget_wheels(self, sha256s: Iterable[str]) -> None:
        gone = [(sha256,) for sha256 in sha256s]
        self._database.change(
            ("DELETE FROM wheels WHERE sha256 = ?", gone),
            ("DELETE FROM digests WHERE sha256 = ?", gone),
        )

    # Hashes

    def remember_digests(self, sha256: str, digests: Mapping[str, str]) -> None:
        """Note an archive's other hashes, computed from its bytes. Hex digests by algorithm."""
        self._database.change(
            (
                "INSERT OR REPLACE INTO digests VALUES (?, ?, ?)",
                [(sha256, algorithm, digest) for algorithm, digest in digests.items()],
            )
        )

    def digests(self, sha256: str) -> Mapping[str, str]:
        return dict(
            self._database.rows("SELECT algorithm, digest FROM digests WHERE sha256 = ?", sha256)
        )

    def remember_local_hash(self, file: LocalFile, sha256: str) -> None:
        self._database.change(
            (
                "INSERT OR REPLACE INTO local_files VALUES (?, ?, ?, ?, ?)",
                [(*_local_key(file), sha256)],
            )
        )

    def local_hash(self, file: LocalFile) -> str | None:
        """The sha256 of a file that has not changed since it was computed."""
        rows = self._database.rows(
            "SELECT sha256 FROM local_files WHERE (path, size, mtime_ns, inode) = (?, ?, ?, ?)",
            *_local_key(file),
        )
        return rows[0][0] if rows else None

    # Interpreters

    def interpreter(self, key: str) -> bytes | None:
        """The facts of an interpreter as they were remembered."""
        rows = self._database.rows("SELECT facts FROM interpreters WHERE key = ?", key)
        return rows[0][0] if rows else None

    def remember_interpreter(self, key: str, facts: bytes) -> None:
        self._database.change(("INSERT OR REPLACE INTO interpreters VALUES (?, ?)", [(key, facts)]))


def _local_key(file: LocalFile) -> tuple[bytes, int, int, str]:
    return os.fsencode(file.path), file.size, file.mtime_ns, str(file.inode)


def _now(now: float | None) -> float:
    return time.time() if now is None else now
