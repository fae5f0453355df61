"""Errors in requirement and constraint files, each with its line."""

from linkd.errors.requests import RequestError


class InvalidRequirementFile(RequestError, group=True):
    """A requirement file cannot be read."""

    path: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"


class UnknownFileOption(InvalidRequirementFile):
    """A requirement file has an option that is not known.

    An option that is not understood is never passed over.
    """

    sentence = "{place}: {option!r} is not an option that is known here"
    advice = "take it out; linkd-client install --help names the options that there are"

    option: str


class MisplacedOption(InvalidRequirementFile):
    """An option of a requirement file stands where it must not.

    Such as --hash without a requirement before it, or -e beside other options.
    """

    sentence = "{place}: {reason}"
    advice = "give options lines of their own, and --hash behind its requirement"

    reason: str


class InvalidOptionValue(InvalidRequirementFile):
    """An option of a requirement file has a wrong value.

    Its value is missing, or it takes none.
    """

    sentence = "{place}: {option} {reason}"
    advice = "write it as --option=value, or alone if it takes none"

    option: str
    reason: str


class InvalidHash(InvalidRequirementFile):
    """A hash of a requirement file is none.

    The algorithm is not known or not strong enough, or the digest has another length.
    """

    sentence = "{place}: {reason}"
    advice = "write --hash=sha256: and 64 hexadecimal digits, as pip hash prints it"

    reason: str


class UnbalancedQuote(InvalidRequirementFile):
    """A quotation in a requirement file does not end.

    An option's line is split into words as a shell does.
    """

    sentence = "{place}: it cannot be split into words: {reason}"
    advice = "close the quotation, or put a backslash before a quote that is meant as itself"

    reason: str


class IncludedFileMissing(InvalidRequirementFile):
    """A nested requirement file is missing.

    The client sends the files that -r and -c name along; this one was not among them.
    """

    sentence = "{place}: the file {included} that it includes was not sent along"
    advice = "name it relative to the file that includes it"

    included: str


class IncludedFileRemote(InvalidRequirementFile):
    """A requirement file includes a URL.

    What a URL says today nobody can read in the file: only local files are included.
    """

    sentence = "{place}: it includes a URL; only local files can be included"
    advice = "download it first, look at it, and include the file"


class RecursiveInclude(InvalidRequirementFile):
    """A requirement file includes itself.

    By way of the files between, where there are some.
    """

    sentence = "{place}: {included} includes itself: {chain: includes }"
    advice = "take out one of these lines"

    included: str
    chain: tuple[str, ...]
    """From the file to itself."""


class MissingVariable(InvalidRequirementFile):
    """A requirement file names a variable that is not set.

    The client puts the values of ${NAME} in; one without a value would be taken literally.
    """

    sentence = "{place}: the environment variable {variable} is not set"
    advice = "set {variable} where linkd-client runs"

    variable: str


class InvalidConstraint(InvalidRequirementFile):
    """A line of a constraint file is no constraint.

    A constraint names one project and its versions, or a wheel of it: no extras, nothing to build,
    nothing editable.
    """

    sentence = "{place}: not a constraint: {reason}"
    advice = "write it as name>=1.0,<2, or make it a requirement"

    reason: str
