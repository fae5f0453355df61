"""Reads which files an installation recorded: its RECORD, or what older forms have instead of it.

Where nothing tells them the distribution cannot be removed, which is said before anything moves.
"""

import os
from collections.abc import Iterator, Mapping

from linkd.core.installed import Form, InstalledDistribution
from linkd.core.record import parse_record
from linkd.errors import NoRecord
from linkd.link.beneath import open_regular


def read_record(distribution: InstalledDistribution) -> str:
    """The text of RECORD. Raises NoRecord."""
    folder = os.path.join(distribution.location, distribution.dist_info)
    path = os.path.join(folder, "RECORD")
    try:
        return _read(path)
    except OSError as error:
        raise NoRecord(
            name=distribution.name, path=path, installer=_read_installer(folder)
        ) from error


def parse_rows(distribution: InstalledDistribution, text: str) -> Mapping[str, str | None]:
    """Each recorded path with its SHA-256. Raises NoRecord, also where there is none at all."""
    problem = "it is empty"
    try:
        rows = {row.path: row.sha256 for row in parse_record(text)}
    except ValueError as error:
        rows, problem = {}, str(error)
    if not rows:
        raise NoRecord(name=distribution.name, path=f"RECORD: {problem}")
    return rows


def claimed_files(distribution: InstalledDistribution) -> Iterator[str]:
    """The files of an older form, those in its folders too, as they lie there now.

    Raises NoRecord.
    """
    if distribution.claims is None:
        raise NoRecord(
            name=distribution.name,
            path=os.path.join(distribution.location, distribution.dist_info),
            installer="distutils" if distribution.form is Form.DISTUTILS else None,
        )
    for claim in distribution.claims:
        path = os.path.join(distribution.location, claim)
        # A folder that it climbs to is not its own: all of the environment may be below that.
        inside = not os.path.isabs(claim) and not {os.curdir, os.pardir} & {*claim.split("/")}
        if inside and os.path.isdir(path) and not os.path.islink(path):
            yield from _files_below(path)
        else:
            yield claim


def _files_below(path: str) -> Iterator[str]:
    for root, folders, names in os.walk(path):
        links = (name for name in folders if os.path.islink(os.path.join(root, name)))
        for name in (*names, *links):
            yield os.path.join(root, name)


def _read(path: str) -> str:
    with open(
        path, encoding="utf-8", errors="surrogateescape", newline="", opener=open_regular
    ) as record:
        return record.read()


def _read_installer(folder: str) -> str | None:
    try:
        return _read(os.path.join(folder, "INSTALLER")).strip() or None
    except OSError:
        return None
