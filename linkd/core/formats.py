"""Which kinds of files a project may come as: pip's ``--no-binary`` and ``--only-binary``."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from packaging.utils import NormalizedName, canonicalize_name

_ALL: Final = ":all:"
_NONE: Final = ":none:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Some projects by name, or all of them."""

    every: bool = False
    names: frozenset[NormalizedName] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Formats:
    """What the options say together. A name counts before ``:all:``; only-binary before no-binary."""

    no_binary: Names = Names()
    only_binary: Names = Names()

    def allows_wheel(self, name: NormalizedName) -> bool:
        if name in self.only_binary.names:
            return True
        if name in self.no_binary.names:
            return False
        return self.only_binary.every or not self.no_binary.every

    def allows_source(self, name: NormalizedName) -> bool:
        if name in self.only_binary.names:
            return False
        return name in self.no_binary.names or not self.only_binary.every


def parse_names(values: Iterable[str]) -> Names:
    """The option's values in their order: names, commas between them, ``:all:`` and ``:none:``.

    As with pip each of the two words forgets what was before it. Raises ValueError for what is no
    project's name.
    """
    every = False
    names: set[NormalizedName] = set()
    for word in (word.strip() for value in values for word in value.split(",")):
        if word in {_ALL, _NONE}:
            every = word == _ALL
            names.clear()
        elif word:
            names.add(canonicalize_name(word, validate=True))
    return Names(every=every, names=frozenset(names))
