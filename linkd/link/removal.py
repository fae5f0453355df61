"""What goes: a distribution's recorded files and their bytecode, moved out and never deleted here.

Only what the distribution recorded goes, and the bytecode of it; a user's own files stay, and so
does what another distribution recorded too. A folder that holds nothing else goes in one rename.
"""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from linkd.link.footprint import ancestors
from linkd.link.graft import Graft
from linkd.link.journal import Takes

_CACHE: Final = "__pycache__"
_COMPILED: Final = re.compile(r"(?P<module>.+?)\.[^.]+(?:\.opt-[^.]+)?\.pyc", re.DOTALL)


@dataclass(slots=True)
class Removal:
    """Moves the files of one distribution into the folder `aside`."""

    graft: Graft
    own: frozenset[str]
    """Recorded paths that no other distribution needs, relative to the prefix."""
    aside: str
    """Absolute path of an existing folder on the same mount."""
    alone: Callable[[str], bool]
    """Whether no other distribution, installed or coming, has anything below the folder."""
    fixed: Collection[str]
    """Folders that do not move whole: the scheme's own, and what is above them."""
    passing: Collection[str] = ()
    """Those of them that go when they are empty; the others stay."""
    replaced: Collection[str] = ()
    """Paths at which something new has come: what was compiled from the old has to go.

    A size and a time that are the same as the old ones' would make it count as the new one's.
    """
    kept: Collection[str] = ()
    """Paths that have come and stay."""
    _count: int = field(default=0)
    _folders_out: list[Takes] = field(default_factory=list)
    _files_out: list[Takes] = field(default_factory=list)
    _caches: dict[str, list[str]] = field(default_factory=dict)

    def plan(self) -> list[Takes]:
        """Decide what moves where, for the journal."""
        whole = self._whole_folders()
        self._folders_out = [Takes(path, self._aside()) for path in sorted(whole)]
        files = sorted({*self._files(whole), *self._stale()})
        self._files_out = [Takes(path, self._aside()) for path in files]
        return [*self._folders_out, *self._files_out]

    def run(self) -> None:
        """Move out what was planned and remove the folders that it leaves empty."""
        for out in self._folders_out:
            self.graft.move_out(out.path, out.aside)
        for out in self._files_out:
            self._move(out.path, out.aside)
        folders = {folder for path in self.own for folder in ancestors(path)}
        folders.difference_update(set(self.fixed) - set(self.passing))
        for folder in sorted(folders, key=lambda folder: (-folder.count("/"), folder)):
            self.graft.prune(folder)

    def _whole_folders(self) -> set[str]:
        """The largest folders that may go as they are."""
        whole: set[str] = set()
        refused: set[str] = set(self.fixed)
        for path in sorted(self.own):
            above = [*ancestors(path)]
            if not whole.isdisjoint(above):
                continue
            for folder in reversed(above):
                if folder in refused:
                    continue
                if self.alone(folder) and holds_only(self.graft, folder, self.own):
                    whole.add(folder)
                    break
                refused.add(folder)
        return whole

    def _files(self, whole: set[str]) -> Iterator[str]:
        for path in self.own:
            if whole.isdisjoint(ancestors(path)):
                yield path
                yield from self._bytecode(path)

    def _stale(self) -> Iterator[str]:
        for path in self.replaced:
            yield from self._bytecode(path)

    def _bytecode(self, path: str) -> Iterator[str]:
        """The compiled forms of a module, by any interpreter (PEP 3147)."""
        folder, _, name = path.rpartition("/")
        stem, dot, suffix = name.rpartition(".")
        if dot and suffix == "py":
            cache = f"{folder}/{_CACHE}" if folder else _CACHE
            if cache not in self._caches:
                self._caches[cache] = _names(self.graft, cache)
            for compiled in self._caches[cache]:
                if _compiled_from(compiled) == stem and f"{cache}/{compiled}" not in self.kept:
                    yield f"{cache}/{compiled}"

    def _move(self, path: str, aside: str) -> None:
        """Move out a file. A folder that RECORD names as if it were one is not the distribution's."""
        if not self.graft.move_out(path, aside, folders=False):
            return
        folder, name = os.path.split(path)
        if os.path.basename(folder) == _CACHE and name.endswith(".pyc"):
            self.graft.prune(folder)

    def _aside(self) -> str:
        self._count += 1
        return f"{self.aside}/{self._count}"


def remove(graft: Graft, removals: Iterable[Removal]) -> None:
    """Move out all that goes, once the journal knows of all of it."""
    planned = [(removal, removal.plan()) for removal in removals]
    graft.tell(one for _, plan in planned for one in plan)
    for removal, _ in planned:
        removal.run()


def holds_only(graft: Graft, folder: str, own: Collection[str]) -> bool:
    """Whether everything below the folder is recorded in `own`, or is bytecode of what is."""
    pending = [folder]
    while pending:
        here = pending.pop()
        with graft.opened(here) as descriptor:
            if descriptor is None:
                return False
            with os.scandir(descriptor) as scan:
                for entry in scan:
                    path = f"{here}/{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(path)
                    elif path not in own and not is_bytecode_of(path, own):
                        return False
    return True


def is_bytecode_of(path: str, own: Collection[str]) -> bool:
    """Whether the path is the compiled form (PEP 3147) of a module in `own`."""
    cache, name = os.path.split(path)
    if os.path.basename(cache) != _CACHE:
        return False
    module = _compiled_from(name)
    return bool(module) and os.path.join(os.path.dirname(cache), f"{module}.py") in own


def _compiled_from(name: str) -> str:
    """``module`` of ``module.cpython-312.opt-1.pyc``; empty for other names."""
    match = _COMPILED.fullmatch(name)
    return match["module"] if match is not None else ""


def _names(graft: Graft, folder: str) -> list[str]:
    with graft.opened(folder) as descriptor:
        return [] if descriptor is None else os.listdir(descriptor)
