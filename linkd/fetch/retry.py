"""When a request that failed is made again: exponential back-off, and RFC 9110's Retry-After."""

import email.utils
import random
import time
from dataclasses import dataclass

_TRANSIENT = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and after how many seconds."""

    attempts: int = 4
    """All of them, the first one counted."""
    first_delay: float = 0.3
    longest_delay: float = 30.0
    """Also the most that a server's Retry-After is waited for."""

    def delay(self, failures: int, retry_after: float | None = None) -> float:
        """Seconds to wait after so many failures; with jitter, so that clients spread out."""
        backoff = self.first_delay * 2.0 ** min(failures - 1, 16)
        jittered = backoff * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret
        return min(max(jittered, retry_after or 0.0), self.longest_delay)


def is_transient(status: int) -> bool:
    """Whether the same request may well be answered later."""
    return status >= 500 or status in _TRANSIENT


def parse_retry_after(value: str | None, *, now: float | None = None) -> float | None:
    """Seconds to wait, from a number or a date; None where there is neither."""
    if value is None:
        return None
    text = value.strip()
    if text.isdecimal():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - (time.time() if now is None else now))
