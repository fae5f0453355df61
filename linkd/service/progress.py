"""A reporter that keeps only the latest word of each thing, for whoever streams it."""

import threading

from linkd.core.progress import Phase, Progress


class LatestProgress:
    """Coalesces: a fast install tells little, a slow one at the pace at which it is read."""

    def __init__(self) -> None:
        self._latest: dict[tuple[Phase, str], Progress] = {}
        self._guard = threading.Lock()

    def report(self, progress: Progress, /) -> None:
        with self._guard:
            self._latest[progress.phase, progress.subject] = progress

    def take(self) -> list[Progress]:
        """What was told since the last time, the oldest first."""
        with self._guard:
            taken = list(self._latest.values())
            self._latest.clear()
        return taken
