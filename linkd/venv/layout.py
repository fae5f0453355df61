"""Finds an environment's parts without running anything: prefix, interpreter, base (PEP 405)."""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from linkd.errors import EnvironmentMissing, InterpreterMissing, NotAnEnvironment, reason_of

_CONFIGURATION: Final = "pyvenv.cfg"
_CONFIGURATION_BYTES: Final = 1 << 16
_LINKS: Final = 40
"""The longest chain of links that Linux follows."""
_DANGLING: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where an environment's parts are."""

    prefix: str | None
    """As it was asked for; links are not resolved. None for a base interpreter asked for by its
    own path: only itself knows its prefix."""
    python: str
    """The environment's own interpreter, what its scripts are to name."""
    base: str
    """Real path of the interpreter that it was made from."""
    virtual: bool
    """False for a base interpreter that is itself asked for as an environment."""


def find_layout(environment: str) -> Layout:
    """The parts of an environment, named by its folder or by an interpreter in it.

    Raises:
        EnvironmentMissing: there is nothing at that path.
        NotAnEnvironment: there is something else, or parts of it are missing.
    """
    path = normalize(environment)
    prefix = path if _is_folder(path, environment) else _prefix_of(path)
    if prefix is None:
        return _base_layout(environment, prefix=None, python=path)
    configuration = _read_configuration(prefix, environment)
    python = _find_python(prefix, environment)
    if configuration is None:
        return _base_layout(environment, prefix=prefix, python=python)
    base = find_base(python)
    if base is None:
        home = configuration.get("home", "where it was")
        raise InterpreterMissing(
            environment=environment, reason=f"the interpreter it was made from is gone from {home}"
        )
    return Layout(prefix=prefix, python=python, base=base, virtual=True)


def find_base(python: str) -> str | None:
    """Real path of the base interpreter behind this one; None if it is gone.

    A link is followed. An interpreter that was copied into its environment tells by the
    environment's configuration what it was copied from.
    """
    for _ in range(_LINKS):
        python = os.path.realpath(python)
        configuration = _configuration_of(os.path.dirname(os.path.dirname(python)))
        if configuration is None:
            return python if is_executable(python) else None
        origin = next(filter(is_executable, _origins(configuration, python)), None)
        if origin is None or os.path.realpath(origin) == python:
            return None
        python = origin
    return None


def is_executable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _origins(configuration: Mapping[str, str], python: str) -> Iterator[str]:
    """Where a copied interpreter may have come from, the surest first."""
    for key in ("base-executable", "executable"):
        if os.path.isabs(configuration.get(key, "")):
            yield configuration[key]
    home = configuration.get("home", "")
    if os.path.isabs(home):
        for name in (os.path.basename(python), "python3", "python"):
            yield os.path.join(home, name)


def normalize(environment: str) -> str:
    """Without needless parts. `..` is left to the system: behind a link it means another folder.

    Raises NotAnEnvironment for a path that none can have.
    """
    if not os.path.isabs(environment):
        raise NotAnEnvironment(environment=environment, reason="its path is not absolute")
    try:
        encoded = environment.encode()
    except UnicodeEncodeError as error:
        # Scripts are read as UTF-8, their first line too: none could name its interpreter.
        raise NotAnEnvironment(
            environment=environment.encode("utf-8", "backslashreplace").decode(),
            reason="its path is not UTF-8",
        ) from error
    if b"\0" in encoded:
        raise NotAnEnvironment(environment=environment, reason="its path has a null byte")
    if ".." in environment.split("/"):
        folder, name = os.path.split(environment.rstrip("/"))
        return (
            os.path.join(os.path.realpath(folder), name)
            if name != ".."
            else os.path.realpath(environment)
        )
    return os.path.normpath(environment)


def _is_folder(path: str, environment: str) -> bool:
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        if os.path.islink(path):
            raise NotAnEnvironment(
                environment=environment,
                reason=f"it is a link to {os.readlink(path)}, which is gone",
            ) from error
        raise EnvironmentMissing(environment=environment) from error
    except OSError as error:
        raise NotAnEnvironment(
            environment=environment, reason=f"it cannot be read: {error.strerror}"
        ) from error
    if stat.S_ISDIR(mode):
        return True
    if not (stat.S_ISREG(mode) and os.access(path, os.X_OK)):
        raise NotAnEnvironment(
            environment=environment, reason="it is neither a folder nor an interpreter"
        )
    return False


def _prefix_of(python: str) -> str | None:
    """The environment that an interpreter belongs to; None for one that belongs to none.

    A link to an environment's interpreter leads to the environment, although the interpreter is
    itself a link that leads out of it again: so the chain is followed one by one.
    """
    for _ in range(_LINKS):
        prefix = os.path.dirname(os.path.dirname(python))
        if os.path.isfile(os.path.join(prefix, _CONFIGURATION)):
            return prefix
        if not os.path.islink(python):
            return None
        python = os.path.normpath(os.path.join(os.path.dirname(python), os.readlink(python)))
    return None


def _find_python(prefix: str, environment: str) -> str:
    for name in ("python", "python3"):
        python = os.path.join(prefix, "bin", name)
        if not _is_there(python, environment):
            continue
        if is_executable(python):
            return python
    if os.path.isfile(os.path.join(prefix, _CONFIGURATION)):
        raise InterpreterMissing(environment=environment, reason="it has no interpreter bin/python")
    raise NotAnEnvironment(environment=environment, reason=f"it has no {_CONFIGURATION}")


def _is_there(python: str, environment: str) -> bool:
    try:
        os.lstat(python)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        reason = f"its interpreter {python} cannot be read: {reason_of(error)}"
        raise NotAnEnvironment(environment=environment, reason=reason) from error
    try:
        os.stat(python)
    except OSError as error:
        if error.errno in _DANGLING:
            reason = f"its interpreter {python} is a dangling link"
            raise InterpreterMissing(environment=environment, reason=reason) from error
        reason = f"its interpreter {python} cannot be read: {reason_of(error)}"
        raise NotAnEnvironment(environment=environment, reason=reason) from error
    return True


def _base_layout(environment: str, *, prefix: str | None, python: str) -> Layout:
    base = find_base(python)
    if base is None:
        raise NotAnEnvironment(
            environment=environment, reason=f"its interpreter {python} cannot be executed"
        )
    return Layout(prefix=prefix, python=python, base=base, virtual=False)


def _configuration_of(prefix: str) -> Mapping[str, str] | None:
    try:
        return _read_configuration(prefix, prefix)
    except NotAnEnvironment:
        return None


def _read_configuration(prefix: str, environment: str) -> Mapping[str, str] | None:
    """The pairs of pyvenv.cfg, keys in lower case; None where there is none."""
    path = os.path.join(prefix, _CONFIGURATION)
    if not os.path.isfile(path):
        return None
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(_CONFIGURATION_BYTES)
    except OSError as error:
        raise NotAnEnvironment(
            environment=environment, reason=f"{path} cannot be read: {error.strerror}"
        ) from error
    pairs = (line.partition("=") for line in text.splitlines())
    return {key.strip().lower(): value.strip() for key, sign, value in pairs if sign}
