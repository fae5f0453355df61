"""What a client asked for, as values: the wire's members without the wire."""

from dataclasses import dataclass, field

from packaging.utils import NormalizedName

from linkd.build.waiting import Task
from linkd.core.bytecode import BytecodeWish
from linkd.core.formats import Formats
from linkd.core.target import Placement
from linkd.fetch.settings import IndexSettings
from linkd.link.modes import LinkPolicy
from linkd.resolve.requirement_file import RequirementFile


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallRequest:
    """An install or a sync, before anything of it is parsed."""

    environment: str
    """Absolute path of an environment's folder or of its interpreter."""
    placement: Placement | None = None
    """The folder to install into, for that interpreter, instead of the environment."""
    directory: str
    """What relative paths in requirements are relative to; absolute."""
    requirements: tuple[str, ...] = ()
    requirement_files: tuple[RequirementFile, ...] = ()
    constraint_files: tuple[RequirementFile, ...] = ()
    index: IndexSettings = field(default_factory=IndexSettings)
    editable: tuple[str, ...] = ()
    """Folders of projects, as they stand behind ``-e``."""
    no_binary: tuple[str, ...] = ()
    """Values of the option, in their order; so `only_binary`."""
    only_binary: tuple[str, ...] = ()
    build_isolation: bool = True
    build_constraint_files: tuple[RequirementFile, ...] = ()
    """Bounds of what builds need."""
    config_settings: tuple[str, ...] = ()
    """``KEY=VALUE`` each, for the backends of builds."""
    no_deps: bool = False
    prerelease: bool = False
    require_hashes: bool = False
    upgrade: bool | frozenset[NormalizedName] = False
    reinstall: bool | frozenset[NormalizedName] = False
    dry_run: bool = False
    link: LinkPolicy = field(default_factory=LinkPolicy)
    bytecode: BytecodeWish = BytecodeWish.AUTO
    refuse_collisions: bool = False
    exact: bool = False
    """What is not asked for goes (sync)."""
    allow_empty: bool = False
    """Of an exact one: also where nothing is asked for, so that all goes."""
    extras: tuple[str, ...] = ()
    """Of the projects and lock files among the requirement files."""
    groups: tuple[str, ...] | None = None
    """Dependency groups of the same; None means a lock file's default groups."""
    dependency_groups: tuple[tuple[RequirementFile, tuple[str, ...]], ...] = ()
    """Projects of which nothing but these groups is asked for."""
    break_system_packages: bool = False
    """Change an interpreter that its system manages, too (PEP 668)."""
    create: bool = False
    """Make the environment if it is missing."""
    interpreter: str | None = None
    """With which one to make it; None is the daemon's default."""
    formats: Formats = field(default_factory=Formats)
    """Of an install for a build: those of the request that wants it."""
    origin: str = "command line"
    """Where `requirements` come from, for messages."""
    building: tuple[Task, ...] = ()
    """The builds that this install is for, the innermost last: their environments are fleeting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmRequest:
    """Fetch and stage ahead."""

    wanted: InstallRequest
    """What an install would name; the environment may be an interpreter, or empty for the
    daemon's own."""
    copies: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class UninstallRequest:
    """An uninstall."""

    environment: str
    placement: Placement | None = None
    names: tuple[NormalizedName, ...] = ()
    requirements: tuple[str, ...] = ()
    """Of which only the projects count, as in the files."""
    requirement_files: tuple[RequirementFile, ...] = ()
    constraint_files: tuple[RequirementFile, ...] = ()
    """Only that files which include them can be read."""
    directory: str = "/"
    dry_run: bool = False
    break_system_packages: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """What is wanted to be known of what is installed."""

    environment: str
    placement: Placement | None = None
    editable: bool | None = None
    """Only, or all but, editable installs; None is both."""
    outdated: bool = False
    """Only that of which there is a newer version."""
    index: IndexSettings = field(default_factory=IndexSettings)
    """Where newer versions are looked for; so `prerelease`."""
    prerelease: bool = False
