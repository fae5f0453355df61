"""Errors of the store: the cache cannot do its work."""

from linkd.errors.base import LinkdError


class StoreError(LinkdError, group=True):
    """The cache cannot be used."""


class NoSpace(StoreError):
    """No space left.

    The file system is full, or the user's quota on it. Downloads that can be gone on with are kept,
    but for the one that filled it.
    """

    sentence = "no space left on the file system of {path} while {doing}"
    advice = "free some space and run the command again"

    path: str
    doing: str
    """What was under way, such as ``unpacking foo-1.0-py3-none-any.whl``."""


class CacheUnusable(StoreError):
    """The cache folder cannot be used.

    It cannot be made, read or written, or is somebody else's.
    """

    sentence = "the cache at {path} cannot be used: {reason}"
    advice = "choose another with LINKD_CACHE_DIR or linkd serve --cache-dir"

    path: str
    reason: str


class WheelDamaged(StoreError):
    """A wheel in the cache was changed.

    A file of it is not as it was unpacked, most likely because it was edited in place through an
    environment that shares it.
    """

    sentence = "{path}, of {filename}, is not as it was unpacked"
    advice = "the wheel was taken out of the cache: run the command again to have it anew"

    filename: str
    sha256: str
    path: str
    """Of the file that is not as it was unpacked."""

    @property
    def place(self) -> str:
        return self.path


class CacheOccupied(StoreError):
    """Another daemon has the cache.

    It listens at another socket than this one would.
    """

    advice = "use that one with LINKD_SOCKET={socket}, or another cache with LINKD_CACHE_DIR"

    path: str
    socket: str
    """Where that daemon listens."""

    @property
    def detail(self) -> str:
        listener = self.socket or "another socket"
        return f"the cache at {self.path} is used by the daemon at {listener}"
