"""Stops the daemon when its work is done."""

import os
from dataclasses import dataclass

from linkd.service.activity import Activity


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    pid: int
    active: int
    """Other requests that are finished before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    activity: Activity

    def __call__(self) -> Stopping:
        """The server takes no more connections from now on, and ends after its last answer."""
        self.activity.stopping = True
        return Stopping(pid=os.getpid(), active=max(self.activity.active - 1, 0))
