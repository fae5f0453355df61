"""Reads and writes RECORD, the list of a distribution's files (PEP 376, 427 and 627)."""

import base64
import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from linkd.core.installed import RecordRow

_SHA256: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_HASH: Final = re.compile(r"([A-Za-z0-9_]+)=([A-Za-z0-9_-]+)=*")
_SIZE: Final = re.compile(r"[0-9]{1,18}")
_NEEDS_QUOTES: Final = re.compile(r'[,"\r\n]')


class RecordHash(NamedTuple):
    """One row with its hash whatever the algorithm; RECORD of a wheel may use sha384 or sha512."""

    path: str
    algorithm: str | None
    """In lower case, as `hashlib` names it; None for a row without a hash."""
    digest: str | None
    """Urlsafe base64 without padding."""
    size: int | None


def parse_record_hashes(text: str) -> tuple[RecordHash, ...]:
    """Every row of RECORD, in its order; paths as they are written.

    A row that stands there again is passed over: installers and build tools have written such.

    Raises:
        ValueError: with everything that is wrong, `; ` between the problems; also where two rows
            of one path contradict each other.
    """
    problems: list[str] = []
    rows: dict[str, RecordHash] = {}
    for line, row in _read_rows(text, problems):
        if rows.setdefault(row.path, row) != row:
            problems.append(f"RECORD line {line} lists {row.path!r} again, and otherwise")
    _require_none(problems)
    return tuple(rows.values())


def parse_record(text: str) -> tuple[RecordRow, ...]:
    """Every row of an installation's RECORD, in its order; a hash other than sha256 is left out.

    Of rows that contradict each other only the path is taken, which is what they agree upon.

    Raises:
        ValueError: with everything that is wrong, `; ` between the problems.
    """
    problems: list[str] = []
    rows: dict[str, RecordRow] = {}
    for _, (path, algorithm, digest, size) in _read_rows(text, problems):
        row = RecordRow(path=path, sha256=digest if algorithm == "sha256" else None, size=size)
        if rows.setdefault(path, row) != row:
            rows[path] = RecordRow(path=path)
    _require_none(problems)
    return tuple(rows.values())


def encode_digest(digest: bytes) -> str:
    """A raw digest as RECORD has it: urlsafe base64 without padding."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def format_record(rows: Iterable[RecordRow]) -> str:
    """RECORD's text, one line a row in the order given; a row without hash or size leaves it empty.

    Written by hand because `csv` before Python 3.13 leaves a carriage return unquoted.
    """
    return "".join(
        f"{_quote(row.path)},"
        f"{'' if row.sha256 is None else f'sha256={row.sha256}'},"
        f"{'' if row.size is None else row.size}\n"
        for row in rows
    )


def _quote(path: str) -> str:
    if _NEEDS_QUOTES.search(path) is None:
        return path
    return '"' + path.replace('"', '""') + '"'


def _require_none(problems: list[str]) -> None:
    if problems:
        raise ValueError("; ".join(problems))


def _read_rows(text: str, problems: list[str]) -> Iterator[tuple[int, RecordHash]]:
    """Each row with the number of its line."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for columns in reader:
            if not columns:
                continue
            where = f"RECORD line {reader.line_num}"
            if len(columns) != 3:
                problems.append(f"{where} has {len(columns)} columns instead of 3")
                continue
            yield reader.line_num, _read_row(columns, where, problems)
    except csv.Error as error:
        problems.append(f"RECORD line {reader.line_num} is not comma-separated values: {error}")


def _read_row(columns: list[str], where: str, problems: list[str]) -> RecordHash:
    path, hashed, counted = columns
    if not path or "\0" in path:
        problems.append(f"{where} has no usable path: {path!r}")
    algorithm = digest = None
    if hashed:
        match = _HASH.fullmatch(hashed)
        if match is None:
            problems.append(f"{where} has the hash {hashed!r}, which is not algorithm=digest")
        else:
            algorithm, digest = match[1].lower(), match[2]
            if algorithm == "sha256" and _SHA256.fullmatch(digest) is None:
                problems.append(f"{where} has {digest!r}, which is not the digest of a sha256")
    size = None
    if counted:
        if _SIZE.fullmatch(counted) is None:
            problems.append(f"{where} has {counted!r} for a size")
        else:
            size = int(counted)
    return RecordHash(path, algorithm, digest, size)
