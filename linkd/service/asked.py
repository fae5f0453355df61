"""What a request asks for, parsed: requirements with their origins, and the index settings.

What was parsed is remembered by its text, unless parsing looked at a disk.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from linkd.core.config_settings import ConfigSettings, parse_config_settings
from linkd.core.formats import Formats, parse_names
from linkd.errors import InvalidRequest, NothingRequired
from linkd.fetch.bounded import Bounded
from linkd.fetch.configuration import read_index_settings
from linkd.fetch.settings import IndexSettings, merge
from linkd.fetch.urls import redacted_line
from linkd.resolve.lock_file import is_lock_file
from linkd.resolve.project_file import (
    is_project_file,
    read_dependency_groups,
    read_project_file,
)
from linkd.resolve.requirement import Asked as Requirement
from linkd.resolve.requirement import parse_editable, parse_requirement
from linkd.resolve.requirement_file import (
    RequirementFile,
    RequirementSet,
    read_requirement_files,
)
from linkd.resolve.resolver import ResolveRequest
from linkd.service.request import InstallRequest

Files = tuple[RequirementFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    resolving: ResolveRequest
    locks: tuple[RequirementFile, ...]
    """Lock files: they name everything by themselves, so nothing else stands beside them."""
    config_settings: ConfigSettings
    index: IndexSettings
    """Complete: the request's, its files', the machine's and the default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Texts:
    """All of a request that parsing depends on."""

    requirements: tuple[str, ...]
    editable: tuple[str, ...]
    requirement_files: Files
    constraint_files: Files
    directory: str
    origin: str
    extras: tuple[str, ...]
    groups: tuple[str, ...] | None
    dependency_groups: tuple[tuple[RequirementFile, tuple[str, ...]], ...]

    @property
    def weight(self) -> int:
        """Bytes that remembering it costs, roughly: what is parsed is larger than its text."""
        projects = tuple(file for file, _ in self.dependency_groups)
        files = self.requirement_files + self.constraint_files + projects
        texts = (*self.requirements, *self.editable, *(file.text for file in files))
        return 1024 + 32 * sum(map(len, texts))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parsed:
    """What the texts of a request say."""

    requirements: tuple[Requirement, ...]
    files: RequirementSet
    locks: Files

    @property
    def is_pure(self) -> bool:
        """Whether the same texts mean the same at any time: paths may come and go."""
        return not self.files.find_links and all(
            each.url is None and each.source is None
            for each in (*self.requirements, *self.files.constraints)
        )


_REMEMBERED_BYTES: Final = 16 << 20
_remembered: Final[Bounded[_Texts, tuple[int, _Parsed]]] = Bounded(
    capacity=_REMEMBERED_BYTES, weigh=lambda entry: entry[0]
)


def read_asked(request: InstallRequest, bare_url: Callable[[str], str]) -> Asked:
    """Raises RequestError with the place in the input.

    `bare_url` takes the credentials out of a direct URL and remembers them for its origin. The
    requirements of equal requests are the same objects, where they are remembered.
    """
    parsed = _parsed(request)
    files = parsed.files
    if request.exact and not (parsed.requirements or parsed.locks or request.allow_empty):
        raise NothingRequired(files=_paths(request))
    requested = IndexSettings(
        index_url=request.index.index_url or files.index_url,
        extra_index_urls=request.index.extra_index_urls + files.extra_index_urls,
        find_links=request.index.find_links + files.find_links,
        no_index=request.index.no_index or files.no_index,
    )
    return Asked(
        resolving=ResolveRequest(
            requirements=_bare(parsed.requirements, bare_url),
            constraints=_bare(files.constraints, bare_url),
            no_deps=request.no_deps,
            prerelease=request.prerelease or files.prerelease,
            require_hashes=request.require_hashes or files.require_hashes,
            upgrade=request.upgrade,
            formats=_formats(request, files),
        ),
        locks=parsed.locks,
        config_settings=_config_settings(request),
        index=merge(requested, read_index_settings()),
    )


def _parsed(request: InstallRequest) -> _Parsed:
    texts = _Texts(
        requirements=request.requirements,
        editable=request.editable,
        requirement_files=request.requirement_files,
        constraint_files=request.constraint_files,
        directory=request.directory,
        origin=request.origin,
        extras=request.extras,
        groups=request.groups,
        dependency_groups=request.dependency_groups,
    )
    known = _remembered.get(texts)
    if known is not None:
        return known[1]
    parsed = _parse(request)
    if parsed.is_pure:
        _remembered.put(texts, (texts.weight, parsed))
    return parsed


def _parse(request: InstallRequest) -> _Parsed:
    plain, projects, locks = _sorted_out(request)
    files = read_requirement_files(plain, request.constraint_files, directory=request.directory)
    given = tuple(
        parse_requirement(text, origin=request.origin, directory=request.directory)
        for text in request.requirements
    ) + tuple(
        parse_editable(text, origin=request.origin, directory=request.directory)
        for text in request.editable
    )
    if not (given or request.requirement_files or request.dependency_groups):
        raise InvalidRequest(
            reason="nothing to install was named",
            remedy="name requirements, or a file of them with -r",
        )
    needed = tuple(
        asked
        for file in projects
        for asked in read_project_file(file, extras=request.extras, groups=request.groups or ())
    ) + tuple(
        asked
        for file, groups in request.dependency_groups
        for asked in read_dependency_groups(file, groups)
    )
    return _Parsed(requirements=given + files.requirements + needed, files=files, locks=locks)


def _config_settings(request: InstallRequest) -> ConfigSettings:
    """Checks what else is said of builds, whether anything has to be built or not."""
    if request.build_constraint_files and not request.build_isolation:
        raise InvalidRequest(
            reason="build constraints are of no use with --no-build-isolation",
            remedy="take one of them out",
        )
    read_requirement_files((), request.build_constraint_files, directory=request.directory)
    try:
        return parse_config_settings(request.config_settings)
    except ValueError as error:
        raise InvalidRequest(reason=redacted_line(f"--config-settings: {error}")) from error


def _formats(request: InstallRequest, files: RequirementSet) -> Formats:
    if request.building:
        return request.formats
    try:
        return Formats(
            no_binary=parse_names(files.no_binary + request.no_binary),
            only_binary=parse_names(files.only_binary + request.only_binary),
        )
    except ValueError as error:
        reason = redacted_line(f"--no-binary or --only-binary: {error}")
        raise InvalidRequest(reason=reason) from error


def _sorted_out(request: InstallRequest) -> tuple[Files, Files, Files]:
    """Requirement files, projects and lock files, told apart by their names."""
    locks = tuple(file for file in request.requirement_files if is_lock_file(file.path))
    projects = tuple(file for file in request.requirement_files if is_project_file(file.path))
    plain = tuple(
        file for file in request.requirement_files if file not in locks and file not in projects
    )
    if locks and (
        plain
        or projects
        or request.requirements
        or request.editable
        or request.constraint_files
        or request.dependency_groups
    ):
        raise InvalidRequest(
            reason=f"{locks[0].path} is a lock file: no other requirement can stand beside it",
            remedy="install it by itself, or lock the other requirements too",
        )
    if (request.extras or request.groups) and not (projects or locks):
        raise InvalidRequest(
            reason="an extra or a group was named, but no pyproject.toml and no lock file",
            remedy="name the file with -r, or write extras as name[extra]",
        )
    return plain, projects, locks


def _paths(request: InstallRequest) -> tuple[str, ...]:
    files = (*request.requirement_files, *(file for file, _ in request.dependency_groups))
    return tuple(file.path for file in files)


def _bare(
    requirements: tuple[Requirement, ...], bare_url: Callable[[str], str]
) -> tuple[Requirement, ...]:
    if all(requirement.url is None for requirement in requirements):
        return requirements
    return tuple(
        requirement
        if requirement.url is None or requirement.source is not None
        else replace(requirement, url=bare_url(requirement.url))
        for requirement in requirements
    )
