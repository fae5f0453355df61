"""Reads the machine's index settings from pip's and uv's configuration files.

Follows pip's "Configuration Files" and uv's "Configuration files" and "Package indexes". The
daemon's own PIP_* variables mean nothing here, for a client sends its own; PIP_CONFIG_FILE alone
is read, since it says where the machine's configuration is.
"""

import configparser
import os
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import reduce
from typing import TypeAlias

import msgspec
import platformdirs

from linkd.errors import InvalidIndexSettings, reason_of
from linkd.fetch.settings import IndexSettings, normalized_index
from linkd.fetch.urls import redacted

_Signature: TypeAlias = tuple[tuple[str, int, int], ...]
_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off", ""})

_remembered: tuple[_Signature, IndexSettings] | None = None


def read_index_settings() -> IndexSettings:
    """The machine's settings; the files are read again when their mtime or size changes.

    Where pip and uv differ, pip's index is taken. Raises InvalidIndexSettings, naming the file.
    """
    global _remembered  # noqa: PLW0603 - one machine, one configuration
    pip_files, uv_files = _existing(_pip_files()), _existing(_uv_files())
    signature = (*pip_files, *uv_files)
    if _remembered is None or _remembered[0] != signature:
        pip = parse_pip_configuration(*((path, _read(path)) for path, _, _ in pip_files))
        uv = [parse_uv_configuration(path, _read(path)) for path, _, _ in uv_files]
        _remembered = signature, reduce(_followed_by, uv, pip)
    return _remembered[1]


def parse_pip_configuration(*files: tuple[str, str]) -> IndexSettings:
    """The (path, text) of pip's files, a later one overriding: within one, install over global.

    Raises InvalidIndexSettings.
    """
    values: dict[str, str] = {}
    origins: dict[str, str] = {}
    for path, text in files:
        for key, value in _pip_values(path, text):
            values[key] = value
            origins[key] = path
    index_url = values.get("index-url")
    return IndexSettings(
        index_url=_index(index_url, origins.get("index-url", "")),
        extra_index_urls=tuple(values.get("extra-index-url", "").split()),
        configured_find_links=tuple(values.get("find-links", "").split()),
        no_index=_flag(values.get("no-index", ""), origins.get("no-index", "")),
    )


def _pip_values(path: str, text: str) -> Iterator[tuple[str, str]]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        reason = redacted(" ".join(str(error).split()))
        raise InvalidIndexSettings(source=path, reason=reason) from error
    for section in ("global", "install"):
        if parser.has_section(section):
            for key, value in parser.items(section):
                yield key.lower().replace("_", "-").removeprefix("--"), value


class _UvIndex(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    default: bool = False
    explicit: bool = False
    format: str = "simple"


class _UvTable(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    index: tuple[_UvIndex, ...] = ()
    index_url: str | None = None
    extra_index_url: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False


class _UvFile(_UvTable, frozen=True, kw_only=True, rename="kebab"):
    pip: _UvTable = _UvTable()


def parse_uv_configuration(path: str, text: str) -> IndexSettings:
    """One of uv's files; its ``[pip]`` table comes first. Raises InvalidIndexSettings."""
    try:
        file = msgspec.convert(tomllib.loads(text), _UvFile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InvalidIndexSettings(source=path, reason=redacted(str(error))) from error
    return _followed_by(_uv_settings(file.pip, path), _uv_settings(file, path))


def _uv_settings(table: _UvTable, path: str) -> IndexSettings:
    # An explicit index is used only by what names it, which is a project's own matter
    indexes = [index for index in table.index if not index.explicit]
    simple = [index for index in indexes if index.format != "flat"]
    default = next((index.url for index in simple if index.default), table.index_url)
    return IndexSettings(
        index_url=_index(default, path),
        extra_index_urls=(
            *(index.url for index in simple if not index.default),
            *table.extra_index_url,
        ),
        configured_find_links=(
            *(index.url for index in indexes if index.format == "flat"),
            *table.find_links,
        ),
        no_index=table.no_index,
    )


def _index(url: str | None, path: str) -> str | None:
    return normalized_index(url, source=path) if url else None


def _flag(value: str, path: str) -> bool:
    text = value.strip().lower()
    if text not in _TRUE | _FALSE:
        raise InvalidIndexSettings(
            source=path, reason=redacted(f"no-index is {value!r}, not true or false")
        )
    return text in _TRUE


def _followed_by(first: IndexSettings, second: IndexSettings) -> IndexSettings:
    """The first one's index, and everything else of both."""
    return replace(
        first,
        index_url=first.index_url or second.index_url,
        extra_index_urls=first.extra_index_urls + second.extra_index_urls,
        configured_find_links=first.configured_find_links + second.configured_find_links,
        no_index=first.no_index or second.no_index,
    )


def _pip_files() -> Iterator[str]:
    """In the order in which they override each other."""
    named = os.environ.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return
    yield from (os.path.join(folder, "pip", "pip.conf") for folder in reversed(_xdg_config_dirs()))
    yield "/etc/pip.conf"
    if not os.path.exists(named):
        yield os.path.expanduser("~/.pip/pip.conf")
        yield os.path.join(platformdirs.user_config_dir("pip"), "pip.conf")
    yield named


def _uv_files() -> Iterator[str]:
    """The user's file before the system's, of which the first one counts alone."""
    yield os.path.join(platformdirs.user_config_dir("uv"), "uv.toml")
    system = [os.path.join(folder, "uv", "uv.toml") for folder in _xdg_config_dirs()]
    yield from [path for path in (*system, "/etc/uv/uv.toml") if os.path.isfile(path)][:1]


def _xdg_config_dirs() -> list[str]:
    return (os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)


def _existing(paths: Iterable[str]) -> tuple[tuple[str, int, int], ...]:
    found: list[tuple[str, int, int]] = []
    for path in paths:
        try:
            stat = os.stat(path)
        except OSError:
            continue
        found.append((path, stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise InvalidIndexSettings(source=path, reason=reason_of(error)) from error
    except UnicodeDecodeError as error:
        raise InvalidIndexSettings(source=path, reason="is not UTF-8") from error
