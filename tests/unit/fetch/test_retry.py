import pytest

from linkd.fetch.retry import RetryPolicy, is_transient, parse_retry_after


def test_delays_grow_and_are_bounded() -> None:
    """Each failure doubles the span of the delay, up to the longest one."""
    policy = RetryPolicy(first_delay=1.0, longest_delay=10.0)
    for failures, most in ((1, 1.0), (2, 2.0), (3, 4.0), (9, 10.0)):
        assert most / 2 <= policy.delay(failures) <= most


def test_retry_after_is_honoured_up_to_the_longest_delay() -> None:
    """A server may ask for more patience than ours, but not for any."""
    policy = RetryPolicy(first_delay=0.1, longest_delay=10.0)
    assert [policy.delay(1, 5.0), policy.delay(1, 500.0)] == [5.0, 10.0]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("soon", None),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    """Both forms of RFC 9110 are read, anything else is passed over."""
    assert parse_retry_after(value, now=10.0) == seconds


def test_which_statuses_are_transient() -> None:
    """Overload and server errors pass; refusals and absence do not."""
    assert [s for s in (200, 304, 401, 403, 404, 408, 416, 429, 500, 503) if is_transient(s)] == [
        408,
        429,
        500,
        503,
    ]
