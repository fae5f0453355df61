"""When a file was made, by statx(2), which `os` lacks."""

import ctypes
import struct
from typing import Final

_AT_EMPTY_PATH: Final = 0x1000
_BIRTH: Final = 0x800
_MASK: Final = struct.Struct("=I")
_TIME: Final = struct.Struct("=qI")
_TIME_OFFSET: Final = 80
_SIZE: Final = 256

_libc: Final = ctypes.CDLL(None)


def birth_ns(descriptor: int) -> int:
    """Nanoseconds since 1970; 0 where the kernel or the file system does not know."""
    facts = ctypes.create_string_buffer(_SIZE)
    statx = getattr(_libc, "statx", None)
    if statx is None or statx(descriptor, b"", _AT_EMPTY_PATH, _BIRTH, facts) != 0:
        return 0
    (mask,) = _MASK.unpack_from(facts)
    if not mask & _BIRTH:
        return 0
    seconds, nanoseconds = _TIME.unpack_from(facts, _TIME_OFFSET)
    return int(seconds * 10**9 + nanoseconds)
