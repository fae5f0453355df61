"""What may lie at a path that several distributions have."""

import pytest
from packaging.utils import NormalizedName

from linkd.link.shared import Shared

OWNED = {"owner": NormalizedName("b"), "sha256": "B", "contents": frozenset({"A", "B"})}
MADE_HERE = {"owner": NormalizedName("b"), "sha256": None, "contents": frozenset({"A", None})}
NOBODYS = {"owner": None, "sha256": None, "contents": frozenset({"A", "B"})}


@pytest.mark.parametrize(
    ("facts", "removed", "found", "right"),
    [
        pytest.param(OWNED, False, "B", True, id="the owner's"),
        pytest.param(OWNED, False, "A", False, id="another's"),
        pytest.param(OWNED, False, None, False, id="missing"),
        pytest.param(OWNED, True, "mine", True, id="a user's"),
        pytest.param(MADE_HERE, False, "X", False, id="of unknown content"),
        pytest.param(NOBODYS, False, "A", False, id="what failed left"),
        pytest.param(NOBODYS, False, "mine", True, id="a user's that nobody removed"),
        pytest.param(NOBODYS, True, "mine", False, id="removed with its last owner"),
        pytest.param(NOBODYS, True, None, True, id="gone"),
    ],
)
def test_right(facts: dict[str, object], removed: bool, found: str | None, right: bool) -> None:
    """The owner's content, nothing where nobody is the owner, and a user's own may lie there."""
    shared = Shared(path="space/x", wheel=None, removed=removed, **facts)  # type: ignore[arg-type]  # a table of values

    assert shared.is_right(found) == right
