"""The journal of one transaction: what it is about to do, told before it is done.

It lies in the transaction's folder in the cache, as symbolic links: each one's target is a piece of
text. A link is made whole or not at all, and file systems with a journal write the making of names
in the order in which it happened, so after a loss of power too a rename that is on the disk has its
intention there. A file's content would be written later than the renames, unless they waited for it.
"""

import base64
import contextlib
import errno
import itertools
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from linkd.errors import is_no_space

_FORMAT: Final = 1
_PIECES: Final = (4000, 1000, 56)
"""Bytes of a link's target: Linux allows 4095, XFS 1024. One below 60 needs no block of the disk, so
that even on a full one something can be uninstalled."""
_WORTH_PACKING: Final = 4000
_END: Final = "end"
_LINK: Final = re.compile(r"log-(?P<batch>\d{5})-(?P<piece>\d{5})(?P<more>\+?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which environment is changed, and where what comes and goes lies meanwhile."""

    prefix: str
    site: str
    """site-packages, relative to the prefix."""
    inode: int
    born_ns: int
    """Of site-packages: with its inode that tells the environment from one made in its place.
    0 where the file system does not know."""
    workspace: str
    """The transaction's folder in the environment; empty if it is the journal's own."""
    roots: Mapping[str, str]
    """The scheme's folders, relative to the prefix, each ending in ``/`` or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A distribution that comes."""

    name: str
    version: str
    root: str
    """Folder of its dist-info folder, relative to the prefix, ending in ``/`` or empty."""
    dist_info: str
    staged: str
    """Where the dist-info folder lies until it is published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What is to be done."""

    began: float
    """Seconds since 1970."""
    coming: tuple[Coming, ...] = ()
    going: tuple[tuple[str, str], ...] = ()
    """Names and versions."""


@dataclass(frozen=True, slots=True)
class Brings:
    """Names of a staged folder that come into a folder of the environment."""

    path: str
    """The folder in the environment, relative to the prefix."""
    aside: str
    """The staged folder."""
    names: tuple[tuple[str, int, bool | None], ...]
    """Each with its inode, and whether the name was there already: None where that does not
    matter, because renames are atomic."""


@dataclass(frozen=True, slots=True)
class Takes:
    """A file or folder that is moved out of the environment to a fresh name."""

    path: str
    aside: str


@dataclass(frozen=True, slots=True)
class TakesLine:
    """A line that is taken out of an ``easy-install.pth``."""

    folder: str
    """Of the file, relative to the prefix."""
    number: int
    """Of the line that came after it."""
    line: bytes
    mode: int
    """Of the file."""


@dataclass(frozen=True, slots=True)
class Makes:
    """A folder of the environment that is made."""

    path: str


@dataclass(frozen=True, slots=True)
class Inherits:
    """A file that somebody else would have removed, and left because this transaction needs it.

    It goes with this transaction, unless somebody has it then.
    """

    path: str
    contents: tuple[str | None, ...]
    """What may lie there, as RECORD has it; None for what is made for each environment."""


@dataclass(frozen=True, slots=True)
class Forgets:
    """What is remembered of those that go, which is forgotten once they have gone."""

    origins: tuple[tuple[str, str], ...]
    """Names, and the wheels (sha256) that they came from."""


Intention = Brings | Takes | TakesLine | Makes | Inherits | Forgets


@dataclass(slots=True)
class Journal:
    """Written by one transaction, in the order of its intentions; others may add to it."""

    folder: str
    lock_fd: int
    """Of the folder, locked as long as the transaction lives, so that another process can tell
    what a killed one left from what somebody is working on."""
    place: Place
    purpose: Purpose | None = None
    _batches: Iterator[int] = field(default_factory=itertools.count)
    _told_place: bool = False
    _told_purpose: bool = False

    def tell(self, intentions: Iterable[Intention]) -> None:
        """Have them on record. To be called before the first of them is carried out.

        Raises OSError: nothing may be done then.
        """
        workspace = f"{self.place.workspace or self.folder}/"
        rows: list[Any] = []
        if not self._told_place:
            rows.append(["place", _FORMAT, _place_row(self.place)])
        if self.purpose is not None and not self._told_purpose:
            rows.append(["purpose", _purpose_row(self.purpose, workspace)])
        rows += [_row(intention, workspace) for intention in intentions]
        if rows:
            self._write(rows)
            self._told_place = True
            self._told_purpose = self.purpose is not None

    def end(self) -> None:
        mark_ended(self.folder)

    def _write(self, rows: list[Any]) -> None:
        text = json.dumps(rows, separators=(",", ":")).encode()
        if len(text) > _WORTH_PACKING:
            text = base64.b64encode(zlib.compress(text, 1))
        for limit in _PIECES:
            try:
                self._link(text, limit)
            except OSError as error:
                too_long = error.errno == errno.ENAMETOOLONG or is_no_space(error)
                if not too_long or limit == _PIECES[-1]:
                    raise
            else:
                return

    def _link(self, text: bytes, limit: int) -> None:
        batch = next(self._batches)
        pieces = range(0, len(text), limit)
        made: list[bytes] = []
        try:
            for number, start in enumerate(pieces):
                more = "+" if number + 1 < len(pieces) else ""
                path = os.path.join(self.folder, f"log-{batch:05}-{number:05}{more}")
                os.symlink(text[start : start + limit], os.fsencode(path))
                made.append(os.fsencode(path))
        except OSError:
            for one in made:
                os.unlink(one)
            raise


def mark_ended(folder: str) -> None:
    """Have it on record that nothing is to be undone from now on. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        os.symlink("-", os.path.join(folder, _END))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """What a journal says."""

    folder: str
    place: Place
    purpose: Purpose | None
    intentions: tuple[Intention, ...]
    ended: bool
    """Nothing has to be undone; what lies in the workspace is left over."""

    @property
    def workspace(self) -> str:
        return self.place.workspace or self.folder


def read_journal(folder: str, prefix: str | None = None) -> Entries | None:
    """What stands in a transaction's folder; None where nothing had been begun.

    `prefix` is where the environment is now, if it has been moved since. A last batch that is not there whole was never acted upon. Raises OSError, and ValueError for
    what is not a journal of ours.
    """
    rows = [row for batch in _batches(folder) for row in _decoded(batch)]
    if not rows:
        return None
    try:
        kind, version, place = rows[0]
        if (kind, version) != ("place", _FORMAT):
            raise ValueError(f"not a journal of format {_FORMAT}")
        found = _place(place, prefix)
        workspace = f"{found.workspace or folder}/"
        purposes = [_purpose(row[1], workspace) for row in rows if row[0] == "purpose"]
        intentions = tuple(
            _intention(row, workspace) for row in rows if row[0] not in {"place", "purpose"}
        )
    except (TypeError, KeyError, IndexError) as error:
        raise ValueError(str(error)) from error
    return Entries(
        folder=folder,
        place=found,
        purpose=purposes[0] if purposes else None,
        intentions=intentions,
        ended=os.path.lexists(os.path.join(folder, _END)),
    )


def _batches(folder: str) -> Iterator[bytes]:
    """The text of every batch that is there whole."""
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for name in os.listdir(folder):
        if (match := _LINK.fullmatch(name)) is not None:
            batch = pieces.setdefault(match["batch"], {})
            batch[int(match["piece"])] = (name, not match["more"])
    for _, found in sorted(pieces.items()):
        numbered = [found[number] for number in sorted(found)]
        if numbered[-1][1]:
            paths = [os.path.join(folder, name) for name, _ in numbered]
            yield b"".join(os.readlink(os.fsencode(path)) for path in paths)


def _decoded(text: bytes) -> list[Any]:
    if not text.startswith(b"["):
        try:
            text = zlib.decompress(base64.b64decode(text, validate=True))
        except zlib.error as error:
            raise ValueError(str(error)) from error
    rows: list[Any] = json.loads(text)
    return rows


def _place(row: dict[str, Any], prefix: str | None) -> Place:
    place = Place(**row)
    if prefix is None or prefix == place.prefix:
        return place
    inside = os.path.basename(place.workspace)
    return replace(place, prefix=prefix, workspace=inside and os.path.join(prefix, inside))


def _place_row(place: Place) -> dict[str, Any]:
    return {
        "prefix": place.prefix,
        "site": place.site,
        "inode": place.inode,
        "born_ns": place.born_ns,
        "workspace": place.workspace,
        "roots": dict(place.roots),
    }


def _purpose_row(purpose: Purpose, workspace: str) -> list[Any]:
    return [
        purpose.began,
        [
            (one.name, one.version, one.root, one.dist_info, one.staged.removeprefix(workspace))
            for one in purpose.coming
        ],
        purpose.going,
    ]


def _purpose(row: list[Any], workspace: str) -> Purpose:
    began, coming, going = row
    return Purpose(
        began=began,
        coming=tuple(
            Coming(
                name=name,
                version=version,
                root=root,
                dist_info=dist_info,
                staged=os.path.join(workspace, staged),
            )
            for name, version, root, dist_info, staged in coming
        ),
        going=tuple((name, version) for name, version in going),
    )


def _row(intention: Intention, workspace: str) -> list[Any]:
    match intention:
        case Brings(path, aside, names):
            brief = [one[:2] if one[2] is None else one for one in names]
            return ["b", path, aside.removeprefix(workspace), brief]
        case Takes(path, aside):
            return ["t", path, aside.removeprefix(workspace)]
        case TakesLine(folder, number, line, mode):
            return ["l", folder, number, os.fsdecode(line), mode]
        case Makes(path):
            return ["m", path]
        case Inherits(path, contents):
            return ["i", path, contents]
        case Forgets(origins):
            return ["f", origins]


def _intention(row: list[Any], workspace: str) -> Intention:
    match row:
        case ["b", path, aside, names]:
            known = tuple(
                (name, inode, there[0] if there else None) for name, inode, *there in names
            )
            return Brings(path, os.path.join(workspace, aside), known)
        case ["t", path, aside]:
            return Takes(path, os.path.join(workspace, aside))
        case ["l", folder, number, line, mode]:
            return TakesLine(folder, number, os.fsencode(line), mode)
        case ["m", path]:
            return Makes(path)
        case ["i", path, contents]:
            return Inherits(path, tuple(contents))
        case ["f", origins]:
            return Forgets(tuple((name, sha256) for name, sha256 in origins))
    raise ValueError(f"not an intention: {row!r}")
