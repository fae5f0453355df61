"""Errors of wheels: an archive is not one that may be shared.

Everything found wrong is told at once; the error is that of what was found first.
"""

from linkd.errors.base import LinkdError


class WheelError(LinkdError, group=True):
    """A wheel cannot be used."""

    filename: str
    reasons: tuple[str, ...]
    """Everything found wrong with it, not only the first."""

    @property
    def place(self) -> str:
        return self.filename


class BrokenWheel(WheelError):
    """A wheel is broken.

    Its archive or its metadata contradicts itself or the specification.
    """

    sentence = "{filename} is not a valid wheel: {reasons:; }"
    advice = "fetch or build it again"


class NotAZip(BrokenWheel):
    """A wheel is not a zip file.

    Often it is the page of a proxy or a log-in form, saved under the wheel's name.
    """

    advice = "look at what the file is, and fetch it again"


class TruncatedWheel(BrokenWheel):
    """A wheel is cut short.

    It begins as a zip file, and its end is missing.
    """

    advice = "fetch it again: it was not received to its end"


class InvalidWheelName(BrokenWheel):
    """A file name is none of a wheel.

    It has to be name-version-python-abi-platform.whl, with a build tag before python or none.
    """

    advice = "give it back the name that it was built with"


class WheelMisnamed(BrokenWheel):
    """A wheel is of another distribution than its name says.

    File name, dist-info folder and METADATA must have one name and one version.
    """

    advice = "give it back the name that it was built with, or build it again"


class NoDistInfo(BrokenWheel):
    """A wheel has no dist-info folder.

    A zip file of modules is not yet a wheel.
    """

    advice = "build it with a build backend, such as with python -m build"


class SeveralDistInfos(BrokenWheel):
    """A wheel has several dist-info folders.

    A wheel is of one distribution; which one, it must say.
    """

    advice = "build a wheel for each distribution"


class DistInfoIncomplete(BrokenWheel):
    """A wheel lacks a file of its dist-info.

    METADATA and WHEEL have to be there.
    """

    advice = "build it again with a build backend"


class UnsupportedWheelVersion(BrokenWheel):
    """A wheel has a version of the format that is not known.

    The specification has an installer refuse what is not Wheel-Version 1.x.
    """

    advice = "use a newer linkd, or another build of the distribution"


class RecordMissing(BrokenWheel):
    """A wheel has no RECORD.

    Without it nobody can tell whether its files are those that were built.
    """

    advice = "build it again with a build backend"


class RecordMismatch(BrokenWheel):
    """A wheel is not what its RECORD says.

    A file has another hash or size, is not listed, or is listed and not there: it was changed after
    it had been built.
    """

    advice = "build it again: a wheel is not edited, and tools that do so write its RECORD anew"


class EncryptedWheel(BrokenWheel):
    """A wheel is encrypted.

    There is no password that an installer could ask for.
    """

    advice = "pack it without encryption"


class UnsafeWheel(WheelError):
    """A wheel would write where it must not.

    Or it is made so that two readers see two different archives in it.
    """

    sentence = "{filename} is refused: {reasons:; }"
    advice = "nothing of it was kept; tell its publisher"


class PathEscape(UnsafeWheel):
    """A file of a wheel would leave its folder.

    Its name has ``..`` in it.
    """


class AbsolutePath(UnsafeWheel):
    """A file of a wheel has an absolute path.

    It begins with a slash or a drive letter.
    """


class LinkInWheel(UnsafeWheel):
    """A wheel has a symbolic link.

    Wheels have none; what comes behind it could be written through it.
    """


class DuplicateMember(UnsafeWheel):
    """A file is in a wheel more than once.

    Which of them counts would depend on who reads it.
    """
