"""A path that several distributions have: whose content has to lie there, and whether it does.

It has the content of the one whose name sorts last, as if the others had never been there, and
goes with the last of them. What a user has put there instead stays.
"""

from dataclasses import dataclass

from packaging.utils import NormalizedName

from linkd.core.wheel import StoredWheel


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A path of a request that others have or had too, at the end of that request."""

    path: str
    owner: NormalizedName | None
    """Of those who have it now, the one whose name sorts last; None if nobody has it."""
    sha256: str | None
    """Of the owner's content as RECORD has it; None where it is made for each environment."""
    wheel: StoredWheel | None
    """What the owner came from, if it came while others were at work."""
    contents: frozenset[str | None]
    """What anybody concerned has recorded for the path: what else lies there is a user's."""
    removed: bool
    """Whether somebody who had it has been uninstalled, so that it goes with its last owner."""

    def is_right(self, found: str | None) -> bool:
        """Whether what lies there may stay; `found` is its SHA-256, None if nothing does."""
        if self.owner is None:
            return found is None or not (self.removed or found in self.contents)
        if found is None or found == self.sha256:
            return found is not None
        # What nobody has recorded was put there by the user.
        return None not in self.contents and found not in self.contents
