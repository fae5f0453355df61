"""What ends a command early, each with the exit code that INTERFACE fixes for it.

ClientError                1   the command cannot be carried out
├── UsageError             2   the command line is wrong
└── NoDaemon               3   there is no daemon, or none that can be talked to
├── NobodyListens          nothing answers at the socket; one may be started
└── NoAnswer               the connection was closed before the first byte of an answer
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from linkd_client.arguments import Command


class ClientError(Exception):
    """The root: its text is the one line that a person reads."""

    exit_code = 1


class UsageError(ClientError):
    """The command line is wrong; `word` and `known` make the did-you-mean hint."""

    exit_code = 2

    def __init__(
        self,
        reason: str,
        command: Command | None = None,
        *,
        word: str = "",
        known: Collection[str] = (),
    ) -> None:
        super().__init__(reason)
        self.command = command
        self.word = word
        self.known = known


class NoDaemon(ClientError):
    exit_code = 3


class NobodyListens(NoDaemon):
    pass


class NoAnswer(NoDaemon):
    pass


def reason_of(error: OSError) -> str:
    """The system's words for an OSError, without its number and path."""
    return error.strerror.lower() if error.strerror else str(error)
