"""What environments hold, remembered for as long as their folders show that nothing changed.

A distribution comes and goes by names in site-packages, which changes that folder's mtime; what it
is called is in its metadata file's name and text. So the folders' and those files' states are
compared at every look, and whatever pip, uv or a hand did in between is noticed. States that a
change could have left the same are not believed (`core/stamps.py`).
"""

import asyncio
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from packaging.utils import NormalizedName

from linkd.core.installed import InstalledDistribution
from linkd.core.stamps import any_racy
from linkd.core.target import Target
from linkd.fetch.bounded import Bounded
from linkd.venv.installed import list_installed, site_folders

_REMEMBERED: Final = 20_000
"""Distributions of all environments together, some 600 bytes each."""

_State: TypeAlias = tuple[int, ...]
_GONE: Final[_State] = ()


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Inventory:
    """One look at an environment. The same object is given again while nothing changed."""

    distributions: Mapping[NormalizedName, InstalledDistribution]
    _folders: tuple[tuple[str, _State], ...] = ()
    _files: tuple[tuple[str, _State], ...] = ()

    def is_current(self) -> bool:
        """Whether all that was looked at is as it was."""
        return all(_folder_state(path) == state for path, state in self._folders) and all(
            _file_state(path) == state for path, state in self._files
        )

    @property
    def weight(self) -> int:
        return len(self._files) + 1


class Inventories:
    """Long-lived; belongs to one event loop."""

    def __init__(self) -> None:
        self._known: Bounded[tuple[str, ...], Inventory] = Bounded(
            capacity=_REMEMBERED, weigh=lambda inventory: inventory.weight
        )

    async def read(self, target: Target) -> Inventory:
        """What an environment holds now. What is remembered costs a look at each of its files.

        Raises NotAnEnvironment.
        """
        key = _key(target)
        known = self._known.get(key)
        if known is not None and known.is_current():
            return known
        inventory, lasting = await asyncio.to_thread(_read, target)
        if lasting:
            self._known.put(key, inventory)
        else:
            self._known.discard(key)
        return inventory


def _read(target: Target) -> tuple[Inventory, bool]:
    """And whether any later change to it is sure to show. Blocks."""
    looked = time.time_ns()
    folders = tuple((folder, _folder_state(folder)) for folder in site_folders(target))
    listing = list_installed(target)
    files = tuple((path, _file_state(path)) for path in listing.metadata)
    racy = any_racy(_stamps(folders, 2), looked) or any_racy(_stamps(files, 1), looked)
    inventory = Inventory(listing.distributions, folders, files)
    return inventory, listing.lasting and not racy


def _key(target: Target) -> tuple[str, ...]:
    """By path, as locations are; whatever lies there now, its state has inode and device."""
    return str(target.prefix), *site_folders(target)


def _folder_state(path: str) -> _State:
    """mtime first; ctime too, for an mtime can be set back."""
    try:
        facts = os.stat(path)
    except OSError:
        return _GONE
    return facts.st_mtime_ns, facts.st_ctime_ns, facts.st_dev, facts.st_ino


def _file_state(path: str) -> _State:
    """Without ctime: that of a hard link changes with every environment that gets another one."""
    try:
        facts = os.stat(path)
    except OSError:
        return _GONE
    return facts.st_mtime_ns, facts.st_dev, facts.st_ino, facts.st_size, facts.st_mode


def _stamps(looks: Iterable[tuple[str, _State]], number: int) -> Iterator[int]:
    for _, state in looks:
        yield from state[:number]
