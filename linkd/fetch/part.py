"""The file that a download grows in, and the digests of what it holds."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping
from typing import Final, Self

from linkd.errors import CacheUnusable, HashMismatch, NoSpace, is_no_space, reason_of

CHUNK: Final = 1 << 20
_FIXED_LENGTH = frozenset(
    name for name in hashlib.algorithms_guaranteed if not name.startswith("shake")
)


class Digests:
    """SHA-256, and every other algorithm that a source promised a digest of."""

    def __init__(self, promised: Mapping[str, str]) -> None:
        self._promised = {
            algorithm: digest.lower()
            for algorithm, digest in promised.items()
            if algorithm in _FIXED_LENGTH
        }
        self.reset()

    def reset(self) -> None:
        algorithms = {"sha256", *self._promised}
        self._hashes = {
            name: hashlib.new(name, usedforsecurity=False) for name in sorted(algorithms)
        }

    def update(self, content: bytes | memoryview) -> None:
        for digest in self._hashes.values():
            digest.update(content)

    @property
    def promised(self) -> bool:
        """Whether there is anything to check."""
        return bool(self._promised)

    @property
    def sha256(self) -> str:
        return self._hashes["sha256"].hexdigest()

    def check(self, filename: str) -> None:
        """Raises HashMismatch."""
        for algorithm, expected in self._promised.items():
            actual = self._hashes[algorithm].hexdigest()
            if actual != expected:
                raise HashMismatch(
                    filename=filename,
                    algorithm=algorithm,
                    expected=expected,
                    actual=actual,
                    source="its source",
                )


def digest_stream(
    descriptor: int, digests: Digests, stopped: Callable[[], bool] = lambda: False
) -> int:
    """Take in all that is left of a file; its size. Ends early when stopped."""
    buffer = memoryview(bytearray(CHUNK))
    size = 0
    while not stopped() and (count := os.readv(descriptor, [buffer])):
        digests.update(buffer[:count])
        size += count
    return size


class PartFile:
    """A download's bytes so far. Raises NoSpace and CacheUnusable for what the disk refuses."""

    def __init__(self, path: str, filename: str, digests: Digests, *, keep: bool) -> None:
        """`keep` leaves what the file holds, to be taken up."""
        self.path = path
        self.digests = digests
        self.size = 0
        self._filename = filename
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | (0 if keep else os.O_TRUNC)
            self._descriptor = os.open(path, flags, 0o644)
        except OSError as error:
            raise self._refused(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def take_up(self, stopped: Callable[[], bool]) -> None:
        """Go on after what an earlier download left."""
        try:
            self.size = digest_stream(self._descriptor, self.digests, stopped)
        except OSError as error:
            raise self._refused(error) from error

    def append(self, content: bytes) -> None:
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            raise self._refused(error) from error
        self.digests.update(content)
        self.size += len(content)

    def restart(self) -> None:
        """Nothing of what is there can be used."""
        try:
            os.ftruncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
        except OSError as error:
            raise self._refused(error) from error
        self.digests.reset()
        self.size = 0

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self.path)

    def _refused(self, error: OSError) -> NoSpace | CacheUnusable:
        if is_no_space(error):
            return NoSpace(path=self.path, doing=f"downloading {self._filename}")
        return CacheUnusable(path=self.path, reason=reason_of(error))
