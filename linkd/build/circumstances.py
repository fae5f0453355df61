"""What a build depends on besides its source, and what it needs of those who install."""

from dataclasses import dataclass, field, replace
from typing import Protocol

from linkd.build.kept import interpreter_key
from linkd.build.waiting import Task
from linkd.core.config_settings import ConfigSettings
from linkd.core.formats import Formats
from linkd.core.progress import Reporter
from linkd.core.target import Interpreter
from linkd.fetch.settings import IndexSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Those of one request."""

    interpreter: Interpreter
    python: str
    """The interpreter of the environment that is installed into."""
    index: IndexSettings
    """Where build requirements come from. Complete."""
    formats: Formats = field(default_factory=Formats)
    isolated: bool = True
    """Builds have environments of their own; otherwise they run in the one installed into."""
    config_settings: ConfigSettings = ()
    """For the backends of what is asked for; those of what builds need get none, as with pip."""
    constraints: tuple[tuple[str, str], ...] = ()
    """Path and text of files that bound what builds need."""
    require_hashes: bool = False
    """Nothing is run of which no hash was given."""
    within: tuple[Task, ...] = ()
    """The builds that this request is for, the innermost last."""

    @property
    def key(self) -> str:
        """Names what a build may depend on besides its source and the index."""
        return interpreter_key(self.interpreter, *self.told)

    @property
    def told(self) -> tuple[object, ...]:
        """What the request says of builds, beyond what every request says."""
        return (*self.config_settings, *self.constraints)

    @property
    def waiter(self) -> Task | None:
        return self.within[-1] if self.within else None

    def inside(self, task: Task) -> "Circumstances":
        """Those of what is needed to build something."""
        return replace(self, within=(*self.within, task))


@dataclass(frozen=True, slots=True, kw_only=True)
class Provision:
    """An order for an environment that a build shall run in."""

    folder: str
    """Where it is, or is to be made."""
    requirements: tuple[str, ...]
    subject: str
    """What is built, for messages."""
    circumstances: Circumstances
    """Inside of the build."""


class Provisioning(Protocol):
    """Makes environments for builds, with the ordinary install."""

    async def __call__(self, order: Provision, reporter: Reporter, /) -> None:
        """Make the environment if it is missing, and install into it. Raises any LinkdError."""
        ...
