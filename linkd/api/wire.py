"""Between wire and core: requests become values, receipts become answers."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from packaging.utils import NormalizedName

from linkd.api import schema
from linkd.core.bytecode import BytecodeWish
from linkd.core.receipt import DistributionEntry, LinkMode, Receipt
from linkd.core.source import is_editable, is_wheel
from linkd.core.target import Placement, Target
from linkd.fetch.settings import IndexSettings
from linkd.fetch.urls import file_path
from linkd.link.modes import LinkPolicy
from linkd.resolve.requirement_file import RequirementFile
from linkd.service.inspecting import Status
from linkd.service.listing import Distributions, Listed
from linkd.service.request import InstallRequest, ListRequest, UninstallRequest, WarmRequest
from linkd.service.warm import Warmed


def install_request(body: schema.InstallBody) -> InstallRequest:
    return replace(
        _wanted(body), requirements=tuple(body.requirements), editable=tuple(body.editable)
    )


def sync_request(body: schema.SyncBody) -> InstallRequest:
    return replace(_wanted(body), exact=True, allow_empty=body.allow_empty_requirements)


def _wanted(body: schema.WantedBody) -> InstallRequest:
    return replace(
        _resolving_request(body, body.environment),
        placement=_placement(body),
        upgrade=body.upgrade or frozenset(map(_normalized, body.upgrade_packages)),
        reinstall=body.reinstall or frozenset(map(_normalized, body.reinstall_packages)),
        dry_run=body.dry_run,
        link=LinkPolicy(
            wanted=None if body.link_mode == "auto" else LinkMode(body.link_mode),
            required=body.require_link,
        ),
        bytecode=BytecodeWish(body.bytecode),
        refuse_collisions=body.collisions == "error",
        break_system_packages=body.break_system_packages,
        create=body.create,
    )


def warm_request(body: schema.WarmBody) -> WarmRequest:
    wanted = _resolving_request(body, body.environment or "")
    return WarmRequest(
        wanted=replace(wanted, requirements=tuple(body.requirements)), copies=body.copies
    )


def _resolving_request(body: schema.ResolvingBody, environment: str) -> InstallRequest:
    return InstallRequest(
        environment=environment,
        directory=body.directory,
        requirement_files=_files(body.requirement_files),
        constraint_files=_files(body.constraint_files),
        index=_index(body),
        no_binary=tuple(body.no_binary),
        only_binary=tuple(body.only_binary),
        build_isolation=not body.no_build_isolation,
        build_constraint_files=_files(body.build_constraint_files),
        config_settings=tuple(body.config_settings),
        no_deps=body.no_deps,
        prerelease=body.prerelease,
        require_hashes=body.require_hashes,
        extras=tuple(body.extras),
        groups=None if body.groups is None else tuple(body.groups),
        dependency_groups=tuple(
            (RequirementFile(file.path, file.text), tuple(file.groups))
            for file in body.dependency_groups
        ),
    )


def uninstall_request(body: schema.UninstallBody) -> UninstallRequest:
    return UninstallRequest(
        environment=body.environment,
        placement=_placement(body),
        names=tuple(map(_normalized, body.names)),
        requirements=tuple(body.requirements),
        requirement_files=_files(body.requirement_files),
        constraint_files=_files(body.constraint_files),
        directory=body.directory,
        dry_run=body.dry_run,
        break_system_packages=body.break_system_packages,
    )


def list_request(query: schema.DistributionsQuery) -> ListRequest:
    return ListRequest(
        environment=query.environment,
        placement=_placement(query),
        editable=query.editable,
        outdated=query.outdated,
        index=_index(query),
        prerelease=query.prerelease,
    )


def result(receipt: Receipt) -> schema.Result:
    timings = receipt.timings
    return schema.Result(
        environment=receipt.environment,
        installed=[
            schema.InstalledDistribution(
                name=entry.name,
                version=entry.version,
                files=entry.files,
                bytes=entry.bytes,
                link_mode=entry.link_mode,
                prestaged=entry.prestaged,
                bytecode=entry.bytecode,
            )
            for entry in receipt.installed
        ],
        removed=_entries(receipt.removed),
        unchanged=_entries(receipt.unchanged),
        collisions=[
            schema.CollisionAnswer(
                path=collision.path,
                distributions=list(collision.distributions),
                identical=collision.identical,
                kept=collision.kept,
            )
            for collision in receipt.collisions
        ],
        replaced_files=[
            schema.ReplacedFile(path=kept.path, moved_to=kept.moved_to)
            for kept in receipt.kept_files
        ],
        links=_links(receipt),
        bytes=schema.Bytes(
            linked=receipt.bytes_linked,
            copied=receipt.bytes_copied,
            downloaded=receipt.bytes_downloaded,
        ),
        timings_ms=schema.TimingsAnswer(
            resolve=round(timings.resolve, 3),
            fetch=round(timings.fetch, 3),
            compile=round(timings.compile, 3),
            stage=round(timings.stage, 3),
            graft=round(timings.graft, 3),
            total=round(timings.total, 3),
        ),
        warnings=list(receipt.warnings),
        dry_run=receipt.dry_run,
    )


def warmed(warmed: Warmed) -> schema.WarmAnswer:
    timings = warmed.timings
    return schema.WarmAnswer(
        interpreter=warmed.interpreter,
        distributions=[
            schema.WarmDistribution(
                name=entry.name,
                version=entry.version,
                files=entry.files,
                bytes=entry.bytes,
                fetched=entry.fetched,
                staged=entry.staged,
                ready=entry.ready,
            )
            for entry in warmed.entries
        ],
        bytes=schema.DownloadedBytes(downloaded=warmed.downloaded),
        timings_ms=schema.WarmTimings(
            resolve=round(timings.resolve, 3),
            fetch=round(timings.fetch, 3),
            stage=round(timings.stage, 3),
            total=round(timings.total, 3),
        ),
        warnings=list(warmed.warnings),
    )


def distributions(found: Distributions) -> schema.DistributionsAnswer:
    return schema.DistributionsAnswer(
        environment=str(found.target.prefix),
        distributions=[_listed(listed) for listed in found.distributions],
        warnings=list(found.warnings),
    )


def _listed(listed: Listed) -> schema.ListedDistribution:
    distribution, newer = listed.distribution, listed.newer
    direct = distribution.direct_url
    answer = schema.ListedDistribution(
        name=distribution.name,
        version=str(distribution.version),
        location=distribution.location,
        installer=distribution.installer,
        requested=distribution.requested,
        direct_url=None if direct is None else dict(direct.to_dict()),
    )
    if direct is not None and is_editable(direct):
        parts = (file_path(direct.url) or direct.url, direct.subdirectory)
        answer.editable_project_location = os.path.join(*filter(None, parts))
    if newer is not None:
        answer.latest_version = str(newer.version)
        answer.latest_filetype = "wheel" if is_wheel(newer.file.filename) else "sdist"
    return answer


def venv(target: Target) -> schema.VenvAnswer:
    return schema.VenvAnswer(
        environment=str(target.prefix),
        python=str(target.python),
        implementation=target.interpreter.implementation,
        version=target.interpreter.version,
    )


def status(status: Status) -> schema.StatusAnswer:
    return schema.StatusAnswer(
        version=status.version,
        pid=status.pid,
        uptime_s=round(status.uptime_s, 3),
        rss_bytes=status.rss_bytes,
        # The request that asks is not what anybody asks about.
        requests=schema.Requests(active=max(status.active - 1, 0), total=status.total),
        background=schema.Background(pending=status.pending),
        pool=schema.Pool(staged=status.staged, hits=status.pool_hits, misses=status.pool_misses),
        cache=schema.Cache(
            wheels=status.wheels, bytes=status.wheel_bytes, unpacked=status.unpacked
        ),
        environments=status.environments,
        socket=status.socket,
        cache_dir=status.cache_dir,
        warnings=list(status.warnings),
    )


def _links(receipt: Receipt) -> schema.Links:
    counts: Mapping[LinkMode, int] = receipt.links
    fallback = receipt.fallback
    return schema.Links(
        hardlink=counts.get(LinkMode.HARDLINK, 0),
        reflink=counts.get(LinkMode.REFLINK, 0),
        copy_=counts.get(LinkMode.COPY, 0),
        symlink=counts.get(LinkMode.SYMLINK, 0),
        fallback=None
        if fallback is None
        else schema.FallbackAnswer(
            wanted=fallback.wanted,
            used=fallback.used,
            reason=fallback.reason,
            detail=fallback.detail,
        ),
    )


def _entries(entries: Sequence[DistributionEntry]) -> list[schema.Distribution]:
    return [schema.Distribution(name=entry.name, version=entry.version) for entry in entries]


def _placement(body: schema.PlacedBody) -> Placement | None:
    folder = body.target or body.prefix
    return None if folder is None else Placement(folder=folder, flat=body.target is not None)


def _index(body: schema.ResolvingBody | schema.DistributionsQuery) -> IndexSettings:
    return IndexSettings(
        index_url=body.index_url,
        extra_index_urls=tuple(body.extra_index_urls),
        find_links=tuple(body.find_links),
        no_index=body.no_index,
    )


def _files(files: Sequence[schema.TextFile]) -> tuple[RequirementFile, ...]:
    return tuple(RequirementFile(file.path, file.text) for file in files)


def _normalized(name: schema.ProjectName) -> NormalizedName:
    """The schema has normalized it; this says so to the type checker."""
    return NormalizedName(name)
