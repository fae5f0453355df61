"""Starting a daemon where none is running: find ``linkd``, run it detached, wait till it is ready.

Many clients may do so at once. Which of their daemons stays is settled among the daemons; one that
loses reports ready as soon as the winner answers.
"""

from __future__ import annotations

import importlib.util
import os
import select
import stat
import subprocess
import sys
import time

from linkd_client.errors import NoDaemon, reason_of
from linkd_client.surroundings import find_command

_OLDEST_PYTHON = (3, 11)  # of the daemon; the client's own may be older
PATIENCE_S = 30  # more than a started daemon waits for one that is ending
_LARGEST_LOG = 1 << 20
_SHOWN_LINES = 5


def start_daemon(socket: str) -> None:
    """Start one and wait until it is ready. Raises NoDaemon with the reason if it is not."""
    command = _find_linkd()
    _check_place(socket)
    log = _Log(f"{socket}.log")
    ready, write_end = os.pipe()
    try:
        try:
            _spawn([*command, *_arguments(socket, write_end)], write_end, log)
        finally:
            os.close(write_end)
        word = _await_word(ready)
    finally:
        os.close(ready)
        log.close()
    if word == "ready":
        return
    if word.startswith("error:"):
        raise NoDaemon(f"a daemon could not be started: {word[len('error:') :].strip()}")
    raise NoDaemon(f"a daemon was started but ended at once; {log.describe()}")


def _find_linkd() -> list[str]:
    """The daemon's command: beside the client, on PATH, or a module of this interpreter."""
    own = sys.argv[0]
    for beside in (own, os.path.realpath(own), sys.executable):
        path = os.path.join(os.path.dirname(os.path.abspath(beside)), "linkd")
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return [path]
    on_path = find_command("linkd")
    if on_path:
        return [on_path]
    if sys.version_info >= _OLDEST_PYTHON and importlib.util.find_spec("linkd"):
        return [sys.executable, "-P", "-m", "linkd"]  # -P: not one that lies in the current folder
    raise NoDaemon(
        "no daemon is running and there is no linkd command to start one; "
        "install the distribution linkd, or put its command on PATH"
    )


def _arguments(socket: str, descriptor: int) -> list[str]:
    return ["serve", "--ready-fd", str(descriptor), "--socket", socket]


def _check_place(socket: str) -> None:
    """Make the socket's folder; leave nothing where no daemon could serve. Raises NoDaemon."""
    folder = os.path.dirname(socket)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        facts = os.lstat(folder)
        problem = _problem_of(folder, facts) or _problem_at(socket)
    except OSError as error:
        problem = reason_of(error)
    if problem:
        raise NoDaemon(f"a daemon cannot be started: {socket} cannot be used: {problem}")


def _problem_of(folder: str, facts: os.stat_result) -> str | None:
    if not stat.S_ISDIR(facts.st_mode):
        return f"{folder} is not a folder"
    if facts.st_uid not in {0, os.getuid()}:
        return f"{folder} belongs to user {facts.st_uid}"
    if facts.st_mode & 0o022:
        return f"others may write in {folder}"
    return None


def _problem_at(socket: str) -> str | None:
    try:
        mode = os.lstat(socket).st_mode
    except FileNotFoundError:
        return None
    return None if stat.S_ISSOCK(mode) else "something else is there already"


def _spawn(command: list[str], descriptor: int, log: _Log) -> None:
    """Run it in a session of its own, so that no terminal's end or Ctrl-C reaches it."""
    try:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log.descriptor,
            pass_fds=(descriptor,),
            start_new_session=True,
        )
    except OSError as error:
        raise NoDaemon(f"{command[0]} cannot be run: {reason_of(error)}") from error


def _await_word(descriptor: int) -> str:
    """The line that the daemon tells of itself; empty if it ended without. Raises NoDaemon."""
    end = time.monotonic() + PATIENCE_S
    told = b""
    while not told.endswith(b"\n"):
        left = end - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            raise NoDaemon(f"a daemon was started but is not ready after {PATIENCE_S} s")
        piece = os.read(descriptor, 4096)
        if not piece:
            break
        told += piece
    return told.decode("utf-8", "replace").strip()


class _Log:
    """Where a started daemon's standard error goes: a file beside its socket."""

    def __init__(self, path: str) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self.descriptor = os.open(path, flags, 0o600)
            if os.fstat(self.descriptor).st_size > _LARGEST_LOG:
                os.ftruncate(self.descriptor, 0)
        except OSError as error:
            reason = f"a daemon cannot be started: {path} cannot be written: {reason_of(error)}"
            raise NoDaemon(reason) from error
        self._path = path
        self._begin = os.fstat(self.descriptor).st_size

    def close(self) -> None:
        os.close(self.descriptor)

    def describe(self) -> str:
        """What was written since this was opened: its last lines."""
        with open(self._path, "rb") as file:
            file.seek(self._begin)
            lines = file.read().decode("utf-8", "replace").splitlines()[-_SHOWN_LINES:]
        if not lines:
            return f"it wrote nothing to {self._path}"
        return "\n  ".join([f"the last lines of {self._path}:", *lines])
