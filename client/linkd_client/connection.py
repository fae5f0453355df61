"""The connection to the daemon: where its socket is, and whose (unix(7), SO_PEERCRED)."""

from __future__ import annotations

import errno
import os
import sys
from _socket import AF_UNIX, SO_PEERCRED, SOCK_STREAM, SOL_SOCKET, socket

from linkd_client.errors import NoAnswer, NobodyListens, NoDaemon, reason_of
from linkd_client.surroundings import absolute
from linkd_client.wire import Answer

_LONGEST_ADDRESS = 107  # bytes: sun_path has 108, the last of them 0
_ROOT = 0
_DYING_S = 0.1  # a killed process closes one descriptor after the other, its listener maybe last


def socket_path(option: str | None) -> str:
    """Where the daemon listens: ``--socket``, ``$LINKD_SOCKET``, else the place per user."""
    named = option or os.environ.get("LINKD_SOCKET")
    if named:
        return absolute(named)
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.path.isdir(runtime):
        return os.path.join(runtime, "linkd", "linkd.sock")
    return f"/tmp/linkd-{os.geteuid()}/linkd.sock"  # noqa: S108 - whose it is gets checked


def exchange(request: bytes, path: str, *, autostart: bool) -> Answer:
    """Send the request and read the head of the answer, which is to be closed.

    A daemon that is just ending may close the connection unread: then the request is made once
    more, of the next daemon. Raises NoDaemon.
    """
    try:
        return _attempt(request, path, autostart=autostart)
    except NoAnswer:
        from time import sleep  # noqa: PLC0415

        sleep(_DYING_S)
        return _attempt(request, path, autostart=autostart)


def _attempt(request: bytes, path: str, *, autostart: bool) -> Answer:
    try:
        connection = _connect(path)
    except NobodyListens:
        if not autostart:
            raise
        from linkd_client.start import start_daemon  # noqa: PLC0415

        start_daemon(path)
        connection = _connect(path)
    try:
        _send(connection, request)
        return Answer(connection)
    except BaseException:
        connection.close()
        raise


def _connect(path: str) -> socket:
    connection = socket(AF_UNIX, SOCK_STREAM)
    try:
        _connect_to(connection, path)
        _check_peer(connection, path)
    except OSError as error:
        connection.close()
        if error.errno in {errno.ENOENT, errno.ECONNREFUSED}:
            reason = f"no daemon is running on {path}; start one with: linkd serve"
            raise NobodyListens(reason) from error
        raise NoDaemon(f"{path} cannot be connected to: {reason_of(error)}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_to(connection: socket, path: str) -> None:
    """Connect; an address that is too long is reached through its folder's descriptor."""
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        connection.connect(path)
        return
    folder, name = os.path.split(path)
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{descriptor}/{name}")
    finally:
        os.close(descriptor)


def _check_peer(connection: socket, path: str) -> None:
    """Nobody else may pose as our daemon: it would choose what gets installed."""
    credentials = connection.getsockopt(SOL_SOCKET, SO_PEERCRED, 12)  # pid, uid, gid: 4 bytes each
    owner = int.from_bytes(credentials[4:8], sys.byteorder)
    own = os.geteuid()
    if owner not in {own, _ROOT}:
        raise NoDaemon(
            f"what listens on {path} belongs to user {owner}, but you are user {own}; "
            "name a socket of your own with --socket or LINKD_SOCKET"
        )


def _send(connection: socket, request: bytes) -> None:
    """Send it all. A daemon that refuses a request may answer before it has read all of it."""
    try:
        connection.sendall(request)
    except ConnectionError:
        return
