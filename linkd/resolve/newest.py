"""The newest release of a project for a target, by the rules that an install chooses by.

Pre-releases and yanked files count as PEP 440 and PEP 592 have it: a pre-release where it is asked
for or there is nothing else, a yanked file never.
"""

from collections.abc import Mapping
from typing import NamedTuple

from packaging.version import Version

from linkd.core.target import Interpreter
from linkd.core.wheel import DistFile, ProjectPage
from linkd.resolve.admission import Grants, Policy, select
from linkd.resolve.crawl import Project
from linkd.resolve.listing import build_view
from linkd.resolve.target_view import target_view

_NOTHING: Mapping[str, frozenset[str]] = {}


class Release(NamedTuple):
    """A version, and the file that an install would take of it."""

    version: Version
    file: DistFile


def find_newest(
    page: ProjectPage, interpreter: Interpreter, *, prerelease: bool = False
) -> Release | None:
    """What an install of the project alone would bring; None if nothing of it fits."""
    view = build_view(page, target_view(interpreter))
    policy = Policy(
        roots=(),
        constraints={},
        roots_by_name={},
        preferred={},
        prerelease=prerelease,
        no_deps=True,
    )
    selection = select(Project(page=page, view=view, hashes=_NOTHING), policy, Grants())
    if not selection.admitted:
        return None
    index = selection.best(selection.admitted)
    return Release(view.versions[index], view.files[index])
