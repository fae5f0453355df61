"""Waiting until what was just written is old enough to be believed (`linkd/core/stamps.py`)."""

import time

from linkd.core.stamps import any_racy


def let_settle() -> None:
    """Return when a file stamped now would not be racy any more."""
    # Not a whole second, for such stamps may be of a coarse clock.
    stamp = time.time_ns() | 1
    while any_racy([stamp], time.time_ns()):
        time.sleep(0.01)
