"""The one module that knows the solver library: a PubGrub core over our own range type.

It wants a provider, gives pins, or raises `Conflict` with the facts that a proof rests on.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from nab_resolver.errors import ResolutionError, ResolutionTerminatedError
from nab_resolver.resolver import BaseProvider, ResolverObserver
from nab_resolver.resolver import Resolver as Core
from nab_resolver.root import ROOT
from nab_resolver.types import (
    Incompatibility,
    IncompatibilityCause,
    RangeProtocol,
    RootRequirement,
)

from linkd.errors import ResolutionLimit
from linkd.resolve.ranges import CandidateSet
from linkd.resolve.requirement import Asked

Package = str
"""``name``, or ``name[extra]`` for what an extra adds."""


@dataclass(frozen=True, slots=True)
class Root:
    """One requirement of the request; several may be of one package."""

    package: Package
    candidates: CandidateSet
    asked: Asked


@dataclass(frozen=True, slots=True)
class Wanted:
    """A fact: the request wants this."""

    package: Package
    asked: Asked


@dataclass(frozen=True, slots=True)
class Needs:
    """A fact: these candidates of one package need some of another's."""

    package: Package
    candidates: CandidateSet
    dependency: Package


Fact = Wanted | Needs


class Conflict(Exception):
    """No choice of candidates answers the roots."""

    def __init__(self, facts: tuple[Fact, ...]) -> None:
        super().__init__("no choice of candidates answers the roots")
        self.facts: Final = facts
        """In the order in which the proof uses them."""


class Interrupted(Exception):
    """The one who asked does not wait any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    iterations: int = 200_000
    seconds: float = 120.0


class Choices(Protocol):
    """What the solver asks. Within one solve the same question has the same answer."""

    def choose(self, package: Package, candidates: CandidateSet) -> int | None:
        """The candidate to try first; None if none of them may be chosen."""
        ...

    def dependencies(self, package: Package, index: int) -> Mapping[Package, CandidateSet]:
        """What a candidate that was chosen needs."""
        ...

    def priority(
        self, package: Package, candidates: CandidateSet, conflicts: int
    ) -> tuple[int, ...]:
        """What is lowest is decided next. `conflicts`: how often its decision was undone."""
        ...

    def widen(self, package: Package, index: int) -> CandidateSet | None:
        """A set around a candidate of which all that may be chosen have its dependencies."""
        ...


def solve(
    choices: Choices, roots: Sequence[Root], limits: Limits, stop: threading.Event
) -> dict[Package, int]:
    """The chosen candidate of each package that the roots lead to.

    Raises Conflict, ResolutionLimit, and Interrupted when `stop` is set.
    """
    core: Core[Package, int] = Core(
        _Adapter(choices),
        observer=_Watch(limits.seconds, stop),
        max_iterations=limits.iterations,
        range_type=CandidateSet,
        root_version=0,
        format_range=_unformatted,
    )
    requirements = [RootRequirement(root.package, root.candidates, root.asked) for root in roots]
    try:
        return core.solve(requirements).pins
    except ResolutionTerminatedError as error:
        raise ResolutionLimit(limit=f"{limits.iterations} steps") from error
    except ResolutionError as error:
        raise Conflict(tuple(_facts(error.incompatibility))) from error


class _Adapter(BaseProvider[Package, int]):
    """Choices in the library's words."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices

    def choose_version(self, package: Package, version_range: RangeProtocol[int]) -> int | None:
        return self._choices.choose(package, cast("CandidateSet", version_range))

    def has_satisfying_version(self, package: Package, version_range: RangeProtocol[int]) -> bool:
        return self.choose_version(package, version_range) is not None

    def get_dependencies(self, package: Package, version: int) -> Mapping[Package, CandidateSet]:
        return self._choices.dependencies(package, version)

    def prioritize(
        self,
        package: Package,
        version_range: RangeProtocol[int],
        conflict_counts: Mapping[Package, int],
        culprit_counts: Mapping[Package, int] | None = None,  # noqa: ARG002 - the library's name
    ) -> tuple[int, ...]:
        return self._choices.priority(
            package, cast("CandidateSet", version_range), conflict_counts.get(package, 0)
        )

    def widen_decision(self, package: Package, version: int) -> CandidateSet | None:
        return self._choices.widen(package, version)


class _Watch(ResolverObserver[Package, int]):
    """Ends a solve that takes too long or that nobody waits for."""

    def __init__(self, seconds: float, stop: threading.Event) -> None:
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._stop = stop

    def on_decision(self, package: Package, version: int, level: int) -> None:  # noqa: ARG002
        self._check()

    def on_conflict(self, incompatibility: Incompatibility[Package, int]) -> None:  # noqa: ARG002
        self._check()

    def _check(self) -> None:
        if self._stop.is_set():
            raise Interrupted
        if time.monotonic() > self._deadline:
            raise ResolutionLimit(limit=f"{self._seconds:g} seconds")


def _unformatted(_range: Any) -> str:
    """The library's own report is not shown: `explain` words the facts."""
    return ""


def _facts(proof: Incompatibility[Any, Any] | None) -> Iterator[Fact]:
    if proof is None:
        return
    for clause in proof.walk():
        terms = [term for term in clause.terms if term.package is not ROOT]
        match clause.cause:
            case IncompatibilityCause.ROOT:
                yield Wanted(terms[0].package, clause.origin)
            case IncompatibilityCause.DEPENDENCY:
                parent, dependency = terms[0], terms[-1]
                yield Needs(
                    parent.package, cast("CandidateSet", parent.constraint), dependency.package
                )
