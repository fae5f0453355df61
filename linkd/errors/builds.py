"""Errors of building: a source could not be made into a wheel."""

from linkd.errors.base import LinkdError


class BuildError(LinkdError, group=True):
    """A source could not be built."""


class BuildFailed(BuildError):
    """A build failed.

    The build backend ended with an error, took too long, or made something that is no wheel.
    """

    subject: str
    """What was built, such as ``foo==1.0`` or a folder."""
    step: str
    """What was under way: a hook of PEP 517 or 660, or words."""
    reason: str
    backend: str | None = None
    output: tuple[str, ...] = ()
    """The last lines that the backend wrote."""
    log: str | None = None
    """Path of the file with all that it wrote."""

    @property
    def detail(self) -> str:
        doing = f"{self.step} of {self.backend}" if self.backend else self.step
        return "\n".join(
            (f"{self.subject} could not be built: {doing}: {self.reason}", *self.output)
        )

    @property
    def hint(self) -> str | None:
        """A release may be had as a wheel in another version; a folder is what it is."""
        words = [f"all that it wrote is in {self.log}"] if self.log else []
        if "==" in self.subject:
            words.append("--only-binary keeps to versions that have a wheel")
        return "; ".join(words) or None


class BuildForbidden(BuildError):
    """Building is not allowed.

    --only-binary names the project, and there is only its source.
    """

    sentence = "{subject} would have to be built, which --only-binary forbids"
    advice = "take it out of --only-binary, or give a wheel of it"

    subject: str


class BuildCycle(BuildError):
    """Building needs what is being built.

    Such as a build backend that is there only as a source which it would have to build.
    """

    sentence = "building it needs itself: {chain: needs }"
    advice = "name an index or a folder that has a wheel of one of them"

    chain: tuple[str, ...]
    """Each needs the next one to be built; the last is the first again."""


class SourceUnsafe(BuildError):
    """A source archive would write where it must not.

    Or it holds what is neither a file nor a folder.
    """

    sentence = "{filename} is refused: {reason}"
    advice = "nothing of it was run; tell its publisher"

    filename: str
    reason: str


class VcsFailed(BuildError):
    """A repository could not be had.

    git is not there, cannot reach it, or does not find the revision.
    """

    advice = "git is never asked for a password here: use its credential helper or an SSH agent"

    url: str
    """Without credentials."""
    reason: str
    output: tuple[str, ...] = ()
    """The last lines that git wrote."""

    @property
    def detail(self) -> str:
        return "\n".join((f"{self.url} could not be had with git: {self.reason}", *self.output))
