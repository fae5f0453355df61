"""How long an answer may be used without asking again: RFC 9111 for a private cache.

There is no heuristic freshness: an answer that says nothing is asked for again at each use.
"""

import email.utils
from collections.abc import Iterator, Mapping

import msgspec


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer says of its own storing."""

    fresh_until: float = 0.0
    """Seconds since the epoch; 0 for one that is asked for again at each use."""
    storable: bool = True
    etag: str | None = None
    last_modified: str | None = None

    def is_fresh(self, now: float) -> bool:
        return now < self.fresh_until

    def conditions(self) -> dict[str, str]:
        """The header fields that make a request conditional (RFC 9110 section 13.1)."""
        conditions: dict[str, str] = {}
        if self.etag is not None:
            conditions["If-None-Match"] = self.etag
        if self.last_modified is not None:
            conditions["If-Modified-Since"] = self.last_modified
        return conditions


def parse_freshness(
    headers: Mapping[str, str], *, requested_at: float, received_at: float
) -> Freshness:
    """Read the header fields (names in lower case) of an answer got between two moments."""
    directives = dict(_directives(headers.get("cache-control", "")))
    return Freshness(
        fresh_until=_fresh_until(headers, directives, requested_at, received_at),
        storable="no-store" not in directives,
        etag=headers.get("etag"),
        last_modified=headers.get("last-modified"),
    )


def renewed(
    stored: Freshness, headers: Mapping[str, str], *, requested_at: float, received_at: float
) -> Freshness:
    """What a 304 makes of the stored answer: its fields replace the old ones (section 3.2)."""
    update = parse_freshness(headers, requested_at=requested_at, received_at=received_at)
    return Freshness(
        fresh_until=update.fresh_until,
        storable=update.storable,
        etag=update.etag or stored.etag,
        last_modified=update.last_modified or stored.last_modified,
    )


def _fresh_until(
    headers: Mapping[str, str],
    directives: Mapping[str, str | None],
    requested_at: float,
    received_at: float,
) -> float:
    if directives.keys() & {"no-cache", "no-store"} or headers.get("vary", "").strip() == "*":
        return 0.0
    date = _moment(headers.get("date"))
    lifetime = _lifetime(headers, directives, received_at if date is None else date)
    if lifetime <= 0:
        return 0.0
    # Section 4.2.3: the age that the answer had when it came
    apparent = 0.0 if date is None else max(0.0, received_at - date)
    corrected = (_seconds(headers.get("age")) or 0) + (received_at - requested_at)
    return received_at + lifetime - max(apparent, corrected)


def _lifetime(
    headers: Mapping[str, str], directives: Mapping[str, str | None], date: float
) -> float:
    """Section 4.2.1, without what is for shared caches alone."""
    if "max-age" in directives:
        return _seconds(directives["max-age"]) or 0
    expires = _moment(headers.get("expires"))
    return 0.0 if expires is None else expires - date


def _directives(value: str) -> Iterator[tuple[str, str | None]]:
    for part in value.split(","):
        name, given, argument = part.strip().partition("=")
        if name:
            yield name.strip().lower(), argument.strip().strip('"') if given else None


def _seconds(value: str | None) -> int | None:
    text = (value or "").strip()
    return int(text) if text.isdecimal() and len(text) < 12 else None


def _moment(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        return email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
