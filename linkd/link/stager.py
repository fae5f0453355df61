"""Gives each wheel of a request its staged tree: from the pool if one is ready, else made now.

What has to be made is made in several threads, the largest wheel first: nearly all of the time goes
into the kernel.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, wait
from dataclasses import dataclass, replace

from linkd.core.receipt import LinkMode
from linkd.core.target import Target
from linkd.core.wheel import StoredWheel
from linkd.errors import CacheUnusable, EnvironmentNotWritable, reason_of
from linkd.link.blueprint import Shape
from linkd.link.change import Addition
from linkd.link.constants import Constants
from linkd.link.pool import Order, Pool
from linkd.link.stage import BytecodeDamaged, StagedTree, Staging, complete, prepare
from linkd.link.workspace import Workspace, Workspaces
from linkd.store.bytecode import BytecodeShelf


class _Shapes:
    """Those of one request: few, and each one's digest is worked out once."""

    def __init__(self, target: Target) -> None:
        self._plain = Shape.of(target, requested=False)
        self._known: dict[tuple[bool, str | None], Shape] = {}

    def of(self, addition: Addition, bytecode: str | None) -> Shape:
        key = (addition.marks.requested, bytecode)
        if key not in self._known:
            self._known[key] = replace(self._plain, requested=key[0], bytecode=bytecode)
        return self._known[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stager:
    """Belongs to the daemon; asked from the threads that graft."""

    workspaces: Workspaces
    pool: Pool
    constants: Constants
    bytecode: BytecodeShelf
    executor: Executor
    """For what has to be made; not the one that the asking thread is of."""

    def stage_all(
        self,
        additions: Sequence[Addition],
        target: Target,
        workspace: Workspace,
        check: Callable[[], None],
    ) -> list[StagedTree]:
        """The trees, in the order of the additions, in the workspace.

        `check` raises if they are not wanted any more. Raises BrokenWheel, WheelDamaged, NoSpace,
        CacheUnusable and EnvironmentNotWritable.
        """
        mode = workspace.choice.mode
        work = _Work(
            target=target,
            shapes=_Shapes(target),
            staging=Staging(mode=mode, constants=self.constants),
            bytecode=self.bytecode,
            check=check,
        )
        places = [
            os.path.join(workspace.path, f"{number:05}-{addition.name}")
            for number, addition in enumerate(additions)
        ]
        pooled = _is_pooled(workspace)
        ready = [
            pooled and self.pool.take(_order(addition, work.shapes), where)
            for addition, where in zip(additions, places, strict=True)
        ]
        self._prepare(
            work,
            [
                (addition, where)
                for addition, where, there in zip(additions, places, ready, strict=True)
                if not there
            ],
        )
        return [
            work.complete(addition, where, prestaged=there)
            for addition, where, there in zip(additions, places, ready, strict=True)
        ]

    def orders(
        self, additions: Sequence[Addition], target: Target, workspace: Workspace
    ) -> tuple[Order, ...]:
        """What to have ready for the next one who wants the same; nothing where no pool helps."""
        if not _is_pooled(workspace):
            return ()
        shapes = _Shapes(target)
        return tuple(self._next_order(addition, shapes) for addition in additions)

    def _next_order(self, addition: Addition, shapes: _Shapes) -> Order:
        sha256, awaited = addition.wheel.manifest.sha256, addition.awaited
        if awaited is not None and self.bytecode.is_ready(sha256, awaited):
            return Order(sha256, shapes.of(addition, awaited))
        return replace(_order(addition, shapes), awaited=awaited)

    def _prepare(self, work: "_Work", missing: list[tuple[Addition, str]]) -> None:
        missing.sort(key=lambda one: len(one[0].wheel.manifest.files), reverse=True)
        making = [self.executor.submit(work.prepare, *one) for one in missing]
        wait(making, return_when=FIRST_EXCEPTION)
        for future in making:
            future.cancel()
        # Nothing may be made any more when the workspace is discarded.
        wait(making)
        for future in making:
            if not future.cancelled():
                future.result()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One request's staging."""

    target: Target
    shapes: _Shapes
    staging: Staging
    bytecode: BytecodeShelf
    check: Callable[[], None]

    def prepare(self, addition: Addition, where: str) -> None:
        self.check()
        shape = self.shapes.of(addition, addition.bytecode)
        with self._translated(addition, where):
            if shape.bytecode is not None:
                try:
                    self._prepare_compiled(addition.wheel, shape, where)
                except BytecodeDamaged:
                    # It is no more than what an interpreter would make at its first import.
                    self.bytecode.retire(addition.wheel.manifest.sha256, shape.bytecode)
                    shutil.rmtree(where, ignore_errors=True)
                else:
                    return
            prepare(addition.wheel, self.shapes.of(addition, None), where, staging=self.staging)

    def _prepare_compiled(self, wheel: StoredWheel, shape: Shape, where: str) -> None:
        assert shape.bytecode is not None
        bytecode = self.bytecode.read(wheel.manifest.sha256, shape.bytecode)
        if bytecode is None:
            raise BytecodeDamaged
        prepare(wheel, shape, where, staging=self.staging, bytecode=bytecode)

    def complete(self, addition: Addition, where: str, *, prestaged: bool) -> StagedTree:
        with self._translated(addition, where):
            return complete(
                addition.wheel,
                self.target,
                where,
                staging=self.staging,
                marks=addition.marks,
                prestaged=prestaged,
                bytecode=addition.bytecode,
            )

    @contextlib.contextmanager
    def _translated(self, addition: Addition, where: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise CacheUnusable(
                path=addition.wheel.tree, reason=f"{error.filename} is gone from it"
            ) from error
        except OSError as error:
            raise EnvironmentNotWritable(
                environment=str(self.target.prefix),
                path=error.filename or where,
                reason=reason_of(error),
            ) from error


def _is_pooled(workspace: Workspace) -> bool:
    """Whether trees can be made ahead: they lie in the cache, and are links to its files."""
    return workspace.in_cache and workspace.choice.mode is LinkMode.HARDLINK


def _order(addition: Addition, shapes: _Shapes) -> Order:
    return Order(addition.wheel.manifest.sha256, shapes.of(addition, addition.bytecode))
