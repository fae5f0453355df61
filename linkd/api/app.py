"""The ASGI application: routes, who may come in, and how errors leave."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from linkd import __version__
from linkd.api import problems
from linkd.api.answers import refused, wants_lines
from linkd.api.description import DescribedAPI
from linkd.api.peer import PeerGuard
from linkd.api.routes import Services, make_router
from linkd.errors import LinkdError
from linkd.service.activity import Activity

_MOST_BODY: Final = 64 << 20

_log = structlog.get_logger(__name__)


def make_app(
    services: Services,
    start: Callable[[], Awaitable[None]],
    close: Callable[[], Awaitable[None]],
) -> ASGIApp:
    """`start` is awaited before the first request, `close` after the last answer."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await start()
        yield
        await close()

    app = DescribedAPI(
        title="linkd",
        version=__version__,
        summary="Makes Python environments appear from one wheel cache",
        lifespan=lifespan,
    )
    app.include_router(make_router(services))
    app.add_exception_handler(RequestValidationError, _refuse_invalid)
    app.add_exception_handler(StarletteHTTPException, _refuse_http)
    return PeerGuard(_Counted(_Limited(app), services.activity), _refuse_peer)


class _Counted:
    """Every HTTP request counts as activity until its answer is complete."""

    def __init__(self, app: ASGIApp, activity: Activity) -> None:
        self._app = app
        self._activity = activity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._activity.request():
            await self._app(scope, receive, send)


class _Limited:
    """Refuses a body that is larger than any request can be, before it fills the memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > _MOST_BODY:
            answer = await _refuse_http(Request(scope), _too_large())
            await answer(scope, receive, send)
            return
        taken = 0

        async def receive_some() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > _MOST_BODY:
                raise _too_large()
            return message

        await self._app(scope, receive_some, send)


def _too_large() -> HTTPException:
    # The rest of the body is not read: nothing more can come over the connection.
    detail = f"the request is larger than {_MOST_BODY >> 20} MiB"
    return HTTPException(413, detail, headers={"Connection": "close"})


async def _refuse_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    reasons = list(dict.fromkeys(_reason(problem) for problem in error.errors()))
    hint = None if wants_lines(request) else "see /openapi.json for what each request takes"
    if any(reason.endswith("is not a project's name") for reason in reasons):
        hint = "a project's name is made of letters, digits, '.', '_' and '-'"
    return refused(request, problems.refuse_invalid(reasons, hint))


def _reason(problem: dict[str, Any]) -> str:
    """What is wrong with which member; where in a list it stands, its value has to tell."""
    member = ".".join(part for part in problem["loc"][1:] if isinstance(part, str)) or "body"
    if problem["type"] == "extra_forbidden":
        return f"{member}: is not known here"
    return f"{member}: {problem['msg'].removeprefix('Value error, ')}"


async def _refuse_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    answer = refused(request, problems.refuse_http(error.status_code, str(error.detail)))
    answer.headers.update(error.headers or {})
    return answer


def _refuse_peer(scope: Scope, error: LinkdError) -> Response:
    _log.warning("refused", code=error.code, detail=error.detail)
    return refused(Request(scope), problems.refuse(error))
