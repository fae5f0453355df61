"""The whole wire vocabulary: what requests and answers are made of.

An unknown member of a request is refused. Answers may grow members, never lose or rename one.
"""

import os
from typing import Annotated, Any, Final, Literal, Self

from packaging.utils import InvalidName, canonicalize_name
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from linkd.core.receipt import FallbackReason, LinkMode


def _absolute(path: str) -> str:
    if not os.path.isabs(path):
        raise ValueError("must be an absolute path")
    if "\0" in path:
        raise ValueError("must not contain NUL")
    return path


def _project(name: str) -> str:
    try:
        return canonicalize_name(name, validate=True)
    except InvalidName:
        reason = f"{name!r} is not a project's name"
        raise ValueError(reason) from None


AbsolutePath = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_absolute)]
ProjectName = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(_project)]
Text = Annotated[str, Field(max_length=65536)]


class Body(BaseModel):
    """What a client sends."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PlacedBody(Body):
    """What is about an environment, or about a folder that stands for one."""

    environment: AbsolutePath = Field(
        description="An environment's folder, or its interpreter; "
        "with target or prefix it is the one for whose Python that is"
    )
    target: AbsolutePath | None = Field(
        default=None, description="A folder in the environment's place: modules lie right in it"
    )
    prefix: AbsolutePath | None = Field(
        default=None, description="A folder in the environment's place, laid out like one"
    )

    @model_validator(mode="after")
    def _check_placement(self) -> Self:
        if self.target is not None and self.prefix is not None:
            raise ValueError("target and prefix exclude each other")
        return self


class TextFile(Body):
    """A file that the client has read."""

    path: AbsolutePath
    text: Annotated[str, Field(max_length=16 << 20)]


class GroupsFile(TextFile):
    """A pyproject.toml of which only dependency groups are wanted."""

    groups: Annotated[list[ProjectName], Field(min_length=1)]


class ResolvingBody(Body):
    """What is wanted, and where it comes from."""

    directory: AbsolutePath = Field(
        default="/", description="What relative paths in requirements are relative to"
    )
    requirement_files: list[TextFile] = Field(
        default=[], description="Requirement files, or pyproject.toml or pylock.toml by their names"
    )
    constraint_files: list[TextFile] = []
    extras: list[ProjectName] = Field(default=[], description="Of a pyproject.toml or lock file")
    groups: list[ProjectName] | None = Field(
        default=None, description="Dependency groups; none given means a lock file's default ones"
    )
    dependency_groups: list[GroupsFile] = Field(
        default=[], description="Groups of projects, without what the projects themselves need"
    )
    index_url: Text | None = None
    extra_index_urls: list[Text] = []
    find_links: list[Text] = []
    no_index: bool = False
    no_binary: list[Text] = Field(
        default=[], description="Projects that are built of their sources, or :all: or :none:"
    )
    only_binary: list[Text] = Field(
        default=[], description="Projects of which nothing is built, or :all: or :none:"
    )
    no_build_isolation: bool = Field(
        default=False, description="Build in the environment itself, with what is installed there"
    )
    config_settings: list[Text] = Field(
        default=[], description="KEY=VALUE for the backends of builds (PEP 517)"
    )
    build_constraint_files: list[TextFile] = Field(
        default=[], description="Bounds of the versions that builds need"
    )
    no_deps: bool = False
    prerelease: bool = False
    require_hashes: bool = False


class WantedBody(PlacedBody, ResolvingBody):
    """What install and sync have in common."""

    upgrade: bool = False
    upgrade_packages: list[ProjectName] = []
    reinstall: bool = False
    reinstall_packages: list[ProjectName] = []
    dry_run: bool = False
    link_mode: Literal["auto", "hardlink", "reflink", "copy", "symlink"] = "auto"
    require_link: bool = False
    bytecode: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Compiled modules: as far as the cache has them; of all, waiting for it; none",
    )
    collisions: Literal["report", "error"] = "report"
    break_system_packages: bool = Field(
        default=False, description="Change an externally managed interpreter, too (PEP 668)"
    )
    create: bool = Field(default=False, description="Make the environment if it is missing")

    @model_validator(mode="after")
    def _check_creation(self) -> Self:
        if self.create and (self.target or self.prefix):
            raise ValueError("create makes an environment, target and prefix make their own folder")
        return self


class SyncBody(WantedBody):
    """`POST /v1/sync`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "environment": "/home/u/app/.venv",
                    "requirement_files": [
                        {"path": "/home/u/app/requirements.txt", "text": "jax[cuda12]==0.4.35\n"}
                    ],
                    "collisions": "error",
                },
            ]
        }
    )

    allow_empty_requirements: bool = Field(
        default=False, description="Remove everything where the files name nothing"
    )


class InstallBody(WantedBody):
    """`POST /v1/install`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"environment": "/home/u/app/.venv", "requirements": ["requests>=2", "rich"]},
            ]
        }
    )

    requirements: list[Text] = Field(
        default=[], description="PEP 508, or paths or URLs of wheels, archives, folders and git"
    )
    editable: list[Text] = Field(
        default=[], description="Folders of projects, to work on (PEP 660)"
    )


class WarmBody(ResolvingBody):
    """`POST /v1/warm`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"environment": "/usr/bin/python3.12", "requirements": ["jax[cuda12]"], "copies": 4}
            ]
        }
    )

    environment: AbsolutePath | None = Field(
        default=None,
        description="An environment's folder, or an interpreter for environments that are to be "
        "made of it; the daemon's own if there is none",
    )
    requirements: list[Text] = Field(
        default=[], description="PEP 508, or paths or URLs of wheels, archives, folders and git"
    )
    copies: int = Field(
        default=1, ge=1, le=64, description="For how many environments to have it ready"
    )


class UninstallBody(PlacedBody):
    """`POST /v1/uninstall`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"environment": "/home/u/app/.venv", "names": ["rich"]}]}
    )

    names: list[ProjectName] = []
    requirements: list[Text] = Field(
        default=[], description="Whose projects shall go, whatever versions they name"
    )
    requirement_files: list[TextFile] = Field(
        default=[], description="Requirement files, or pyproject.toml by their names"
    )
    constraint_files: list[TextFile] = Field(
        default=[], description="That requirement files include; they remove nothing"
    )
    directory: AbsolutePath = Field(
        default="/", description="What relative paths in requirements are relative to"
    )
    dry_run: bool = False
    break_system_packages: bool = False

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        if not (self.names or self.requirements or self.requirement_files):
            raise ValueError("one of names, requirements and requirement_files is needed")
        return self


class VenvBody(Body):
    """`POST /v1/venv`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"path": "/home/u/app/.venv", "python": "/usr/bin/python3"}]
        }
    )

    path: AbsolutePath
    python: AbsolutePath | None = None
    prompt: Annotated[str, Field(max_length=200)] | None = None


class ShutdownBody(Body):
    """`POST /v1/shutdown`, which has no members."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


class DistributionsQuery(PlacedBody):
    """`GET /v1/distributions`."""

    format: Literal["columns", "freeze", "json"] = Field(
        default="columns", description="How lines for a terminal tell of them"
    )
    editable: bool | None = Field(
        default=None, description="Only editable installs; or, if false, all but those"
    )
    outdated: bool = Field(
        default=False, description="Only that of which the indexes have a newer version"
    )
    index_url: Text | None = None
    extra_index_urls: list[Text] = []
    find_links: list[Text] = []
    no_index: bool = False
    prerelease: bool = False

    @model_validator(mode="after")
    def _check_use(self) -> Self:
        """What would change nothing was meant otherwise."""
        if self.outdated and self.format == "freeze":
            raise ValueError("format freeze cannot tell of newer versions (outdated)")
        searching = self.model_fields_set & _SEARCHING
        if searching and not self.outdated:
            reason = f"{', '.join(sorted(searching))}: of use with outdated only"
            raise ValueError(reason)
        return self


_SEARCHING: Final = frozenset(
    {"index_url", "extra_index_urls", "find_links", "no_index", "prerelease"}
)


class StatusQuery(Body):
    """`GET /v1/status`."""

    wait_idle: bool = Field(default=False, description="Answer when all background work is done")


class HealthQuery(Body):
    """`GET /healthz`, which has no parameters."""


class Distribution(BaseModel):
    """A distribution that went or stayed."""

    name: str
    version: str


class InstalledDistribution(Distribution):
    """A distribution that came."""

    files: int
    bytes: int
    link_mode: LinkMode
    prestaged: bool
    bytecode: bool = Field(description="Whether it came compiled")


class CollisionAnswer(BaseModel):
    """A path that several distributions contain."""

    path: str
    distributions: list[str]
    identical: bool
    kept: str


class FallbackAnswer(BaseModel):
    """Why files were not linked in the wanted way."""

    model_config = ConfigDict(serialize_by_alias=True)

    wanted: LinkMode = Field(serialization_alias="from")
    used: LinkMode = Field(serialization_alias="to")
    reason: FallbackReason
    detail: str


class Links(BaseModel):
    """Files by how they came."""

    hardlink: int = 0
    reflink: int = 0
    copy_: int = Field(default=0, serialization_alias="copy")
    symlink: int = 0
    fallback: FallbackAnswer | None = None

    model_config = ConfigDict(serialize_by_alias=True)


class Bytes(BaseModel):
    linked: int
    copied: int
    downloaded: int


class DownloadedBytes(BaseModel):
    downloaded: int


class TimingsAnswer(BaseModel):
    """Milliseconds."""

    resolve: float
    fetch: float
    compile: float
    stage: float
    graft: float
    total: float


class ReplacedFile(BaseModel):
    """A file that nobody had recorded and that was put aside, not lost."""

    path: str
    moved_to: str


class Result(BaseModel):
    """What install, sync and uninstall answer. Lists are sorted by name."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "environment": "/home/u/app/.venv",
                    "installed": [
                        {
                            "name": "jax",
                            "version": "0.4.35",
                            "files": 812,
                            "bytes": 9154321,
                            "link_mode": "hardlink",
                            "prestaged": False,
                            "bytecode": False,
                        }
                    ],
                    "removed": [{"name": "jax", "version": "0.4.31"}],
                    "unchanged": [{"name": "numpy", "version": "2.1.0"}],
                    "collisions": [],
                    "replaced_files": [],
                    "links": {
                        "hardlink": 812,
                        "reflink": 0,
                        "copy": 0,
                        "symlink": 0,
                        "fallback": None,
                    },
                    "bytes": {"linked": 9154321, "copied": 0, "downloaded": 0},
                    "timings_ms": {
                        "resolve": 0.4,
                        "fetch": 0.0,
                        "compile": 0.0,
                        "stage": 1.1,
                        "graft": 1.8,
                        "total": 3.9,
                    },
                    "warnings": [],
                    "dry_run": False,
                }
            ]
        }
    )

    environment: str
    installed: list[InstalledDistribution]
    removed: list[Distribution]
    unchanged: list[Distribution]
    collisions: list[CollisionAnswer]
    replaced_files: list[ReplacedFile]
    links: Links
    bytes: Bytes
    timings_ms: TimingsAnswer
    warnings: list[str]
    dry_run: bool


class WarmDistribution(Distribution):
    """A distribution that was fetched and staged ahead."""

    files: int
    bytes: int
    fetched: bool = Field(description="It was downloaded for this request")
    staged: int = Field(description="Trees that were made meanwhile")
    ready: int = Field(description="Trees that are ready now")


class WarmTimings(BaseModel):
    """Milliseconds."""

    resolve: float
    fetch: float
    stage: float
    total: float


class WarmAnswer(BaseModel):
    """`POST /v1/warm`. Lists are sorted by name."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "interpreter": "/usr/bin/python3.12",
                    "distributions": [
                        {
                            "name": "jax",
                            "version": "0.4.35",
                            "files": 812,
                            "bytes": 9154321,
                            "fetched": True,
                            "staged": 4,
                            "ready": 4,
                        }
                    ],
                    "bytes": {"downloaded": 2261456},
                    "timings_ms": {"resolve": 0.4, "fetch": 812.0, "stage": 95.5, "total": 908.2},
                    "warnings": [],
                }
            ]
        }
    )

    interpreter: str = Field(description="For whose environments the trees are")
    distributions: list[WarmDistribution]
    bytes: DownloadedBytes
    timings_ms: WarmTimings
    warnings: list[str] = Field(description="Such as why something is not staged")


class ListedDistribution(Distribution):
    """One installed distribution."""

    location: str = Field(description="The folder that it is listed in")
    installer: str | None
    requested: bool
    direct_url: dict[str, Any] | None
    editable_project_location: str | None = Field(
        default=None, description="The folder of the project, of an editable install"
    )
    latest_version: str | None = Field(default=None, description="Where outdated was asked for")
    latest_filetype: Literal["wheel", "sdist"] | None = None


class DistributionsAnswer(BaseModel):
    """`GET /v1/distributions`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "environment": "/home/u/app/.venv",
                    "distributions": [
                        {
                            "name": "rich",
                            "version": "14.0.0",
                            "location": "/home/u/app/.venv/lib/python3.12/site-packages",
                            "installer": "linkd",
                            "requested": True,
                            "direct_url": {
                                "url": "https://example.org/rich-14.0.0-py3-none-any.whl",
                                "archive_info": {},
                            },
                            "editable_project_location": None,
                            "latest_version": None,
                            "latest_filetype": None,
                        }
                    ],
                    "warnings": [],
                }
            ]
        }
    )

    environment: str
    distributions: list[ListedDistribution]
    warnings: list[str] = []


class VenvAnswer(BaseModel):
    """`POST /v1/venv`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "environment": "/home/u/app/.venv",
                    "python": "/home/u/app/.venv/bin/python",
                    "implementation": "cpython",
                    "version": "3.12.3",
                }
            ]
        }
    )

    environment: str
    python: str
    implementation: str
    version: str


class Requests(BaseModel):
    active: int = Field(description="Besides the one that asks")
    total: int


class Background(BaseModel):
    pending: int


class Pool(BaseModel):
    """Trees staged ahead of demand."""

    staged: int = Field(description="Trees that are ready.")
    hits: int = Field(description="Wheels that found their tree ready.")
    misses: int = Field(description="Wheels that had to be staged when they were asked for.")


class Cache(BaseModel):
    wheels: int
    bytes: int
    unpacked: int = Field(description="Archives unpacked since the daemon's start.")


class StatusAnswer(BaseModel):
    """`GET /v1/status`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": "0.1.0",
                    "pid": 4242,
                    "uptime_s": 3600.5,
                    "rss_bytes": 83886080,
                    "requests": {"active": 0, "total": 12},
                    "background": {"pending": 0},
                    "pool": {"staged": 0, "hits": 0, "misses": 0},
                    "cache": {"wheels": 163, "bytes": 5368709120, "unpacked": 19},
                    "environments": 3,
                    "socket": "/run/user/1000/linkd/linkd.sock",
                    "cache_dir": "/home/u/.cache/linkd",
                    "warnings": [],
                }
            ]
        }
    )

    version: str
    pid: int
    uptime_s: float
    rss_bytes: int
    requests: Requests
    background: Background
    pool: Pool
    cache: Cache
    environments: int
    socket: str
    cache_dir: str
    warnings: list[str]


class ShutdownAnswer(BaseModel):
    """`POST /v1/shutdown`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"pid": 4242, "active": 0}]})

    pid: int
    active: int = Field(description="Requests that are finished before the daemon ends")


class HealthAnswer(BaseModel):
    """`GET /healthz`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: Literal["ok"] = "ok"


class Problem(BaseModel):
    """An error (RFC 9457); further members are the facts of the error."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "/docs/errors#environment-missing",
                    "title": "No such environment",
                    "status": 404,
                    "detail": "there is no environment at /home/u/app/.venv",
                    "code": "environment-missing",
                    "hint": "make it with: linkd-client venv /home/u/app/.venv",
                    "environment": "/home/u/app/.venv",
                }
            ]
        },
    )

    type: str = Field(default="about:blank", description="Where /docs/errors describes it")
    title: str
    status: int
    detail: str
    code: str
    hint: str | None = None
