"""A SQLite file that nothing depends on: damaged, it is begun anew; on a full disk, kept in memory.

What is only in memory is written back as soon as there is room again.
"""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import structlog

from linkd.errors import CacheUnusable, NoSpace, StoreError
from linkd.store.faults import translated

_LOCKED_S: Final = 5.0
_AGAIN_S: Final = 30.0
"""Between two looks whether the disk has room again."""
_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FULL: Final = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
"""A full disk, quota or limit says either, by what SQLite was about to write."""
_DOING: Final = "writing the state"

Statement = tuple[str, Iterable[tuple[object, ...]]]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The tables of a database; one of another version is not read."""

    version: int
    tables: str


class Database:
    """One connection, guarded, because a write takes microseconds."""

    def __init__(self, path: str, schema: Schema) -> None:
        """Open it, making it if it is missing. Raises CacheUnusable."""
        self._path = path
        self._schema = schema
        self._lock = threading.Lock()
        self._fault: NoSpace | None = None
        self._tried = 0.0
        self._connection = self._open()

    @property
    def fault(self) -> NoSpace | None:
        """Why it is only in memory just now, if so."""
        return self._fault

    def close(self) -> None:
        with self._lock:
            self._write_back()
            self._connection.close()

    def rows(self, query: str, *values: object) -> list[Any]:
        with self._lock:
            try:
                return self._connection.execute(query, values).fetchall()
            except sqlite3.Error as error:
                self._recover(error)
                return self._connection.execute(query, values).fetchall()

    def change(self, *statements: Statement) -> None:
        """Carry out all of them or none, once more if the database has to be begun anew."""
        repeatable = [(statement, list(rows)) for statement, rows in statements]
        with self._lock:
            if self._fault is not None and time.monotonic() - self._tried > _AGAIN_S:
                self._write_back()
            try:
                self._execute(repeatable)
            except sqlite3.Error as error:
                self._recover(error)
                self._execute(repeatable)

    def _execute(self, statements: Iterable[Statement]) -> None:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            for statement, rows in statements:
                self._connection.executemany(statement, rows)

    # The file

    def _open(self) -> sqlite3.Connection:
        try:
            with translated(self._path, "opening the state"):
                return self._connect()
        except sqlite3.Error as error:
            return self._without(error)
        except NoSpace as fault:
            return self._in_memory(fault)

    def _without(
        self, error: sqlite3.Error, failed: sqlite3.Connection | None = None
    ) -> sqlite3.Connection:
        """Another connection in place of one that fails. Raises CacheUnusable."""
        if _code(error) in _DAMAGED:
            try:
                return self._begin_anew()
            except sqlite3.Error as another:
                error = another
            except NoSpace as fault:
                return self._in_memory(fault)
        if _code(error) in _FULL:
            full = NoSpace(path=self._path, doing=f"{_DOING} ({error})")
            return self._in_memory(full, failed)
        raise CacheUnusable(path=self._path, reason=str(error)) from error

    def _recover(self, error: sqlite3.Error) -> None:
        failed = self._connection
        if _code(error) in _DAMAGED:
            failed.close()
        self._connection = self._without(error, failed)
        failed.close()

    def _connect(self) -> sqlite3.Connection:
        connection = _connection(self._path)
        try:
            os.chmod(self._path, 0o600)
            _use_write_ahead_log(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            current = _prepare(connection, self._schema)
        except BaseException:
            connection.close()
            raise
        if not current:
            connection.close()
            return self._begin_anew()
        return connection

    def _begin_anew(self) -> sqlite3.Connection:
        """Move the database aside, with what belongs to it, and make another."""
        aside = f"{self._path}.old"
        with translated(self._path, "moving a damaged state aside"):
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.replace(self._path + suffix, aside + suffix)
            return self._connect()

    # The memory

    def _in_memory(
        self, fault: NoSpace, file: sqlite3.Connection | None = None
    ) -> sqlite3.Connection:
        """What the file holds, as far as it can be read, and from now on in memory only."""
        _log.warning("state is in memory only", code=fault.code, detail=fault.detail)
        self._fault, self._tried = fault, time.monotonic()
        memory = _connection(":memory:")
        with contextlib.suppress(sqlite3.Error):
            if file is None:
                # So that nothing is written, not even beside it.
                place = f"file:{quote(self._path)}?mode=ro&immutable=1"
                file = sqlite3.connect(place, uri=True)
            with contextlib.closing(file):
                file.backup(memory)
        if not _prepare(memory, self._schema):
            memory.close()
            memory = _connection(":memory:")
            _prepare(memory, self._schema)
        return memory

    def _write_back(self) -> None:
        """Go on with the file, if the disk has room for what is in memory."""
        if self._fault is None:
            return
        self._tried = time.monotonic()
        try:
            file = self._connect()
        except (sqlite3.Error, OSError, StoreError):
            return
        try:
            self._connection.backup(file)
        except sqlite3.Error:
            file.close()
            return
        self._connection.close()
        self._connection, self._fault = file, None
        _log.info("state is in its file again")


def _connection(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, check_same_thread=False, isolation_level=None)


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """While another process does the same SQLite says at once that it is locked: ask again."""
    end = time.monotonic() + _LOCKED_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _prepare(connection: sqlite3.Connection, schema: Schema) -> bool:
    """Make the tables of a new database; False for one of another version."""
    connection.execute("BEGIN IMMEDIATE")  # another process may be about to do the same
    with connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in schema.tables.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {schema.version}")
    return version in {0, schema.version}


def _code(error: sqlite3.Error) -> int:
    """The primary result code; programming errors of ours have none."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
