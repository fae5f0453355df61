"""Gives each wheel of a request its staged tree: from the pool if one is ready, else made now.

What has to be made is made in several threads, the largest wheel first: nearly all of the time goes
into the kernel.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, wait
from dataclasses import dataclass

from linkd.core.receipt import LinkMode
from linkd.core.target import Target
from linkd.errors import CacheUnusable, EnvironmentNotWritable, reason_of
from linkd.link.blueprint import Shape
from linkd.link.change import Addition
from linkd.link.constants import Constants
from linkd.link.pool import Order, Pool
from linkd.link.stage import StagedTree, Staging, complete, prepare
from linkd.link.workspace import Workspace, Workspaces

_Shapes = Mapping[bool, Shape]
"""By whether the distribution was requested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stager:
    """Belongs to the daemon; asked from the threads that graft."""

    workspaces: Workspaces
    pool: Pool
    constants: Constants
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
            shapes=_shapes(target),
            staging=Staging(mode=mode, constants=self.constants),
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
        shapes = _shapes(target)
        return tuple(_order(addition, shapes) for addition in additions)

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
    check: Callable[[], None]

    def prepare(self, addition: Addition, where: str) -> None:
        self.check()
        shape = self.shapes[addition.marks.requested]
        with self._translated(addition, where):
            prepare(addition.wheel, shape, where, staging=self.staging)

    def complete(self, addition: Addition, where: str, *, prestaged: bool) -> StagedTree:
        with self._translated(addition, where):
            return complete(
                addition.wheel,
                self.target,
                where,
                staging=self.staging,
                marks=addition.marks,
                prestaged=prestaged,
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


def _shapes(target: Target) -> _Shapes:
    return {requested: Shape.of(target, requested=requested) for requested in (False, True)}


def _order(addition: Addition, shapes: _Shapes) -> Order:
    return Order(addition.wheel.manifest.sha256, shapes[addition.marks.requested])
