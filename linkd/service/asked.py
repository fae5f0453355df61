"""What a request asks for, parsed: requirements with their origins, and the index settings."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from linkd.errors import InvalidRequest
from linkd.fetch.configuration import read_index_settings
from linkd.fetch.settings import IndexSettings, merge
from linkd.resolve.requirement import Asked as Requirement
from linkd.resolve.requirement import parse_requirement
from linkd.resolve.requirement_file import read_requirement_files
from linkd.resolve.resolver import ResolveRequest
from linkd.service.request import InstallRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    resolving: ResolveRequest
    index: IndexSettings
    """Complete: the request's, its files', the machine's and the default."""


def read_asked(request: InstallRequest, bare_url: Callable[[str], str]) -> Asked:
    """Raises RequestError with the place in the input.

    `bare_url` takes the credentials out of a direct URL and remembers them for its origin.
    """
    files = read_requirement_files(
        request.requirement_files, request.constraint_files, directory=request.directory
    )
    given = tuple(
        parse_requirement(text, origin="command line", directory=request.directory)
        for text in request.requirements
    )
    if not given and not request.requirement_files:
        raise InvalidRequest(
            reason="nothing to install was named",
            remedy="name requirements, or a file of them with -r",
        )
    resolving = ResolveRequest(
        requirements=_bare(given + files.requirements, bare_url),
        constraints=_bare(files.constraints, bare_url),
        no_deps=request.no_deps,
        prerelease=request.prerelease or files.prerelease,
        require_hashes=request.require_hashes or files.require_hashes,
        upgrade=request.upgrade,
    )
    requested = IndexSettings(
        index_url=request.index.index_url or files.index_url,
        extra_index_urls=request.index.extra_index_urls + files.extra_index_urls,
        find_links=request.index.find_links + files.find_links,
        no_index=request.index.no_index or files.no_index,
    )
    return Asked(resolving=resolving, index=merge(requested, read_index_settings()))


def _bare(
    requirements: tuple[Requirement, ...], bare_url: Callable[[str], str]
) -> tuple[Requirement, ...]:
    return tuple(
        requirement
        if requirement.url is None
        else replace(requirement, url=bare_url(requirement.url))
        for requirement in requirements
    )
