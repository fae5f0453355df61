"""Errors of the environment: it is not one that can be changed."""

from linkd.errors.base import LinkdError


class TargetError(LinkdError, group=True):
    """The environment cannot be used."""

    environment: str

    @property
    def place(self) -> str:
        return self.environment


class EnvironmentMissing(TargetError):
    """No such environment.

    Nothing is at the path that -p, $VIRTUAL_ENV or ./.venv names.
    """

    sentence = "there is no environment at {environment}"
    advice = "make it with: linkd-client venv {environment}"


class NotAnEnvironment(TargetError):
    """Not a Python environment.

    There is something at the path, but it has no pyvenv.cfg, no site-packages, or cannot be read.
    """

    sentence = "{environment} is not a Python environment: {reason}"
    advice = "name an environment's folder or its interpreter with -p"

    reason: str


class InterpreterMissing(NotAnEnvironment):
    """An environment has lost its interpreter.

    The Python that it was made from was removed or moved, as an upgrade of the system does.
    """

    sentence = "{environment} cannot be used: {reason}"
    advice = (
        "make it anew, elsewhere or after moving it away, with: linkd-client venv {environment}"
    )


class EnvironmentNotWritable(TargetError):
    """The environment cannot be written.

    Its folders belong to somebody else, or its file system is read-only.
    """

    sentence = "{environment} cannot be changed: {path}: {reason}"
    advice = "look at who owns {path} and how it is mounted; the daemon must be its owner's"

    path: str
    reason: str


class EnvironmentExists(TargetError):
    """There is something already.

    A new environment is made in a folder that is missing or empty, and nowhere else.
    """

    sentence = "{environment} is there already and {reason}"
    advice = "choose another folder, or install into this one with -p"

    reason: str = "is not empty"


class EnvironmentBusy(TargetError):
    """Another installer holds the environment.

    Such as uv, which locks an environment while it changes it.
    """

    sentence = "{environment} is locked by {holder}; gave up after {waited_s:.0f} s"
    advice = "run the command again when it is done"

    holder: str
    waited_s: float


class RecoveryFailed(TargetError):
    """What a crash left half-done could not be undone.

    Nothing is lost: it is tried again with the next request.
    """

    sentence = "a change was cut off half-way and cannot be undone: {environment}/{path}: {reason}"
    advice = "put that right and run the command again, or make the environment anew"

    path: str
    reason: str
    left: tuple[str, ...] = ()
    """Paths that are not as they were before."""


class ExternallyManaged(TargetError):
    """The system's package manager looks after this Python.

    Its distributor marked it so (PEP 668).
    """

    advice = (
        "make an environment of your own with: linkd-client venv .venv; --break-system-packages "
        "overrides this"
    )

    message: str
    """What the distributor of the interpreter has to say of it (PEP 668)."""

    @property
    def detail(self) -> str:
        return f"{self.environment} is externally managed\n{self.message}".rstrip()


class InterpreterFailed(TargetError):
    """The interpreter does not answer.

    It cannot be run, ends with an error, or is a Python that is not supported.
    """

    sentence = "{interpreter} of {environment} does not answer: {reason}"
    advice = "run it yourself to see what is wrong, or choose another with -p"

    interpreter: str
    reason: str
