"""The process that stages ahead of demand: jobs come in on its input, answers go out, a line each.

A process of its own, so that no request waits for its interpreter's lock, and the humblest of the
machine, so that nobody notices it. It ends with its input. Run as
``python -m linkd.link.ahead_process CACHE MIN_FREE``.
"""

import contextlib
import ctypes
import os
import platform
import secrets
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from linkd.core.entry_points import made_for
from linkd.core.receipt import LinkMode
from linkd.core.target import SchemeKey
from linkd.core.wheel import StoredWheel
from linkd.errors import LinkdError, WheelDamaged, is_no_space
from linkd.link.blueprint import Blueprint, Shape
from linkd.link.constants import Constants
from linkd.link.footprint import Roots
from linkd.link.stage import Staging, prepare
from linkd.link.wholeness import find_flaw
from linkd.store.durability import SHAPE, read_marks
from linkd.store.entry import read_entry
from linkd.store.layout import Layout

_IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30}
_IDLE_CLASS: Final = 3 << 13
_NICENESS: Final = 10


class ShapeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A shape as it is told and kept."""

    roots: Mapping[SchemeKey, str]
    requested: bool
    python: str

    @classmethod
    def of(cls, shape: Shape) -> "ShapeFacts":
        return cls(roots=shape.roots.by_key, requested=shape.requested, python=shape.python)

    @property
    def shape(self) -> Shape:
        return Shape(Roots(self.roots, frozenset(), frozenset()), self.python, self.requested)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A tree to be made, or one that was made and is to be looked at."""

    sha256: str
    where: str
    """Its absolute path."""
    shape_digest: str
    making: ShapeFacts | None = None
    """None for one that is there; its shape is on record then."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a job."""

    folders: int = 0
    """Of the tree, which is whole; 0 if it is not, for the reason that is told."""
    reason: str = ""
    damaged: bool = False
    """The wheel in the store is not what was unpacked."""
    gone: bool = False
    """The wheel is not in the store."""
    scarce: bool = False
    """There is too little room for any tree."""
    failed: bool = False
    """The process has not answered."""


@dataclass(frozen=True, slots=True)
class _Bench:
    layout: Layout
    staging: Staging
    min_free: float
    """Percent of the file system's bytes and inodes that are left to others."""

    def do(self, job: Job) -> Answer:
        try:
            wheel = read_entry(self.layout, job.sha256)
            if wheel is None:
                return Answer(reason="the wheel is not in the cache any more", gone=True)
            return self._make(job, wheel) if job.making else self._look(job, wheel)
        except WheelDamaged as error:
            return Answer(reason=error.detail, damaged=True)
        except LinkdError as error:
            return Answer(reason=error.detail)
        except OSError as error:
            return Answer(reason=str(error), scarce=is_no_space(error))

    def _make(self, job: Job, wheel: StoredWheel) -> Answer:
        assert job.making is not None
        scarcity = self._scarcity()
        if scarcity is not None:
            return Answer(reason=scarcity, scarce=True)
        shape = job.making.shape
        fitted = made_for(wheel, shape.python)
        self._keep_shape(job)
        prepare(fitted, shape, job.where, staging=self.staging)
        return _whole(Blueprint(fitted.manifest, shape))

    def _look(self, job: Job, wheel: StoredWheel) -> Answer:
        _, doubtful = read_marks(self.layout)
        if job.sha256 in doubtful:
            return Answer(reason="its wheel may not have been on the disk when the machine stopped")
        try:
            with open(self._shape_file(job), "rb") as kept:
                facts = msgspec.json.decode(kept.read(), type=ShapeFacts)
        except (FileNotFoundError, msgspec.DecodeError):
            return Answer(reason="nobody knows its shape")
        fitted = made_for(wheel, facts.python)
        blueprint = Blueprint(fitted.manifest, facts.shape)
        flaw = find_flaw(job.where, fitted, blueprint)
        return _whole(blueprint) if flaw is None else Answer(reason=flaw)

    def _shape_file(self, job: Job) -> str:
        return os.path.join(self.layout.constants, f"{SHAPE}{job.shape_digest}")

    def _keep_shape(self, job: Job) -> None:
        """For whoever looks at the tree after a restart."""
        path = self._shape_file(job)
        if os.path.exists(path):
            return
        fresh = f"{path}.{secrets.token_hex(4)}"
        try:
            with open(fresh, "xb") as file:
                file.write(msgspec.json.encode(job.making))
            os.rename(fresh, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(fresh)

    def _scarcity(self) -> str | None:
        facts = os.statvfs(self.layout.pool)
        for name, total, free in (
            ("space", facts.f_blocks, facts.f_bavail),
            ("inodes", facts.f_files, facts.f_favail),  # no total where there is no limit
        ):
            if total and free * 100 < total * self.min_free:
                return f"under {self.min_free:g} % of the file system's {name} are free"
        return None


def main() -> None:
    """Answer until the input ends."""
    # Ctrl-C in a terminal reaches us too; the daemon finishes its work, and tells us when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    layout = Layout(Path(sys.argv[1]))
    staging = Staging(mode=LinkMode.HARDLINK, constants=Constants(layout.constants))
    bench = _Bench(layout, staging, float(sys.argv[2]))
    _be_humble()
    decoder = msgspec.json.Decoder(Job)
    for line in sys.stdin.buffer:
        answer = bench.do(decoder.decode(line))
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


def _whole(blueprint: Blueprint) -> Answer:
    return Answer(folders=len(blueprint.folders) + 1)


def _be_humble() -> None:
    """The last in line for the processors and the disk, as far as the machine allows it."""
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        ctypes.CDLL(None).syscall(number, 1, 0, _IDLE_CLASS)


if __name__ == "__main__":
    main()
