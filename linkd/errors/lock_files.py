"""Errors of lock files (PEP 751)."""

from linkd.errors.toml_files import InvalidTomlFile


class InvalidLockFile(InvalidTomlFile, group=True):
    """A lock file cannot be used."""


class LockFileSyntax(InvalidLockFile):
    """A lock file is not TOML.

    It was cut short, or merged by a version control system with its marks left in.
    """

    advice = "lock again with the tool that made it"


class LockFileVersion(InvalidLockFile):
    """A lock file has a version that is not known.

    Its lock-version is not 1.0: a newer tool made it.
    """

    advice = "lock again in version 1.0, or use a newer linkd"


class LockFileContent(InvalidLockFile):
    """A lock file says what no lock file may say.

    A member is missing, has the wrong type, or contradicts another.
    """

    advice = "lock again with the tool that made it, and do not edit what it wrote"


class LockFileUnfit(InvalidLockFile):
    """A lock file does not fit the environment.

    It was locked for another Python or platform, or has no file of a package that fits here.
    """

    advice = "lock again for this environment's Python and platform"


class LockFilesContradict(InvalidLockFile):
    """Two lock files contradict each other.

    They lock one project to different files.
    """

    advice = "install one of them, or lock both together"
