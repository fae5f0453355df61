"""Errors of what was asked: requirements, options, settings."""

from linkd.errors.base import LinkdError


class RequestError(LinkdError, group=True):
    """The request cannot be understood."""


class InvalidRequest(RequestError):
    """The request is not valid.

    Its members contradict each other, or nothing is left of it to do.
    """

    sentence = "{reason}"

    reason: str
    remedy: str | None = None

    @property
    def hint(self) -> str | None:
        return self.remedy


class InvalidIndexSettings(RequestError):
    """The index settings cannot be used.

    An index or a folder of wheels that an option, a variable or a configuration file names is
    neither a URL nor a path, or the file itself cannot be read.
    """

    sentence = "{source}: {reason}"
    advice = "put right what {source} says: an index is a URL, --find-links a URL or a folder"

    source: str
    """The option, variable or file that holds them."""
    reason: str

    @property
    def place(self) -> str:
        return self.source


class InvalidRequirement(RequestError):
    """A requirement cannot be read.

    It is not what PEP 508 describes, names a path where nothing is, or a URL of which no wheel can
    be had.
    """

    advice = "write it as PEP 508 does, such as 'name[extra]>=1.0', or give a wheel's path or URL"

    requirement: str
    reason: str
    origin: str | None = None
    """Where it was written, such as ``requirements.txt:12``."""

    @property
    def place(self) -> str | None:
        return self.origin

    @property
    def detail(self) -> str:
        place = f"{self.origin}: " if self.origin else ""
        return f"{place}{self.requirement!r} is not a requirement: {self.reason}"


class NothingRequired(RequestError):
    """The files name nothing.

    All that is installed would be removed by a sync with them. It may be meant, but a file that was
    cut off looks the same.
    """

    sentence = "no requirement is named by {files:, }: all that is installed would go"
    advice = "look at what is in it; if that is meant, say --allow-empty-requirements"

    files: tuple[str, ...]

    @property
    def place(self) -> str | None:
        return self.files[0] if self.files else None


class UnhashedRequirement(RequestError):
    """A requirement has no hash where hashes are required.

    With --require-hashes, or with one --hash in the files, each requirement has to be pinned and
    to have a hash.
    """

    sentence = "{origin}: {requirement!r}: {reason}"
    advice = "pin it with == and give its --hash=sha256:…, or take all hashes out"

    requirement: str
    reason: str
    origin: str

    @property
    def place(self) -> str:
        return self.origin


class HashContradiction(RequestError):
    """Two hashes are required of one file.

    The hash in a direct URL's fragment, or that of another requirement on the same project, is none
    of those that --hash allows.
    """

    sentence = "the hashes that are required of {project} have none in common: {hashes:; }"
    advice = "take out the hash that is wrong; nothing was downloaded"

    project: str
    hashes: tuple[str, ...]
    """Each with where it was written, such as ``sha256 ab… (requirements.txt:3)``."""
    origin: str

    @property
    def place(self) -> str:
        return self.origin
