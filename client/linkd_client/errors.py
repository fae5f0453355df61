"""What ends a command early, each with the exit code that INTERFACE fixes for it.

ClientError                client-error         1
├── UnreadableFile             unreadable-file      1
├── UndecodableFile            undecodable-file     1
├── UsageError                 usage                2
└── NoDaemon                   no-daemon            3
├── NobodyListens              nobody-listens       3
└── NoAnswer                   no-answer            3
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from linkd_client.arguments import Command


class ClientError(Exception):
    """The command cannot be carried out.

    Such as for an interpreter that is not there, or output that cannot be written.
    """

    exit_code = 1
    code = "client-error"
    example = "no interpreter 'python9': there is no such path and no such command"

    def __init__(self, reason: str) -> None:
        """`reason` is the one line that a person reads; it is told without credentials."""
        super().__init__(redacted(reason))


class UnreadableFile(ClientError):
    """A requirement file cannot be read.

    It is missing, or may not be read; the line is told that names it.
    """

    code = "unreadable-file"
    example = "base.txt cannot be read: no such file or directory (wanted by requirements.txt:12)"


class UndecodableFile(ClientError):
    """A requirement file is not in the encoding that it says.

    Its byte order mark or its coding comment (PEP 263) names another one, or one that is not known.
    """

    code = "undecodable-file"
    example = (
        "requirements.txt:12 cannot be decoded as utf-8: invalid start byte "
        "(wanted by the command line); save it as UTF-8, or say what it is: # coding: latin-1"
    )


class UsageError(ClientError):
    """The command line is wrong.

    A command or an option is not known, has no value or one too many; what may be meant is told.
    """

    exit_code = 2
    code = "usage"
    example = "unknown option '--upgarde' of install; did you mean '--upgrade'?"

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
    """There is no daemon, or none that can be talked to.

    None could be started, or what answers is not linkd.
    """

    exit_code = 3
    code = "no-daemon"
    example = "linkd cannot be run: no such file or directory"


class NobodyListens(NoDaemon):
    """Nothing answers at the socket.

    With --no-autostart, and for commands that start no daemon, such as shutdown.
    """

    code = "nobody-listens"
    example = "no daemon listens at /run/user/1000/linkd/linkd.sock"


class NoAnswer(NoDaemon):
    """The daemon ended before it answered.

    Twice: the client asks once more by itself.
    """

    code = "no-answer"
    example = "the daemon ended before it had answered"


def redacted(text: str) -> str:
    """Without what may be credentials in a URL: up to the last @, whatever a password may hold."""
    if "://" not in text or "@" not in text:
        return text
    import re  # noqa: PLC0415 - of use only to who made a mistake

    return re.sub(r"(?<=://)(?:[^\s@]*:.*@|[^/\n]*@)", "", text)


def reason_of(error: OSError) -> str:
    """The system's words for an OSError, without its number and path."""
    return error.strerror.lower() if error.strerror else str(error)
