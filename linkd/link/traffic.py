"""What comes and goes in one transaction, and where, for the choice of what may be moved whole."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from linkd.core.manifest import Manifest
from linkd.link.footprint import Roots, ancestors
from linkd.link.ledger import Standing

_Part = tuple[str, str]
"""One staged folder: a distribution and a scheme."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Empty where nothing goes: then nothing is moved out and no folder is swapped."""

    going: frozenset[str] = frozenset()
    coming: frozenset[str] = frozenset()
    parts: Mapping[str, set[_Part]] = field(default_factory=dict)
    """Which staged folders put something below a folder of the environment."""

    @classmethod
    def of(cls, manifests: Iterable[Manifest], standing: Standing, roots: Roots) -> "Traffic":
        if not standing.going:
            return cls()
        folders: set[tuple[str, _Part]] = {
            (
                (roots[file.scheme] + file.destination).rpartition("/")[0],
                (manifest.name, file.scheme),
            )
            for manifest in manifests
            for file in manifest.payload()
        }
        parts: defaultdict[str, set[_Part]] = defaultdict(set)
        for folder, part in folders:
            for above in (folder, *ancestors(folder)):
                parts[above].add(part)
        return cls(
            going=frozenset().union(*(gone.paths for gone in standing.going.values())),
            coming=frozenset().union(*(footprint.paths for footprint in standing.coming.values())),
            parts=parts,
        )

    def blocks(self, path: str) -> bool:
        """Whether something comes for which the path is a folder, or lies below a file."""
        if not self.coming:
            return False
        return path in self.parts or not self.coming.isdisjoint(ancestors(path))

    def quiet(self, folder: str) -> bool:
        """Whether nothing comes below the folder."""
        return folder not in self.parts

    def single(self, folder: str) -> bool:
        """Whether what comes below the folder comes from one staged folder alone."""
        return len(self.parts.get(folder, ())) <= 1
