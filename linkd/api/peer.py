"""Who is at the other end: credentials from the kernel, never from what a client sends."""

import os
import socket
import struct
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from linkd.errors import PeerRefused

_CREDENTIALS = struct.Struct("3i")
"""struct ucred of unix(7): pid, uid, gid."""
_NOBODY: Final = -1
"""The user of a connection of which the kernel said nothing: no user has this number."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A process, as the kernel knew it when it connected."""

    pid: int
    uid: int
    gid: int


class PeerProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which also hands the socket's credentials to the application."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        credentials = connection.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
        )
        self._peer = Peer(*_CREDENTIALS.unpack(credentials))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["peer"] = self._peer


class PeerGuard:
    """Lets the daemon's own user and root in, and nobody else."""

    def __init__(self, app: ASGIApp, refuse: Any) -> None:
        self._app = app
        self._refuse = refuse
        self._owner = os.getuid()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        peer = scope.get("state", {}).get("peer")
        if peer is not None and peer.uid in {self._owner, 0}:
            await self._app(scope, receive, send)
            return
        uid = _NOBODY if peer is None else peer.uid
        answer = self._refuse(scope, PeerRefused(uid=uid, owner=self._owner))
        await answer(scope, receive, send)
