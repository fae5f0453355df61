"""Who owns a shared file when one of its owners has gone, and where its content is.

A file that several distributions recorded stays with the last of them. Of those that remain, the
one whose name sorts last has its own content there, as if it had never been another's.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from packaging.utils import NormalizedName

from linkd.core.target import Target
from linkd.core.wheel import StoredWheel
from linkd.link.beneath import Beneath
from linkd.link.change import opened_prefix
from linkd.link.footprint import Footprint, Roots, StayingFootprint
from linkd.link.rename import KernelRename
from linkd.service.ports import Finding, Remembering
from linkd.venv.installed import read_installed


@dataclass(frozen=True, slots=True, kw_only=True)
class Heir:
    """A remaining owner whose recorded content is not what lies at the path."""

    path: str
    name: NormalizedName
    sha256: str
    """Of the content that it recorded, as RECORD has it."""


def find_heirs(target: Target, paths: Collection[str]) -> tuple[Heir, ...]:
    """Those of `paths` that lie there with another content than their owner recorded.

    Who owns them is looked up now, on the disk: others may have come and gone meanwhile.
    """
    if not paths:
        return ()
    roots = Roots.of(target)
    owners = {
        name: StayingFootprint(present, target, roots)
        for name, present in read_installed(target).items()
    }
    with opened_prefix(target) as prefix_fd:
        beneath = Beneath(str(target.prefix), prefix_fd, KernelRename())
        return tuple(_heirs(paths, owners, beneath))


def _heirs(
    paths: Collection[str], owners: Mapping[NormalizedName, Footprint], beneath: Beneath
) -> Iterator[Heir]:
    for path in sorted(paths):
        name = max((name for name in owners if path in owners[name].paths), default=None)
        sha256 = None if name is None else owners[name].paths[path]
        if name is not None and sha256 is not None and beneath.hash_of(path) != sha256:
            yield Heir(path=path, name=name, sha256=sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inheritance:
    """Finds the wheels that heirs came from."""

    memory: Remembering
    store: Finding

    async def contents(
        self, target: Target, heirs: Collection[Heir]
    ) -> tuple[dict[str, StoredWheel], list[str]]:
        """The wheel with each path's rightful content; warnings for those that cannot be had."""
        found: dict[str, StoredWheel] = {}
        warnings: list[str] = []
        for heir in heirs:
            sha256 = await asyncio.to_thread(self.memory.installed_from, target.identity, heir.name)
            wheel = None if sha256 is None else await self.store.find(sha256)
            if wheel is not None and _has(wheel, heir):
                found[heir.path] = wheel
            else:
                warnings.append(
                    f"{heir.path} is {heir.name}'s now, but has the content of what went: "
                    f"install {heir.name} again to have its own"
                )
        return found, warnings


def _has(wheel: StoredWheel, heir: Heir) -> bool:
    return any(
        file.sha256 == heir.sha256 and heir.path.endswith(file.destination)
        for file in wheel.manifest.files
    )
