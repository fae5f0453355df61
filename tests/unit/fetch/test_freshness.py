import pytest

from linkd.fetch.freshness import Freshness, parse_freshness, renewed

NOW = 1_000_000_000.0  # Sun, 09 Sep 2001 01:46:40 GMT
DATE = "Sun, 09 Sep 2001 01:46:40 GMT"
LATER = "Sun, 09 Sep 2001 01:56:40 GMT"


def fresh_for(**fields: str) -> float:
    """Seconds of freshness from the answer's arrival on; 0 for none."""
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    until = parse_freshness(headers, requested_at=NOW - 2, received_at=NOW).fresh_until
    return max(0.0, until - NOW)


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"cache_control": "max-age=600"}, 598),
        ({"cache_control": "max-age=600, public", "date": DATE}, 598),
        ({"cache_control": "max-age=600", "age": "100"}, 498),
        ({"cache_control": 'Max-Age="600"'}, 598),
        ({"cache_control": "s-maxage=5, max-age=600"}, 598),
        ({"cache_control": "max-age=600", "date": "Sun, 09 Sep 2001 01:41:40 GMT"}, 300),
        ({"expires": LATER, "date": DATE}, 598),
        ({"expires": LATER}, 598),
    ],
)
def test_a_lifetime_less_the_age_is_the_freshness(fields: dict[str, str], seconds: float) -> None:
    """max-age goes before Expires; Age, Date and the answer's time on the way are taken off."""
    assert fresh_for(**fields) == seconds


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"last_modified": "Sat, 08 Sep 2001 01:46:40 GMT"},
        {"cache_control": "no-cache, max-age=600"},
        {"cache_control": "no-store, max-age=600"},
        {"cache_control": "max-age=0", "expires": LATER},
        {"cache_control": "max-age=soon", "expires": LATER},
        {"cache_control": "immutable"},
        {"cache_control": "max-age=600", "vary": "*"},
        {"cache_control": "max-age=600", "age": "700"},
        {"expires": "0", "date": DATE},
    ],
)
def test_without_a_usable_lifetime_nothing_is_fresh(fields: dict[str, str]) -> None:
    """There is no heuristic freshness, and what is not understood is stale."""
    assert fresh_for(**fields) == 0


def test_no_store_forbids_to_store() -> None:
    """An answer with no-store is not storable."""
    headers = {"cache-control": "no-store"}
    assert not parse_freshness(headers, requested_at=NOW, received_at=NOW).storable


def test_validators_become_conditions() -> None:
    """ETag and Last-Modified are sent back as they came."""
    headers = {"etag": 'W/"x"', "last-modified": DATE}
    freshness = parse_freshness(headers, requested_at=NOW, received_at=NOW)
    assert freshness.conditions() == {"If-None-Match": 'W/"x"', "If-Modified-Since": DATE}


def test_a_304_renews_and_keeps_the_validators() -> None:
    """A 304 without validators leaves those of the stored answer."""
    stored = Freshness(etag='"x"', last_modified=DATE)
    again = renewed(stored, {"cache-control": "max-age=60"}, requested_at=NOW, received_at=NOW)
    assert again == Freshness(fresh_until=NOW + 60, etag='"x"', last_modified=DATE)
