"""Errors of the daemon: it cannot run or go on."""

from linkd.errors.base import LinkdError


class DaemonError(LinkdError, group=True):
    """The daemon cannot run."""


class AlreadyRunning(DaemonError):
    """A daemon is running already.

    It listens at this socket, or had it and is finishing its work.
    """

    socket: str
    pid: int | None
    ending: bool = False
    """It has the socket's place but does not answer any more."""

    @property
    def detail(self) -> str:
        who = f" (pid {self.pid})" if self.pid else ""
        if self.ending:
            return f"already running{who}: the daemon of {self.socket} is finishing its work"
        return f"a daemon{who} is already serving {self.socket}"

    @property
    def hint(self) -> str:
        if self.ending:
            return "try again when it has ended, or use another --socket"
        return "use it, stop it with linkd-client shutdown, or give this one another --socket"


class SocketUnusable(DaemonError):
    """The socket cannot be used.

    Its path is too long, its folder cannot be made, or something else lies there.
    """

    sentence = "{socket} cannot be used: {reason}"
    advice = "choose another with LINKD_SOCKET or --socket"

    socket: str
    reason: str


class InvalidSettings(DaemonError):
    """The settings are not valid.

    Those of the settings file, of a LINKD_ variable or of an option of linkd serve.
    """

    sentence = "{source}: {reason}"
    advice = "put right what {source} says; the README names the settings"

    source: str
    reason: str

    @property
    def place(self) -> str:
        return self.source


class PeerRefused(DaemonError):
    """Not your daemon.

    A daemon serves the user who runs it, and root.
    """

    sentence = "this daemon serves user {owner}; you are user {uid}"
    advice = "start your own with linkd serve, or let the client start it"

    uid: int
    owner: int
