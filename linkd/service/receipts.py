"""From what was done to what is told of it."""

import os
from dataclasses import replace

import msgspec
from packaging.direct_url import ArchiveInfo, DirectUrl

from linkd.core.plan import Plan
from linkd.core.receipt import (
    Collision,
    DistributionEntry,
    InstalledEntry,
    LinkMode,
    Receipt,
    Timings,
)
from linkd.core.target import Target
from linkd.link.stage import StagedTree
from linkd.service.changing import Changed


def make_receipt(
    target: Target, plan: Plan, changed: Changed | None, *, dry_run: bool = False
) -> Receipt:
    """Of a dry run or of nothing to do, what would come has neither files nor bytes."""
    removed = tuple(
        DistributionEntry(name=one.name, version=str(one.version))
        for gone in plan.removals
        for one in gone.installations
    )
    unchanged = tuple(
        DistributionEntry(name=stays.name, version=str(stays.version)) for stays in plan.unchanged
    )
    environment = str(target.prefix)
    if changed is None:
        coming = tuple(
            InstalledEntry(
                name=pin.name,
                version=str(pin.version),
                files=0,
                bytes=0,
                link_mode=LinkMode.HARDLINK,
            )
            for pin in plan.additions
        )
        return Receipt(
            environment=environment,
            installed=coming,
            removed=removed,
            unchanged=unchanged,
            dry_run=dry_run,
        )
    outcome = changed.outcome
    return Receipt(
        environment=environment,
        installed=tuple(_entry(tree) for tree in outcome.trees),
        removed=removed,
        unchanged=unchanged,
        collisions=_named(changed.collisions, target),
        kept_files=outcome.kept_files,
        warnings=changed.warnings,
        links={mode: _links(outcome.trees, mode) for mode in LinkMode},
        fallback=outcome.fallback,
        bytes_linked=sum(
            tree.manifest.size for tree in outcome.trees if tree.mode is not LinkMode.COPY
        ),
        bytes_copied=sum(
            tree.manifest.size for tree in outcome.trees if tree.mode is LinkMode.COPY
        ),
        timings=Timings(stage=outcome.stage_ms, graft=outcome.graft_ms),
    )


def _named(collisions: tuple[Collision, ...], target: Target) -> tuple[Collision, ...]:
    """With paths below the prefix as people name them: by site-packages where they lie there."""
    site = f"{os.path.relpath(target.site_packages, target.prefix)}/"
    return tuple(
        replace(collision, path=collision.path.removeprefix(site)) for collision in collisions
    )


def _entry(tree: StagedTree) -> InstalledEntry:
    return InstalledEntry(
        name=tree.manifest.name,
        version=tree.manifest.version,
        files=len(tree.manifest.files) + len(tree.manifest.launchers),
        bytes=tree.manifest.size,
        link_mode=tree.mode,
        prestaged=tree.prestaged,
    )


def _links(trees: tuple[StagedTree, ...], mode: LinkMode) -> int:
    return sum(tree.links for tree in trees if tree.mode is mode)


def direct_url_json(direct_url: DirectUrl, sha256: str | None) -> str:
    """As it is written into dist-info (PEP 610), with the hash of the archive that came, if known."""
    archive = direct_url.archive_info
    if archive is not None and sha256 is not None:
        hashes = {**(archive.hashes or {}), "sha256": sha256}
        direct_url = replace(direct_url, archive_info=ArchiveInfo(hashes=hashes))
    return msgspec.json.encode(direct_url.to_dict()).decode()
