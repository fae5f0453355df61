"""What resolving asks of a target again and again: markers, tags, Requires-Python; remembered.

Follows the specifications of dependency specifiers (markers), platform compatibility tags and
core metadata (Requires-Python).
"""

import functools
import hashlib
import itertools
from typing import Final

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from linkd.core.target import Interpreter

_REMEMBERED_TARGETS: Final = 64
_serial: Final = itertools.count()


class TargetView:
    """One target as the resolver sees it; two interpreters with the same facts share one."""

    __slots__ = (
        "_environment",
        "_markers",
        "_python",
        "_python_version",
        "_pythons",
        "_ranks",
        "_tags",
        "digest",
        "key",
        "tags",
    )

    def __init__(self, markers: tuple[tuple[str, str], ...], tags: tuple[str, ...]) -> None:
        self.key: Final = next(_serial)
        """What is derived for this target is remembered under this number."""
        self.digest: Final = hashlib.blake2b(repr((markers, tags)).encode()).digest()
        """Of the facts: what is remembered for longer than this process is known by it."""
        self.tags: Final = tags
        self._environment = dict(markers)
        self._ranks = {tag: rank for rank, tag in enumerate(tags)}
        self._pythons = {tag.split("-", 1)[0] for tag in tags}
        self._markers: dict[tuple[str, str], bool] = {}
        self._tags: dict[str, int | None] = {}
        self._python: dict[str, bool] = {}
        # A build from a checkout ends in "+"; a pre-release of Python counts as that Python, as
        # it does for pip.
        full = self._environment["python_full_version"].rstrip("+")
        self._python_version = Version(Version(full).base_version)

    def marker_holds(self, marker: Marker, text: str, extra: str = "") -> bool:
        """Evaluate a marker; `text` is what it is remembered by."""
        key = (text, extra)
        holds = self._markers.get(key)
        if holds is None:
            environment: dict[str, str] = {**self._environment, "extra": extra}
            try:
                holds = marker.evaluate(environment)
            except (UndefinedComparison, UndefinedEnvironmentName):
                holds = False
            self._markers[key] = holds
        return holds

    def tag_rank(self, compressed: str) -> int | None:
        """The best rank (0 is the most wanted) of a wheel's compressed tag set; None: unfit."""
        try:
            return self._tags[compressed]
        except KeyError:
            rank = self._tags[compressed] = self._best_rank(compressed)
            return rank

    def _best_rank(self, compressed: str) -> int | None:
        parts = compressed.lower().split("-")
        if len(parts) != 3:
            return None
        pythons, abis, platforms = (part.split(".") for part in parts)
        ranks = [
            rank
            for python in pythons
            if python in self._pythons
            for abi in abis
            for platform in platforms
            if (rank := self._ranks.get(f"{python}-{abi}-{platform}")) is not None
        ]
        return min(ranks, default=None)

    def python_fits(self, requires_python: str | None) -> bool:
        """Whether Requires-Python admits the target; what cannot be read admits, as for pip."""
        if not requires_python:
            return True
        fits = self._python.get(requires_python)
        if fits is None:
            try:
                specifier = SpecifierSet(requires_python)
            except InvalidSpecifier:
                fits = True
            else:
                fits = specifier.contains(self._python_version, prereleases=True)
            self._python[requires_python] = fits
        return fits


@functools.lru_cache(maxsize=_REMEMBERED_TARGETS)
def _target_view(markers: tuple[tuple[str, str], ...], tags: tuple[str, ...]) -> TargetView:
    return TargetView(markers, tags)


def target_view(interpreter: Interpreter) -> TargetView:
    """The view of an interpreter; the same object for the same facts."""
    return _target_view(tuple(sorted(interpreter.markers.items())), interpreter.tags)
