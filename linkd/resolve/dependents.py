"""Which installed distributions a change leaves without what they require (core metadata)."""

import re
from collections.abc import Iterable, Iterator, Mapping

from packaging.utils import NormalizedName
from packaging.version import Version

from linkd.core.installed import InstalledDistribution
from linkd.core.target import Interpreter
from linkd.resolve.metadata import parse_metadata
from linkd.resolve.target_view import target_view


def find_broken(
    came: Mapping[NormalizedName, Version],
    bystanders: Iterable[tuple[InstalledDistribution, bytes]],
    interpreter: Interpreter,
) -> Iterator[str]:
    """A sentence for each requirement of a bystander that a version which came does not meet.

    Bystanders come with their metadata. As for pip extras, of which nobody knows whether they were
    asked for, and URLs do not count.
    """
    target = target_view(interpreter)
    names = _requiring(came)
    for present, raw in bystanders:
        if names.search(raw) is None:
            continue
        for dependency in parse_metadata(raw).dependencies(target):
            version = came.get(dependency.name)
            if version is None or dependency.specifier.contains(version, prereleases=True):
                continue
            yield (
                f"{present.name} {present.version} requires {dependency.text}, "
                f"but {dependency.name} {version} is there now"
            )


def _requiring(names: Iterable[NormalizedName]) -> re.Pattern[bytes]:
    """Finds metadata that may require one of the names: most does not, and need not be parsed."""
    spellings = "|".join(re.escape(name).replace(r"\-", "[-_.]+") for name in names)
    pattern = rf"^Requires-Dist:[ \t]*(?:{spellings})(?![-_.]*[A-Za-z0-9])"
    return re.compile(pattern.encode(), re.IGNORECASE | re.MULTILINE)
