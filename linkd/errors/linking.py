"""Errors of changing an environment: the plan cannot be put into it."""

from linkd.errors.base import LinkdError


class LinkError(LinkdError, group=True):
    """The environment could not be changed."""


class LinkUnavailable(LinkError):
    """Linking is not possible here.

    --require-link was given, and the cache and the environment lie on different file systems, or on
    one that cannot do it.
    """

    sentence = "{mode} was required but is not possible here: {explanation}"
    advice = (
        "leave out --require-link to have the files copied, or move the cache to the "
        "environment's file system"
    )

    mode: str
    reason: str
    """The stable word for it: ``cross-device``, ``not-permitted``, ``not-supported``."""
    explanation: str


class CollisionRefused(LinkError):
    """Distributions contain the same file with different content.

    --collisions error was given; nothing was touched.
    """

    sentence = "different content for the same path: {collisions:; }"
    advice = (
        "leave out --collisions error to keep the file of the distribution whose name sorts last"
    )

    collisions: tuple[str, ...]
    """One line a path, with both owners."""


class PathOccupied(LinkError):
    """Something is in the way.

    A folder that nobody recorded stands where a file must go, or a file where a folder must.
    """

    sentence = "{distribution} cannot be installed: {path} {reason}"
    advice = "move it away and run the command again"

    path: str
    distribution: str
    reason: str

    @property
    def place(self) -> str:
        return self.path


class NotInstalled(LinkError):
    """Not installed.

    None of the names that were to be uninstalled is there.
    """

    advice = "linkd-client list shows what is"

    names: tuple[str, ...]
    environment: str

    @property
    def detail(self) -> str:
        verb = "is" if len(self.names) == 1 else "are"
        return f"{', '.join(self.names)} {verb} not installed in {self.environment}"


class NoRecord(LinkError):
    """No record of the distribution's files.

    Another tool installed it and did not record what it wrote, so nobody knows what may go.
    """

    sentence = "{name} cannot be removed: {path} does not say which files are its own"
    name: str
    path: str
    installer: str | None = None
    """Who installed it, where that is known."""

    @property
    def hint(self) -> str:
        if self.installer is not None:
            return f"{self.installer} installed it: remove it with that, or make a new environment"
        return "remove it with the tool that installed it, or make a new environment"


class GraftFailed(LinkError):
    """The environment could not be changed.

    The system refused a step; all steps before it were taken back.
    """

    environment: str
    path: str
    reason: str
    left: tuple[str, ...] = ()
    """Paths that could not be put back, which should be none."""

    @property
    def detail(self) -> str:
        if self.left:
            left = ", ".join(self.left)
            return f"{self.path}: {self.reason}; these could not be put back: {left}"
        return f"{self.path}: {self.reason}; {self.environment} is as it was before"

    @property
    def hint(self) -> str:
        if self.left:
            return "install the distributions of these paths again with --reinstall"
        return "mend what the reason names and run the command again"
