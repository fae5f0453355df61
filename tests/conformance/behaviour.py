"""The words that a behaviour is written in: wheels, commands, edits between them, and what is looked at.

In arguments and files ``{wheels}`` is the folder of the wheels, ``{here}`` the working folder,
``{prefix}`` the environment, ``{url}`` an index of the wheels on loopback and ``{sha256:FILE}`` a
wheel's hash. In paths within an environment ``site/`` is its site-packages.
"""

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Final, Protocol, TypeAlias

from tests.conformance.state import After, Environment
from tests.differential.oddities import Maker
from tests.support.sources import Project


class Tool(enum.StrEnum):
    """Who installs."""

    LINKD = "linkd"
    PIP = "pip"
    UV = "uv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelled:
    """An argument as each tool spells it; None where the tool has no such thing."""

    linkd: str
    pip: str | None
    uv: str | None


Argument: TypeAlias = str | Spelled


class Verb(enum.StrEnum):
    INSTALL = "install"
    SYNC = "sync"
    UNINSTALL = "uninstall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One call of an installer."""

    verb: Verb
    arguments: tuple[Argument, ...]
    found: bool = True
    """Whether it is told where the wheels are."""
    stdin: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    may_fail: bool = False
    """Whether the behaviour goes on if a tool refuses; the last command may always fail."""


class Edit(Protocol):
    """Something that befalls an environment between commands."""

    def __call__(self, environment: Environment) -> None: ...


class Look(Protocol):
    """Something that is told of an environment, or of the last command, besides what is installed."""

    def __call__(self, after: After) -> str: ...


Step: TypeAlias = Command | Edit


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """One row of the page."""

    claim: str
    """What happens, and when, in a line."""
    linkd: str
    """The outcome, as `observe` words it."""
    steps: tuple[Step, ...]
    """What is done; the last is a command, and its outcome is told."""
    wheels: tuple[Maker, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    """In the working folder."""
    projects: Mapping[str, Project] = field(default_factory=dict)
    """Source trees, by their folder within the working folder."""
    sdists: tuple[Project, ...] = ()
    """Beside the wheels."""
    index: Mapping[str, Any] | None = None
    """Options of an index of the wheels, where one is wanted."""
    looks: tuple[Look, ...] = ()
    after: tuple[str, ...] = ()
    """The peers' own tests that have it."""
    why: str = ""
    """Why linkd does not do what pip or uv does, where it does not."""

    def __str__(self) -> str:
        return self.claim

    @property
    def fingerprint(self) -> str:
        """Of all that a peer's outcome follows from, so that none is kept for another scenario."""
        told = {"claim", "linkd", "after", "why"}
        facts = [(one.name, getattr(self, one.name)) for one in fields(self)]
        text = _canonical([fact for fact in facts if fact[0] not in told])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """Behaviours of one kind."""

    title: str
    words: str
    behaviours: tuple[Behaviour, ...]


def install(*arguments: Argument, **more: Any) -> Command:
    return Command(verb=Verb.INSTALL, arguments=arguments, **more)


def sync(*arguments: Argument, **more: Any) -> Command:
    return Command(verb=Verb.SYNC, arguments=arguments, **more)


def uninstall(*arguments: Argument, **more: Any) -> Command:
    return Command(verb=Verb.UNINSTALL, arguments=arguments, **more)


REINSTALL: Final = Spelled(linkd="--reinstall", pip="--force-reinstall", uv="--reinstall")
BYTECODE: Final = Spelled(linkd="--compile-bytecode", pip="--compile", uv="--compile-bytecode")


def same(text: str) -> Spelled:
    """What pip has no word for, and the others have one."""
    return Spelled(linkd=text, pip=None, uv=text)


def _canonical(value: Any) -> str:
    """A text of a value that is the same in each process; functions are told by their name."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = [(one.name, getattr(value, one.name)) for one in fields(value)]
        return f"{type(value).__name__}{_canonical(parts)}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {_canonical(one)}' for key, one in value.items())}}}"
    if isinstance(value, set | frozenset):
        return _canonical(sorted(value))
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_canonical, value))}]"
    if callable(value):
        return str(getattr(value, "__qualname__", type(value).__qualname__))
    return repr(value)
