"""Errors of resolving: no set of distributions answers the request."""

from linkd.errors.base import LinkdError


class ResolveError(LinkdError, group=True):
    """The requirements cannot be resolved."""


class ProjectNotFound(ResolveError):
    """No such project.

    None of the indexes and folders that were asked has anything of it.
    """

    advice = "check its spelling, or name the index that has it with --index-url or --find-links"

    project: str
    wanted_by: str
    """The requirement and where it came from, such as ``'foo>=1' (requirements.txt:3)``."""
    searched: tuple[str, ...] = ()

    @property
    def detail(self) -> str:
        where = ", ".join(self.searched) if self.searched else "no index and no folder of wheels"
        return f"{self.project} was not found in {where}; it is wanted by {self.wanted_by}"


class NoCompatibleWheel(ResolveError):
    """No wheel fits the environment.

    Every file of the project is for another Python or platform, or is a source that must not be
    built.
    """

    advice = "take another version of it, or an environment with another Python"

    project: str
    wanted_by: str
    available: tuple[str, ...]
    """Tags, or other reasons, of the releases that there are."""
    wanted_tags: tuple[str, ...]
    """The environment's most specific tags, best first."""

    @property
    def detail(self) -> str:
        there = "; ".join(self.available) if self.available else "no files at all"
        wanted = ", ".join(self.wanted_tags)
        return (
            f"no wheel of {self.project} fits this environment (wanted by {self.wanted_by}): "
            f"there is {there}; the environment takes {wanted}"
        )


class Unsolvable(ResolveError):
    """The requirements contradict each other.

    No choice of versions satisfies all of them and all that the distributions need.
    """

    sentence = "{explanation}"
    advice = "loosen one of the requirements named above"

    explanation: str
    """Which requirements clash and where each came from; may have several lines."""


class ResolutionLimit(ResolveError):
    """Resolving took too long.

    The limit is the setting resolve_timeout.
    """

    sentence = "no answer was found within {limit}"
    advice = "pin some of the requirements, or constrain them with -c"

    limit: str
    """The limit that was reached, such as ``60 seconds``."""
