"""The process that stages ahead of demand: jobs come in on its input, answers go out, a line each.

A process of its own, so that no request waits for its interpreter's lock, and the humblest of the
machine, so that nobody notices it. It ends with its input. Run as
``python -m linkd.link.ahead_process CACHE``.
"""

import contextlib
import ctypes
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from linkd.core.entry_points import made_for
from linkd.core.receipt import LinkMode
from linkd.core.target import SchemeKey
from linkd.core.wheel import StoredWheel
from linkd.errors import LinkdError, WheelDamaged
from linkd.link.beneath import open_folder
from linkd.link.blueprint import Batch, Blueprint, Shape
from linkd.link.constants import Constants
from linkd.link.footprint import Roots
from linkd.link.stage import Staging, prepare
from linkd.store.entry import read_entry
from linkd.store.layout import Layout

_IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30}
_IDLE_CLASS: Final = 3 << 13
_NICENESS: Final = 10


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A tree to be made, or one that an earlier daemon left and that is to be looked at."""

    sha256: str
    where: str
    """Its absolute path."""
    roots: Mapping[SchemeKey, str]
    python: str
    requested: bool
    there: bool

    @classmethod
    def make(cls, sha256: str, shape: Shape, where: str) -> "Job":
        return cls(
            sha256=sha256,
            where=where,
            roots=shape.roots.by_key,
            python=shape.python,
            requested=shape.requested,
            there=False,
        )

    @classmethod
    def look(cls, sha256: str, where: str) -> "Job":
        roots = dict.fromkeys(SchemeKey, "")
        return cls(sha256=sha256, where=where, roots=roots, python="", requested=False, there=True)

    @property
    def shape(self) -> Shape:
        return Shape(Roots(self.roots, frozenset(), frozenset()), self.python, self.requested)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    folders: int = 0
    """Of the tree, which is whole; 0 if it is not, for the reason that is told."""
    reason: str = ""
    damaged: bool = False
    """The wheel in the store is not what was unpacked."""


def main() -> None:
    layout = Layout(Path(sys.argv[1]))
    staging = Staging(mode=LinkMode.HARDLINK, constants=Constants(layout.constants))
    _be_humble()
    decoder = msgspec.json.Decoder(Job)
    for line in sys.stdin.buffer:
        answer = _do(decoder.decode(line), layout, staging)
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


def _do(job: Job, layout: Layout, staging: Staging) -> Answer:
    try:
        wheel = read_entry(layout, job.sha256)
        if wheel is None:
            return Answer(reason="the wheel is not in the cache any more")
        wheel = made_for(wheel, job.python)
        blueprint = Blueprint(wheel.manifest, job.shape)
        if job.there:
            if not _is_whole(job.where, wheel, blueprint):
                return Answer(reason="it is not as it was made")
        else:
            prepare(wheel, job.shape, job.where, staging=staging)
        return Answer(folders=len(blueprint.folders) + 1)
    except WheelDamaged as error:
        return Answer(reason=error.detail, damaged=True)
    except LinkdError as error:
        return Answer(reason=error.detail)
    except OSError as error:
        return Answer(reason=str(error))


def _is_whole(tree: str, wheel: StoredWheel, blueprint: Blueprint) -> bool:
    """Whether every file of the tree is the store's own, and all of them are there."""
    record = os.path.join(tree, blueprint.dist_info, "RECORD")
    own = (os.path.join(tree, path) for path in blueprint.own_files)
    try:
        return (
            os.path.getsize(record) > 0
            and all(os.path.getsize(path) == 0 for path in own)
            and all(_is_same(tree, wheel, batch) for batch in blueprint.batches)
        )
    except FileNotFoundError:
        return False


def _is_same(tree: str, wheel: StoredWheel, batch: Batch) -> bool:
    """Raises FileNotFoundError where one is missing."""
    with (
        open_folder(os.path.join(tree, batch.staged)) as staged_fd,
        open_folder(os.path.join(wheel.tree, batch.source)) as source_fd,
    ):
        for file in batch.files:
            name = os.path.basename(file.source)
            staged = os.lstat(name, dir_fd=staged_fd)
            facts = (staged.st_size, staged.st_mtime_ns)
            if facts != (file.size, file.mtime_ns):
                return False
            if not os.path.samestat(staged, os.lstat(name, dir_fd=source_fd)):
                return False
    return True


def _be_humble() -> None:
    """The last in line for the processors and the disk, as far as the machine allows it."""
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        ctypes.CDLL(None).syscall(number, 1, 0, _IDLE_CLASS)


if __name__ == "__main__":
    main()
