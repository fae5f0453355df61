"""Keeps the daemon small between its work: what glibc's malloc holds back is given back (mallopt(3)).

Unpacking in many threads leaves each of them an arena with holes in it. Where there is no glibc,
nothing is done.
"""

import ctypes
from typing import Final

_ARENA_MAX: Final = -8
_ARENAS: Final = 2


def limit_arenas() -> None:
    """Have all threads share a few arenas. To be called before there are any."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Return freed memory to the system: some milliseconds, for a quiet moment."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
