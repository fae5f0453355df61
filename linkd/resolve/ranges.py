"""The solver's range type: a set of one project's candidates as an integer bit mask.

Bit *i* stands for candidate *i* of the project's view, so set algebra is ``&``, ``|`` and ``~``.
Implements the solver library's range protocol structurally.
"""

from enum import Enum
from typing import Final


class Relation(Enum):
    """How the members of one set lie to those of another."""

    EMPTY = (True, True)
    SUBSET = (True, False)
    DISJOINT = (False, True)
    OVERLAPPING = (False, False)

    def __init__(self, is_subset: bool, is_disjoint: bool) -> None:  # noqa: FBT001 - enum's way
        self.is_subset = is_subset
        self.is_disjoint = is_disjoint


_EMPTY: Final = Relation.EMPTY
_SUBSET: Final = Relation.SUBSET
_DISJOINT: Final = Relation.DISJOINT
_OVERLAPPING: Final = Relation.OVERLAPPING


class CandidateSet:
    """An immutable set of candidates; that of all candidates is -1, whatever their number."""

    __slots__ = ("mask",)

    def __init__(self, mask: int) -> None:
        self.mask = mask

    @classmethod
    def empty(cls) -> "CandidateSet":
        return NOTHING

    @classmethod
    def full(cls) -> "CandidateSet":
        return EVERYTHING

    @classmethod
    def singleton(cls, version: int) -> "CandidateSet":
        return cls(1 << version)

    @property
    def is_empty(self) -> bool:
        return self.mask == 0

    def __contains__(self, version: int) -> bool:
        return self.mask >> version & 1 == 1

    def __and__(self, other: object) -> "CandidateSet":
        if not isinstance(other, CandidateSet):
            return NotImplemented
        return CandidateSet(self.mask & other.mask)

    def __or__(self, other: object) -> "CandidateSet":
        if not isinstance(other, CandidateSet):
            return NotImplemented
        return CandidateSet(self.mask | other.mask)

    def __sub__(self, other: object) -> "CandidateSet":
        if not isinstance(other, CandidateSet):
            return NotImplemented
        return CandidateSet(self.mask & ~other.mask)

    def __invert__(self) -> "CandidateSet":
        return CandidateSet(~self.mask)

    def is_subset(self, other: "CandidateSet") -> bool:
        return self.mask & ~other.mask == 0

    def is_superset(self, other: "CandidateSet") -> bool:
        return other.mask & ~self.mask == 0

    def is_disjoint(self, other: "CandidateSet") -> bool:
        return self.mask & other.mask == 0

    def relation(self, other: "CandidateSet") -> Relation:
        ours, theirs = self.mask, other.mask
        if not ours & theirs:
            return _DISJOINT if ours else _EMPTY
        return _OVERLAPPING if ours & ~theirs else _SUBSET

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CandidateSet) and self.mask == other.mask

    def __hash__(self) -> int:
        return hash(self.mask)

    def __repr__(self) -> str:
        return f"CandidateSet({self.mask:#x})"


NOTHING: Final = CandidateSet(0)
EVERYTHING: Final = CandidateSet(-1)
