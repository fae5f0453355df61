"""Small files of the cache: written whole or not at all, and believed only when undamaged."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator

_DIGEST_SIZE = 16


class DiskCache:
    """Bytes by key below one folder; a cache that cannot be written is slow, not an error.

    A file is a BLAKE2b digest of its content, then the content. The methods block: call them in a
    thread.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = os.fspath(folder)

    def read(self, key: str) -> bytes | None:
        """The content; None where there is none or it is damaged."""
        try:
            with open(self._path(key), "rb") as file:
                stored = file.read()
        except OSError:
            return None
        content = stored[_DIGEST_SIZE:]
        return content if stored[:_DIGEST_SIZE] == _digest(content) else None

    def write(self, key: str, content: bytes) -> None:
        path = self._path(key)
        with contextlib.suppress(OSError):
            _replace(path, _digest(content) + content)

    def trim(self, most: int) -> None:
        """Keep no more files than that: those that were written last."""
        with contextlib.suppress(OSError):
            written = sorted(_files_below(self._folder), reverse=True)
            for _, path in written[most:]:
                with contextlib.suppress(OSError):
                    os.unlink(path)

    def remove(self, key: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._path(key))

    def _path(self, key: str) -> str:
        name = hashlib.blake2b(key.encode(), digest_size=20).hexdigest()
        return os.path.join(self._folder, name[:2], name[2:])


def _files_below(folder: str) -> Iterator[tuple[int, str]]:
    """(mtime, path) of each; in a folder of their first letters."""
    for name in os.listdir(folder):
        with os.scandir(os.path.join(folder, name)) as entries:
            for entry in entries:
                yield entry.stat(follow_symlinks=False).st_mtime_ns, entry.path


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_SIZE).digest()


def _replace(path: str, content: bytes) -> None:
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
