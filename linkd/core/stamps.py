"""When a file's times may be believed to tell of its next change.

File systems stamp with a coarse clock: a change soon after a look can leave the very stamp that was
seen. As in git's index, such a stamp is "racy" and proves nothing.
"""

from collections.abc import Iterable
from typing import Final

_TICK_NS: Final = 100_000_000
"""Far more than the kernel's tick (1 to 10 ms)."""
_COARSE_NS: Final = 2_100_000_000
"""For file systems whose stamps have whole seconds only, or every second one."""
_SECOND_NS: Final = 1_000_000_000


def any_racy(stamps: Iterable[int], looked: int) -> bool:
    """Whether one of these stamps could stay the same at a change after the look.

    All in nanoseconds since 1970; `looked` is a moment before the stamps were read.
    """
    return any(
        stamp > looked - (_TICK_NS if stamp % _SECOND_NS else _COARSE_NS) for stamp in stamps
    )
