"""Creates environments (PEP 405) with virtualenv, in this process and without anything inside."""

import ast
import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import virtualenv
from virtualenv.app_data import make_app_data
from virtualenv.discovery.cached_py_info import clear

from linkd.errors import (
    EnvironmentExists,
    EnvironmentNotWritable,
    InterpreterFailed,
    InvalidRequest,
    NoSpace,
    is_no_space,
)
from linkd.venv.layout import find_base

_seen: Final[dict[str, tuple[int, int]]] = {}
"""Inode and mtime of the interpreters that virtualenv holds in its memory."""

_WORDS: Final = 300

_quoted_error: Final = re.compile(r""" with code .* err: (['"].*['"])$""", re.DOTALL)

# Where nobody set up logging its warnings would be printed; and where its debug messages are
# wanted it runs the new interpreter to have something to say.
for _name in ("virtualenv", "python_discovery", "filelock"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
    logging.getLogger(_name).setLevel(logging.WARNING)


def create_environment(
    path: str, *, python: str | None, app_data: str, prompt: str | None = None
) -> None:
    """Make an environment at an absolute path, which is missing or an empty folder.

    May be called from several threads. Blocks: the first time that an interpreter is used it is
    run; virtualenv remembers it in `app_data`, a folder of the caller's.

    Args:
        path: where to; missing parents are made.
        python: path of an interpreter, or of an environment or its interpreter, whose base is
            taken then; or a name on this process's PATH, such as `python3.12` or `3.12` for short.
            None for the interpreter that runs this.
        app_data: where virtualenv keeps what it knows of interpreters.
        prompt: what activating shows, instead of the folder's name.

    Raises:
        EnvironmentExists: there is something already.
        EnvironmentNotWritable: it cannot be made there.
        InterpreterFailed: there is no such interpreter, or it is not one.
        InvalidRequest: no environment can have that path.
        NoSpace: the disk is full.
    """
    _check_path(path)
    base = _choose_base(path, python)
    with _translated(path, base), _claimed(path):
        _run_virtualenv(path, base, app_data, prompt)


def _check_path(path: str) -> None:
    problem = None
    if not os.path.isabs(path):
        problem = "its path is not absolute"
    elif os.pathsep in path:
        problem = f"its path has a {os.pathsep!r}, which $PATH cannot hold"
    elif any(ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in path):
        problem = "its path has a control character or is not UTF-8"
    if problem is not None:
        raise InvalidRequest(reason=f"no environment can be made at {path!r}: {problem}")


def _choose_base(path: str, python: str | None) -> str:
    interpreter: str | None = python or sys.executable
    if python is not None and os.sep not in python:
        # Looked up by name alone: to ask every interpreter there is for its version takes seconds.
        interpreter = shutil.which(f"python{python}" if python[:1].isdigit() else python)
    elif python is not None and os.path.isdir(python):
        interpreter = os.path.join(python, "bin", "python")
    base = None if interpreter is None else find_base(interpreter)
    if base is None:
        raise InterpreterFailed(
            environment=path, interpreter=str(python), reason="there is no such interpreter"
        )
    return base


def _run_virtualenv(path: str, base: str, app_data: str, prompt: str | None) -> None:
    # The user's settings for virtualenv are about what it does when they call it themselves.
    env = {key: value for key, value in os.environ.items() if not key.startswith("VIRTUALENV_")}
    env["VIRTUALENV_CONFIG_FILE"] = os.devnull
    _forget_replaced(base, app_data, env)
    options = [f"--python={base}", f"--app-data={app_data}", "--no-seed", "--no-periodic-update"]
    if prompt is not None:
        options.append(f"--prompt={prompt}")
    with virtualenv.session_via_cli(
        [*options, "--", path], setup_logging=False, env=env
    ) as session:
        # It would write a `.venv` file beside the environment, where nobody asked for one.
        session.creator.venv_redirect = False
        session.run()


def _forget_replaced(base: str, app_data: str, env: dict[str, str]) -> None:
    """What virtualenv keeps in memory it never compares with the file, which an upgrade replaces."""
    try:
        status = os.stat(base)
    except OSError:
        return
    current = (status.st_ino, status.st_mtime_ns)
    if _seen.setdefault(base, current) != current:
        clear(make_app_data(app_data, read_only=False, env=env))
        _seen[base] = current


@contextmanager
def _claimed(path: str) -> Iterator[None]:
    """The folder, made and marked as ours; as it was before if anything fails."""
    made = _make_folders(path)
    try:
        _claim(path)
    except BaseException:
        _remove_folders(made)
        raise
    try:
        yield
    except BaseException:
        for entry in os.listdir(path):
            _remove(os.path.join(path, entry))
        _remove_folders(made)
        raise


def _claim(path: str) -> None:
    if os.listdir(path):
        raise EnvironmentExists(environment=path)
    # Of two that find it empty one alone makes this file.
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    os.close(os.open(os.path.join(path, "pyvenv.cfg"), flags, 0o644))


def _make_folders(path: str) -> list[str]:
    """Those that were missing, made, the innermost first."""
    made: list[str] = []
    missing: list[str] = []
    folder = os.path.normpath(path)
    while not os.path.isdir(folder):
        if os.path.lexists(folder):
            raise EnvironmentExists(environment=folder, reason="is not a folder")
        missing.append(folder)
        folder = os.path.dirname(folder)
    try:
        for folder in reversed(missing):
            with suppress(FileExistsError):
                os.mkdir(folder)
                made.insert(0, folder)
    except BaseException:
        _remove_folders(made)
        raise
    return made


def _remove_folders(folders: list[str]) -> None:
    """Those that are empty; in the others somebody else has begun to work."""
    for folder in folders:
        with suppress(OSError):
            os.rmdir(folder)


def _remove(path: str) -> None:
    with suppress(OSError):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)


@contextmanager
def _translated(path: str, base: str) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise EnvironmentExists(environment=path) from error
    except OSError as error:
        if is_no_space(error):
            raise NoSpace(path=path, doing=f"creating the environment {path}") from error
        raise EnvironmentNotWritable(
            environment=path,
            path=str(error.filename or path),
            reason=error.strerror or str(error),
        ) from error
    except (RuntimeError, SystemExit) as error:
        raise InterpreterFailed(
            environment=path,
            interpreter=base,
            reason=f"virtualenv cannot use it: {_words_of(error)}",
        ) from error


def _words_of(error: BaseException) -> str:
    """One line: if the interpreter ended with an error, what it said itself.

    That is quoted in the message as a literal. Programs say it first what is wrong; tracebacks last.
    """
    message = str(error)
    quoted = _quoted_error.search(message)
    if quoted is not None:
        with suppress(ValueError, SyntaxError):
            said = [line for line in ast.literal_eval(quoted[1]).splitlines() if line.strip()]
            if said:
                message = said[-1] if said[0].startswith("Traceback") else said[0]
    return " ".join(message.split())[:_WORDS]
