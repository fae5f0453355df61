import pytest

from linkd.core.stamps import any_racy

SECOND = 1_000_000_000
LOOKED = 1_700_000_000 * SECOND + 5


@pytest.mark.parametrize(
    ("stamp", "racy"),
    [
        (LOOKED, True),
        (LOOKED - 20_000_000, True),
        (LOOKED + SECOND + 1, True),
        (LOOKED - SECOND // 2, False),
        (LOOKED - 365 * 86_400 * SECOND, False),
        (1_700_000_000 * SECOND, True),
        (1_699_999_998 * SECOND, True),
        (1_699_999_997 * SECOND, False),
    ],
)
def test_any_racy(stamp: int, racy: bool) -> None:
    """A stamp about as young as the look, or of a coarse clock and a little older, proves nothing."""
    assert any_racy([LOOKED - 10 * SECOND, stamp], LOOKED) is racy


def test_nothing_is_not_racy() -> None:
    """What has no stamps has none that could stay the same."""
    assert not any_racy([], LOOKED)
