"""What a command line leaves to its surroundings: folders, PATH and environment variables."""

from __future__ import annotations

import os
import sys

from linkd_client.errors import ClientError, reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from linkd_client.wire import Json

_TRUE = {"1", "true", "yes", "on"}


def working_directory() -> str:
    """The folder that relative paths are relative to. Raises ClientError if it is gone."""
    try:
        return os.getcwd()
    except OSError as error:
        reason = f"the current folder cannot be used: {reason_of(error)}"
        raise ClientError(reason) from error


def absolute(path: str) -> str:
    """The path from the root; links stay, for an environment's ``python`` is one."""
    if os.path.isabs(path):
        return os.path.normpath(path)
    return os.path.normpath(os.path.join(working_directory(), path))


def find_command(name: str) -> str | None:
    """The executable of that name on PATH."""
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder or os.curdir, name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return absolute(path)
    return None


def find_environment(option: str | None, *, create: bool = False) -> str:
    """The environment that is meant: ``-p``, else ``$VIRTUAL_ENV``, else ``./.venv``.

    What is there is not looked at any closer: that is the daemon's to judge. Raises ClientError.
    """
    if option is not None:
        path = _find_named(option) or _not_there(option, create=create)
        return _prefix_to_be(path) if create else path
    active = os.environ.get("VIRTUAL_ENV")
    if active:
        return absolute(active)
    path = absolute(".venv")
    if not create and not os.path.exists(path):
        raise ClientError(
            f"no environment is active and there is none at {path}; name one with -p, "
            "or make it with: linkd-client venv .venv"
        )
    return path


def find_either(option: str | None) -> str:
    """The environment or interpreter that a folder is for: the environment, else ``python3``.

    Raises ClientError.
    """
    if option is None and (os.environ.get("VIRTUAL_ENV") or os.path.exists(".venv")):
        return find_environment(None)
    return find_interpreter(option)


def find_interpreter(option: str | None) -> str:
    """The interpreter for a new environment: a path, a command, or a version such as ``3.12``.

    Raises ClientError.
    """
    if option is None:
        return find_command("python3") or sys.executable
    version = option.replace(".", "").isdigit()
    path = _find_named(f"python{option}" if version else option)
    if path is None:
        raise ClientError(f"no interpreter {option!r}: there is no such path and no such command")
    return path


def add_index_settings(body: dict[str, Json]) -> None:
    """Complete a request with pip's and uv's variables; options go before them."""
    urls = _variables("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX")
    if urls and "index_url" not in body:
        body["index_url"] = urls[0]
    extra = _variables("PIP_EXTRA_INDEX_URL", "UV_EXTRA_INDEX_URL")
    _append(body, "extra_index_urls", " ".join(extra).split())
    links = _variables("PIP_FIND_LINKS", "UV_FIND_LINKS")
    _append(body, "find_links", " ".join(links).replace(",", " ").split())
    given = body.get("find_links")
    if isinstance(given, list):
        body["find_links"] = [_locate(str(link)) for link in given]
    if any(value.lower() in _TRUE for value in _variables("PIP_NO_INDEX", "UV_NO_INDEX")):
        body["no_index"] = True


def _find_named(name: str) -> str | None:
    if os.sep in name or os.path.lexists(name):
        return absolute(name)
    return find_command(name)


def _not_there(name: str, *, create: bool) -> str:
    path = absolute(name)
    if not create:
        raise ClientError(
            f"no environment {name!r}: there is neither {path} nor a command of that name; "
            f"make it with: linkd-client venv {name}"
        )
    return path


def _prefix_to_be(path: str) -> str:
    """The environment's folder, where its interpreter is named that is not there yet."""
    folder, name = os.path.split(path)
    prefix, last = os.path.split(folder)
    is_interpreter = last == "bin" and name.startswith("python")
    return prefix if is_interpreter and not os.path.lexists(path) else path


def _locate(link: str) -> str:
    """A folder or file here becomes absolute; a URL stays, and so does what is not there."""
    return absolute(link) if os.path.exists(link) else link


def _variables(*names: str) -> list[str]:
    """The values of those that are set to something, in their order."""
    values = (os.environ.get(name, "").strip() for name in names)
    return [value for value in values if value]


def _append(body: dict[str, Json], member: str, values: Iterable[str]) -> None:
    """Append what is not among the values yet; add no empty member."""
    present = body.get(member)
    merged = list(present) if isinstance(present, list) else []
    for value in values:
        if value not in merged:
            merged.append(value)
    if merged:
        body[member] = merged
