"""Who waits for whose build, so that a circle is an error and not a wait without end.

A build waits for those of its requirements that have to be built too. The same build may be wanted
by several requests, so circles are looked for among all that waits, not within one request.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from linkd.errors import BuildCycle


@dataclass(frozen=True, slots=True)
class Task:
    """Something that is built."""

    key: str
    subject: str = field(compare=False)
    """For messages."""


@dataclass(slots=True)
class Waiting:
    """The edges from what is built to what it waits for; for one event loop."""

    _edges: dict[Task, list[Task]] = field(default_factory=dict)

    @contextlib.contextmanager
    def edge(self, waiter: Task | None, awaited: Task) -> Iterator[None]:
        """Note that one waits for the other. Raises BuildCycle if that would never end."""
        if waiter is None:
            yield
            return
        circle = self._path(awaited, waiter, ())
        if circle is not None:
            raise BuildCycle(chain=tuple(task.subject for task in (waiter, *circle)))
        edges = self._edges.setdefault(waiter, [])
        edges.append(awaited)
        try:
            yield
        finally:
            edges.remove(awaited)
            if not edges:
                self._edges.pop(waiter, None)

    def _path(self, task: Task, to: Task, seen: tuple[Task, ...]) -> tuple[Task, ...] | None:
        seen = (*seen, task)
        if task == to:
            return seen
        for following in self._edges.get(task, ()):
            if following not in seen:
                path = self._path(following, to, seen)
                if path is not None:
                    return path
        return None
