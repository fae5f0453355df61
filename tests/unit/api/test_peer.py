"""Claims about who may come in."""

import os

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Scope

from linkd.api.peer import Peer, PeerGuard
from linkd.errors import LinkdError


async def status_for(state: dict[str, object] | None) -> int:
    """What the guard answers to a connection of which the server tells this."""

    def refuse(_: Scope, error: LinkdError) -> PlainTextResponse:
        return PlainTextResponse(error.detail, status_code=403)

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope: Scope = {"type": "http", "headers": []}
    if state is not None:
        scope["state"] = state
    await PeerGuard(PlainTextResponse("in"), refuse)(scope, receive, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize("uid", [os.getuid(), 0])
async def test_the_owner_and_root_come_in(uid: int) -> None:
    """The daemon's own user and root come in."""
    assert await status_for({"peer": Peer(pid=1, uid=uid, gid=1)}) == 200


@pytest.mark.parametrize("state", [None, {}, {"peer": None}, {"peer": Peer(1, 54321, 1)}])
async def test_nobody_else_comes_in(state: dict[str, object] | None) -> None:
    """Others do not, nor does a connection of which nobody knows whose it is."""
    assert await status_for(state) == 403
