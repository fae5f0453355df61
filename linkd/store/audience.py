"""One reporter for work that several wait for: each of them is told."""

import contextlib
from collections.abc import Iterator

from linkd.core.progress import Progress, Reporter


class Audience:
    """Tells of work to everybody who is seated. Seats are taken and left in one thread only."""

    def __init__(self) -> None:
        self._seated: tuple[Reporter, ...] = ()

    def __bool__(self) -> bool:
        return bool(self._seated)

    def report(self, progress: Progress) -> None:
        for reporter in self._seated:
            reporter.report(progress)

    @contextlib.contextmanager
    def seat(self, reporter: Reporter) -> Iterator[None]:
        self._seated = (*self._seated, reporter)
        try:
            yield
        finally:
            seated = list(self._seated)
            seated.remove(reporter)
            self._seated = tuple(seated)
