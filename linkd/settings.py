"""The daemon's settings: command line over environment over file over defaults, read once."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from linkd.errors import InvalidSettings

LogLevel = Literal["debug", "info", "warning", "error"]


def default_socket() -> Path:
    """Where clients look too: in the user's runtime folder, else in one of the user's own.

    The client computes the same path by itself; the two must agree.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.path.isdir(runtime):
        return Path(runtime, "linkd", "linkd.sock")
    return Path(f"/tmp/linkd-{os.getuid()}/linkd.sock")  # noqa: S108 - the folder is ours, 0700


def default_config() -> Path:
    return Path(platformdirs.user_config_dir("linkd"), "linkd.toml")


class Settings(BaseSettings):
    """Every member may stand in the settings file, and in the environment as ``LINKD_<NAME>``."""

    model_config = SettingsConfigDict(
        env_prefix="LINKD_", extra="forbid", frozen=True, env_ignore_empty=True
    )

    socket: Path = Field(default_factory=default_socket)
    """The unix socket to serve."""
    cache_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_cache_dir("linkd", appauthor=False))
    )
    """The folder of the cache."""
    idle_timeout: float = Field(default=0, ge=0)
    """Seconds without work after which the daemon ends; 0 is never."""
    log_level: LogLevel = "info"
    log_json: bool = False
    """Log lines as JSON objects."""
    downloads: int = Field(default=8, ge=1, le=64)
    """Wheels that are downloaded at the same time."""
    unpack_threads: int = Field(default=4, ge=1, le=64)
    """Members of wheels that are unpacked at the same time."""
    stage_threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=64)
    """Wheels that are staged at the same time for one request and all others."""
    pool_depth: int = Field(default=1, ge=0, le=64)
    """Trees kept ready of each wheel that was installed; 0 is none."""
    pool_folders: int = Field(default=40_000, ge=0)
    """Folders that all trees kept ready may have together, of some 4 KiB each."""
    compile_processes: int = Field(default=0, ge=0, le=64)
    """Interpreters that compile wheels at the same time; 0 compiles only what is asked for."""
    pool_min_free: float = Field(default=2, ge=0, le=100)
    """Percent of the cache's file system, of its space and its inodes, below which nothing is
    staged ahead."""
    pool_check: float = Field(default=600, ge=0)
    """Seconds after which all trees kept ready are looked at again; 0 is never."""
    index_timeout: float = Field(default=30, gt=0)
    """Seconds that an index may be silent before it is asked again."""
    resolve_timeout: float = Field(default=120, gt=0)
    """Seconds that resolving one request may take."""
    builds: int = Field(default=4, ge=1, le=64)
    """Build backends that run at the same time."""
    build_timeout: float = Field(default=3600, gt=0)
    """Seconds that one step of a build may take."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(config: Path | None, **given: Any) -> Settings:
    """Read the settings; `given` are the command line's. Raises InvalidSettings.

    A settings file that was named (by option or LINKD_CONFIG) must be there; the default one
    need not.
    """
    named = config or (Path(path) if (path := os.environ.get("LINKD_CONFIG")) else None)
    if named is not None and not named.is_file():
        raise InvalidSettings(source=str(named), reason="there is no such file")
    source = named or default_config()

    class FileSettings(Settings):
        model_config = SettingsConfigDict(toml_file=source)

    try:
        return FileSettings(**{key: value for key, value in given.items() if value is not None})
    except ValidationError as error:
        raise _invalid(error, given, source) from error
    except (ValueError, OSError) as error:
        raise InvalidSettings(source=str(source), reason=str(error)) from error


def _invalid(error: ValidationError, given: Mapping[str, Any], file: Path) -> InvalidSettings:
    """Everything that is wrong, each with the option, variable or file that says so."""
    problems: dict[str, list[str]] = {}
    for problem in error.errors():
        name = ".".join(map(str, problem["loc"]))
        variable = f"LINKD_{name.upper()}"
        if given.get(name) is not None:
            problems.setdefault(f"--{name.replace('_', '-')}", []).append(problem["msg"])
        elif os.environ.get(variable):
            problems.setdefault(variable, []).append(problem["msg"])
        else:
            problems.setdefault(str(file), []).append(f"{name}: {problem['msg']}")
    (source, reasons), *others = problems.items()
    reasons += [f"{other}: {reason}" for other, more in others for reason in more]
    return InvalidSettings(source=source, reason="; ".join(reasons))
