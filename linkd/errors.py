"""Everything that can go wrong for a user, each with a stable code and a hint.

    LinkdError
    ├── RequestError                 what was asked cannot be understood
    │   ├── InvalidRequirement           invalid-requirement
    │   ├── InvalidRequirementFile       invalid-requirement-file
    │   ├── InvalidLockFile              invalid-lock-file
    │   ├── InvalidProjectFile           invalid-project-file
    │   ├── InvalidIndexSettings         invalid-index-settings
    │   └── InvalidRequest               invalid-request
    ├── ResolveError                 no set of distributions answers the request
    │   ├── ProjectNotFound              project-not-found
    │   ├── NoCompatibleWheel            no-compatible-wheel
    │   ├── Unsolvable                   unsolvable
    │   └── ResolutionLimit              resolution-limit
    ├── FetchError                   bytes could not be had, or are not what they should be
    │   ├── IndexUnavailable             index-unavailable
    │   ├── DownloadFailed               download-failed
    │   ├── HashMismatch                 hash-mismatch
    │   └── AccessDenied                 access-denied
    ├── WheelError                   an archive is not a wheel that may be shared
    │   ├── BrokenWheel                  broken-wheel
    │   └── UnsafeWheel                  unsafe-wheel
    ├── BuildError                   a source could not be made into a wheel
    │   ├── BuildFailed                  build-failed
    │   ├── BuildForbidden               build-forbidden
    │   ├── BuildCycle                   build-cycle
    │   ├── SourceUnsafe                 source-unsafe
    │   └── VcsFailed                    vcs-failed
    ├── StoreError                   the cache cannot do its work
    │   ├── NoSpace                      no-space
    │   ├── CacheUnusable                cache-unusable
    │   └── CacheOccupied                cache-occupied
    ├── TargetError                  the environment is not one that can be changed
    │   ├── EnvironmentMissing           environment-missing
    │   ├── NotAnEnvironment             not-an-environment
    │   ├── EnvironmentNotWritable       environment-not-writable
    │   ├── EnvironmentExists            environment-exists
    │   ├── EnvironmentBusy              environment-busy
    │   ├── RecoveryFailed               recovery-failed
    │   ├── ExternallyManaged            externally-managed
    │   └── InterpreterFailed            interpreter-failed
    ├── LinkError                    the plan cannot be put into the environment
    │   ├── LinkUnavailable              link-unavailable
    │   ├── CollisionRefused             collision-refused
    │   ├── PathOccupied                 path-occupied
    │   ├── NotInstalled                 not-installed
    │   ├── NoRecord                     no-record
    │   └── GraftFailed                  graft-failed
    └── DaemonError                  the daemon itself cannot run or go on
        ├── AlreadyRunning               already-running
        ├── SocketUnusable               socket-unusable
        ├── InvalidSettings              invalid-settings
        └── PeerRefused                  peer-refused

Each leaf is a dataclass: its fields are the facts, `detail` is the sentence for a person made
from them, `hint` is what to do. Foreign errors (OSError, HTTP, zip) are translated where they
arise, with ``raise ... from``. What HTTP status an error has is the api's business alone.
"""

import errno as _errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(eq=False, kw_only=True)
class LinkdError(Exception):
    """The root of every error that a user can meet."""

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"

    @property
    def detail(self) -> str:
        """One sentence: what was asked and what is wrong with it."""
        return self.title

    @property
    def hint(self) -> str | None:
        """What to do about it, where there is something to do."""
        return None

    def __str__(self) -> str:
        return self.detail

    def facts(self) -> Iterator[tuple[str, object]]:
        """The error's own fields, for the problem document."""
        for field in fields(self):
            yield field.name, getattr(self, field.name)


# What was asked cannot be understood


class RequestError(LinkdError):
    title = "The request cannot be understood"


@dataclass(eq=False, kw_only=True)
class InvalidRequirement(RequestError):
    code = "invalid-requirement"
    title = "A requirement cannot be read"

    requirement: str
    reason: str
    origin: str | None = None
    """Where it was written, such as ``requirements.txt:12``."""

    @property
    def detail(self) -> str:
        place = f"{self.origin}: " if self.origin else ""
        return f"{place}{self.requirement!r} is not a requirement: {self.reason}"

    @property
    def hint(self) -> str:
        return "write it as PEP 508 does, such as 'name[extra]>=1.0', or give a wheel's path or URL"


@dataclass(eq=False, kw_only=True)
class InvalidRequirementFile(RequestError):
    code = "invalid-requirement-file"
    title = "A requirement file cannot be read"

    path: str
    line: int | None = None
    reason: str

    @property
    def detail(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.reason}"


@dataclass(eq=False, kw_only=True)
class InvalidLockFile(RequestError):
    code = "invalid-lock-file"
    title = "A lock file cannot be used"

    path: str
    reason: str
    """With the place in the file, such as ``packages[3].wheels[0]``."""

    @property
    def detail(self) -> str:
        return f"{self.path}: {self.reason}"

    @property
    def hint(self) -> str:
        return "lock again with the tool that made it, for this environment's Python and platform"


@dataclass(eq=False, kw_only=True)
class InvalidProjectFile(RequestError):
    code = "invalid-project-file"
    title = "A pyproject.toml cannot be used"

    path: str
    reason: str

    @property
    def detail(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(eq=False, kw_only=True)
class InvalidIndexSettings(RequestError):
    code = "invalid-index-settings"
    title = "The index settings cannot be used"

    source: str
    """The option, variable or file that holds them."""
    reason: str

    @property
    def detail(self) -> str:
        return f"{self.source}: {self.reason}"


@dataclass(eq=False, kw_only=True)
class InvalidRequest(RequestError):
    code = "invalid-request"
    title = "The request is not valid"

    reason: str
    remedy: str | None = None

    @property
    def detail(self) -> str:
        return self.reason

    @property
    def hint(self) -> str | None:
        return self.remedy


# No set of distributions answers the request


class ResolveError(LinkdError):
    title = "The requirements cannot be resolved"


@dataclass(eq=False, kw_only=True)
class ProjectNotFound(ResolveError):
    code = "project-not-found"
    title = "No such project"

    project: str
    wanted_by: str
    """The requirement and where it came from, such as ``'foo>=1' (requirements.txt:3)``."""
    searched: tuple[str, ...] = ()

    @property
    def detail(self) -> str:
        where = ", ".join(self.searched) if self.searched else "no index and no folder of wheels"
        return f"{self.project} was not found in {where}; it is wanted by {self.wanted_by}"

    @property
    def hint(self) -> str:
        return "check its spelling, or name the index that has it with --index-url or --find-links"


@dataclass(eq=False, kw_only=True)
class NoCompatibleWheel(ResolveError):
    code = "no-compatible-wheel"
    title = "No wheel fits the environment"

    project: str
    wanted_by: str
    available: tuple[str, ...]
    """Tags, or other reasons, of the releases that there are."""
    wanted_tags: tuple[str, ...]
    """The environment's most specific tags, best first."""

    @property
    def detail(self) -> str:
        there = "; ".join(self.available) if self.available else "no files at all"
        wanted = ", ".join(self.wanted_tags)
        return (
            f"no wheel of {self.project} fits this environment (wanted by {self.wanted_by}): "
            f"there is {there}; the environment takes {wanted}"
        )


@dataclass(eq=False, kw_only=True)
class Unsolvable(ResolveError):
    code = "unsolvable"
    title = "The requirements contradict each other"

    explanation: str
    """Which requirements clash and where each came from; may have several lines."""

    @property
    def detail(self) -> str:
        return self.explanation

    @property
    def hint(self) -> str:
        return "loosen one of the requirements named above"


@dataclass(eq=False, kw_only=True)
class ResolutionLimit(ResolveError):
    code = "resolution-limit"
    title = "Resolving took too long"

    limit: str
    """The limit that was reached, such as ``60 seconds``."""

    @property
    def detail(self) -> str:
        return f"no answer was found within {self.limit}"

    @property
    def hint(self) -> str:
        return "pin some of the requirements, or constrain them with -c"


# Bytes could not be had


class FetchError(LinkdError):
    title = "Something could not be fetched"


@dataclass(eq=False, kw_only=True)
class IndexUnavailable(FetchError):
    code = "index-unavailable"
    title = "An index does not answer"

    url: str
    reason: str

    @property
    def detail(self) -> str:
        return f"{self.url} cannot be read: {self.reason}"

    @property
    def hint(self) -> str:
        return "check the address and the network, or name another source with --index-url or --find-links"


@dataclass(eq=False, kw_only=True)
class DownloadFailed(FetchError):
    code = "download-failed"
    title = "A download failed"

    filename: str
    url: str
    reason: str

    @property
    def detail(self) -> str:
        return f"{self.filename} could not be downloaded from {self.url}: {self.reason}"

    @property
    def hint(self) -> str:
        return (
            "run the command again: what was received is kept and the download goes on from there"
        )


@dataclass(eq=False, kw_only=True)
class HashMismatch(FetchError):
    code = "hash-mismatch"
    title = "A file is not the one that was promised"

    filename: str
    algorithm: str
    expected: str
    actual: str
    source: str
    """Who promised the hash: the index, the requirement file, RECORD, …"""

    @property
    def detail(self) -> str:
        return (
            f"{self.filename} has {self.algorithm} {self.actual}, "
            f"but {self.source} says {self.expected}"
        )

    @property
    def hint(self) -> str:
        return (
            "nothing of it was kept; if the file was replaced on purpose, renew the recorded hash"
        )


@dataclass(eq=False, kw_only=True)
class AccessDenied(FetchError):
    code = "access-denied"
    title = "The server wants other credentials"

    url: str
    status: int

    @property
    def detail(self) -> str:
        return f"{self.url} answers {self.status}: access denied"

    @property
    def hint(self) -> str:
        return "put credentials into the URL, ~/.netrc or the keyring"


# An archive is not a wheel that may be shared


class WheelError(LinkdError):
    title = "A wheel cannot be used"


@dataclass(eq=False, kw_only=True)
class BrokenWheel(WheelError):
    code = "broken-wheel"
    title = "A wheel is broken"

    filename: str
    reasons: tuple[str, ...]
    """Everything found wrong with it, not only the first."""

    @property
    def detail(self) -> str:
        return f"{self.filename} is not a valid wheel: {'; '.join(self.reasons)}"

    @property
    def hint(self) -> str:
        return "fetch or build it again"


@dataclass(eq=False, kw_only=True)
class UnsafeWheel(WheelError):
    code = "unsafe-wheel"
    title = "A wheel would write where it must not"

    filename: str
    reasons: tuple[str, ...]

    @property
    def detail(self) -> str:
        return f"{self.filename} is refused: {'; '.join(self.reasons)}"

    @property
    def hint(self) -> str:
        return "nothing of it was kept; tell its publisher"


# A source could not be made into a wheel


class BuildError(LinkdError):
    title = "A source could not be built"


@dataclass(eq=False, kw_only=True)
class BuildFailed(BuildError):
    code = "build-failed"
    title = "A build failed"

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


@dataclass(eq=False, kw_only=True)
class BuildForbidden(BuildError):
    code = "build-forbidden"
    title = "Building is not allowed"

    subject: str

    @property
    def detail(self) -> str:
        return f"{self.subject} would have to be built, which --only-binary forbids"

    @property
    def hint(self) -> str:
        return "take it out of --only-binary, or give a wheel of it"


@dataclass(eq=False, kw_only=True)
class BuildCycle(BuildError):
    code = "build-cycle"
    title = "Building needs what is being built"

    chain: tuple[str, ...]
    """Each needs the next one to be built; the last is the first again."""

    @property
    def detail(self) -> str:
        return f"building it needs itself: {' needs '.join(self.chain)}"

    @property
    def hint(self) -> str:
        return "name an index or a folder that has a wheel of one of them"


@dataclass(eq=False, kw_only=True)
class SourceUnsafe(BuildError):
    code = "source-unsafe"
    title = "A source archive would write where it must not"

    filename: str
    reason: str

    @property
    def detail(self) -> str:
        return f"{self.filename} is refused: {self.reason}"

    @property
    def hint(self) -> str:
        return "nothing of it was run; tell its publisher"


@dataclass(eq=False, kw_only=True)
class VcsFailed(BuildError):
    code = "vcs-failed"
    title = "A repository could not be had"

    url: str
    """Without credentials."""
    reason: str
    output: tuple[str, ...] = ()
    """The last lines that git wrote."""

    @property
    def detail(self) -> str:
        return "\n".join((f"{self.url} could not be had with git: {self.reason}", *self.output))

    @property
    def hint(self) -> str:
        return "git is never asked for a password here: use its credential helper or an SSH agent"


# The cache cannot do its work


class StoreError(LinkdError):
    title = "The cache cannot be used"


@dataclass(eq=False, kw_only=True)
class NoSpace(StoreError):
    code = "no-space"
    title = "No space left"

    path: str
    doing: str
    """What was under way, such as ``unpacking foo-1.0-py3-none-any.whl``."""

    @property
    def detail(self) -> str:
        return f"no space left on the file system of {self.path} while {self.doing}"

    @property
    def hint(self) -> str:
        return "free some space and run the command again; downloads go on from where they were"


@dataclass(eq=False, kw_only=True)
class CacheUnusable(StoreError):
    code = "cache-unusable"
    title = "The cache folder cannot be used"

    path: str
    reason: str

    @property
    def detail(self) -> str:
        return f"the cache at {self.path} cannot be used: {self.reason}"

    @property
    def hint(self) -> str:
        return "choose another with LINKD_CACHE_DIR or linkd serve --cache-dir"


@dataclass(eq=False, kw_only=True)
class CacheOccupied(StoreError):
    code = "cache-occupied"
    title = "Another daemon has the cache"

    path: str
    socket: str
    """Where that daemon listens."""

    @property
    def detail(self) -> str:
        return (
            f"the cache at {self.path} is used by the daemon at {self.socket or 'another socket'}"
        )

    @property
    def hint(self) -> str:
        return (
            f"use that one with LINKD_SOCKET={self.socket}, or another cache with LINKD_CACHE_DIR"
        )


# The environment is not one that can be changed


@dataclass(eq=False, kw_only=True)
class TargetError(LinkdError):
    title = "The environment cannot be used"

    environment: str


@dataclass(eq=False, kw_only=True)
class EnvironmentMissing(TargetError):
    code = "environment-missing"
    title = "No such environment"

    @property
    def detail(self) -> str:
        return f"there is no environment at {self.environment}"

    @property
    def hint(self) -> str:
        return f"make it with: linkd-client venv {self.environment}"


@dataclass(eq=False, kw_only=True)
class NotAnEnvironment(TargetError):
    code = "not-an-environment"
    title = "Not a Python environment"

    reason: str

    @property
    def detail(self) -> str:
        return f"{self.environment} is not a Python environment: {self.reason}"

    @property
    def hint(self) -> str:
        return "name an environment's folder or its interpreter with -p"


@dataclass(eq=False, kw_only=True)
class EnvironmentNotWritable(TargetError):
    code = "environment-not-writable"
    title = "The environment cannot be written"

    path: str
    reason: str

    @property
    def detail(self) -> str:
        return f"{self.environment} cannot be changed: {self.path}: {self.reason}"


@dataclass(eq=False, kw_only=True)
class EnvironmentExists(TargetError):
    code = "environment-exists"
    title = "There is something already"

    @property
    def detail(self) -> str:
        return f"{self.environment} is there already and is not empty"

    @property
    def hint(self) -> str:
        return "choose another folder, or install into this one with -p"


@dataclass(eq=False, kw_only=True)
class EnvironmentBusy(TargetError):
    code = "environment-busy"
    title = "Another installer holds the environment"

    holder: str
    waited_s: float

    @property
    def detail(self) -> str:
        return f"{self.environment} is locked by {self.holder}; gave up after {self.waited_s:.0f} s"

    @property
    def hint(self) -> str:
        return "run the command again when it is done"


@dataclass(eq=False, kw_only=True)
class RecoveryFailed(TargetError):
    code = "recovery-failed"
    title = "What a crash left half-done could not be undone"

    path: str
    reason: str
    left: tuple[str, ...] = ()
    """Paths that are not as they were before."""

    @property
    def detail(self) -> str:
        more = f" (and {len(self.left) - 1} more)" if len(self.left) > 1 else ""
        return (
            "a change was cut off half-way and cannot be undone: "
            f"{self.environment}/{self.path}: {self.reason}{more}"
        )

    @property
    def hint(self) -> str:
        return "put that right and run the command again, or make the environment anew"


@dataclass(eq=False, kw_only=True)
class ExternallyManaged(TargetError):
    code = "externally-managed"
    title = "The system's package manager looks after this Python"

    message: str
    """What the distributor of the interpreter has to say of it (PEP 668)."""

    @property
    def detail(self) -> str:
        return f"{self.environment} is externally managed\n{self.message}".rstrip()

    @property
    def hint(self) -> str:
        return (
            "make an environment of your own with: linkd-client venv .venv; --break-system-packages "
            "overrides this"
        )


@dataclass(eq=False, kw_only=True)
class InterpreterFailed(TargetError):
    code = "interpreter-failed"
    title = "The interpreter does not answer"

    interpreter: str
    reason: str

    @property
    def detail(self) -> str:
        return f"{self.interpreter} of {self.environment} does not answer: {self.reason}"


# The plan cannot be put into the environment


class LinkError(LinkdError):
    title = "The environment could not be changed"


@dataclass(eq=False, kw_only=True)
class LinkUnavailable(LinkError):
    code = "link-unavailable"
    title = "Linking is not possible here"

    mode: str
    reason: str
    """The stable word for it: ``cross-device``, ``not-permitted``, ``not-supported``."""
    explanation: str

    @property
    def detail(self) -> str:
        return f"{self.mode} was required but is not possible here: {self.explanation}"

    @property
    def hint(self) -> str:
        return "leave out --require-link to have the files copied, or move the cache to the environment's file system"


@dataclass(eq=False, kw_only=True)
class CollisionRefused(LinkError):
    code = "collision-refused"
    title = "Distributions contain the same file with different content"

    collisions: tuple[str, ...]
    """One line a path, with both owners."""

    @property
    def detail(self) -> str:
        return f"different content for the same path: {'; '.join(self.collisions)}"

    @property
    def hint(self) -> str:
        return "leave out --collisions error to keep the file of the distribution whose name sorts last"


@dataclass(eq=False, kw_only=True)
class PathOccupied(LinkError):
    code = "path-occupied"
    title = "Something is in the way"

    path: str
    distribution: str
    reason: str

    @property
    def detail(self) -> str:
        return f"{self.distribution} cannot be installed: {self.path} {self.reason}"

    @property
    def hint(self) -> str:
        return "move it away and run the command again"


@dataclass(eq=False, kw_only=True)
class NotInstalled(LinkError):
    code = "not-installed"
    title = "Not installed"

    names: tuple[str, ...]
    environment: str

    @property
    def detail(self) -> str:
        verb = "is" if len(self.names) == 1 else "are"
        return f"{', '.join(self.names)} {verb} not installed in {self.environment}"


@dataclass(eq=False, kw_only=True)
class NoRecord(LinkError):
    code = "no-record"
    title = "No record of the distribution's files"

    name: str
    path: str

    @property
    def detail(self) -> str:
        return f"{self.name} cannot be removed: {self.path} does not say which files are its own"

    @property
    def hint(self) -> str:
        return "remove it with the tool that installed it"


@dataclass(eq=False, kw_only=True)
class GraftFailed(LinkError):
    code = "graft-failed"
    title = "The environment could not be changed"

    environment: str
    path: str
    reason: str
    left: tuple[str, ...] = ()
    """Paths that could not be put back, which should be none."""

    @property
    def detail(self) -> str:
        if self.left:
            return (
                f"{self.path}: {self.reason}; these could not be put back: {', '.join(self.left)}"
            )
        return f"{self.path}: {self.reason}; {self.environment} is as it was before"


# The daemon itself cannot run or go on


class DaemonError(LinkdError):
    title = "The daemon cannot run"


@dataclass(eq=False, kw_only=True)
class AlreadyRunning(DaemonError):
    code = "already-running"
    title = "A daemon is running already"

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


@dataclass(eq=False, kw_only=True)
class SocketUnusable(DaemonError):
    code = "socket-unusable"
    title = "The socket cannot be used"

    socket: str
    reason: str

    @property
    def detail(self) -> str:
        return f"{self.socket} cannot be used: {self.reason}"

    @property
    def hint(self) -> str:
        return "choose another with LINKD_SOCKET or --socket"


@dataclass(eq=False, kw_only=True)
class InvalidSettings(DaemonError):
    code = "invalid-settings"
    title = "The settings are not valid"

    source: str
    reason: str

    @property
    def detail(self) -> str:
        return f"{self.source}: {self.reason}"


@dataclass(eq=False, kw_only=True)
class PeerRefused(DaemonError):
    code = "peer-refused"
    title = "Not your daemon"

    uid: int
    owner: int

    @property
    def detail(self) -> str:
        return f"this daemon serves user {self.owner}; you are user {self.uid}"

    @property
    def hint(self) -> str:
        return "start your own with linkd serve, or let the client start it"


def reason_of(error: OSError) -> str:
    """The system's words for an OSError, without its number and path."""
    text = error.strerror or (os.strerror(error.errno) if error.errno else str(error))
    return text.lower()


def is_no_space(error: OSError) -> bool:
    """Whether the file system, or the user's quota on it, is full."""
    return error.errno in {_errno.ENOSPC, _errno.EDQUOT}
