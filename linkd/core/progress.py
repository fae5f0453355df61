"""How work tells of itself: one value, one method, downwards only."""

import enum
from dataclasses import dataclass
from typing import Protocol


class Phase(enum.StrEnum):
    """The steps of an install, in their order."""

    RESOLVE = "resolve"
    FETCH = "fetch"
    BUILD = "build"
    UNPACK = "unpack"
    COMPILE = "compile"
    STAGE = "stage"
    GRAFT = "graft"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one thing is."""

    phase: Phase
    subject: str
    """What it is about: a project's or a file's name; empty for the request as a whole."""
    done: int = 0
    """Bytes for fetch and unpack, things for the others."""
    total: int | None = None


class Reporter(Protocol):
    """Takes what work tells of itself. May be called from any thread; never waits."""

    def report(self, progress: Progress, /) -> None: ...


class Silent:
    """A reporter for work that nobody watches."""

    def report(self, progress: Progress, /) -> None:
        """Do nothing."""
