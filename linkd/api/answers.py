"""One operation, answered in the form that the client accepts.

JSON is the result alone; NDJSON streams events and ends with the result; lines are for a terminal.
A client that goes away cancels its request: what has not begun to change the environment is not
begun.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import msgspec
import structlog
from fastapi import Request, Response
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from linkd.api import lines, problems
from linkd.api.lines import Terminal
from linkd.api.problems import Refusal
from linkd.core.progress import Progress, Reporter, Silent
from linkd.errors import LinkdError
from linkd.service.progress import LatestProgress

A = TypeVar("A", bound=BaseModel)

NDJSON: Final = "application/x-ndjson"
PROBLEM: Final = "application/problem+json"
EXIT_HEADER: Final = "Linkd-Exit"
TERMINAL_HEADER: Final = "Linkd-Terminal"
_INTERVAL_S: Final = 0.1
"""Between two words of progress; what is done sooner is answered in one piece."""

_CLIENT_GONE: Final = 499
"""The status of an answer that nobody reads."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Operation(Generic[A]):
    """What a route does, and how its answer looks in a terminal."""

    run: Callable[[Reporter], Awaitable[A]]
    render: Callable[[A, Terminal], Iterator[str]]


async def answer(request: Request, operation: Operation[A]) -> Response:
    """Carry the operation out and answer in the form that the client accepts."""
    accept = request.headers.get("accept", "")
    terminal = _terminal(request)
    progress = LatestProgress()
    live = NDJSON in accept or (lines.MEDIA_TYPE in accept and terminal.progress)
    work = asyncio.create_task(_outcome(operation, progress if live else Silent()))
    if not live:
        await _until_disconnect(request, work)
        if work.cancelled():
            return Response(status_code=_CLIENT_GONE)
        return _complete(accept, operation, work.result(), terminal)
    if NDJSON in accept:
        events = _ndjson(work, progress)
        return StreamingResponse(_cancelling(work, events), media_type=NDJSON)
    # Most installs end before there is anything to tell: they are answered in one piece.
    await asyncio.wait([work], timeout=_INTERVAL_S)
    if work.done():
        return _complete(accept, operation, work.result(), terminal)
    stream = _lines(work, progress, operation, terminal)
    return StreamingResponse(_cancelling(work, stream), media_type=lines.MEDIA_TYPE)


def refused(request: Request, refusal: Refusal) -> Response:
    """An error as the client accepts it."""
    accept = request.headers.get("accept", "")
    if NDJSON in accept:
        return Response(
            _event("error", refusal.problem.model_dump(mode="json")),
            status_code=refusal.problem.status,
            media_type=NDJSON,
            headers={EXIT_HEADER: str(refusal.exit_code)},
        )
    if wants_lines(request):
        rendered = lines.render_problem(refusal.problem, _terminal(request))
        return _lines_response(lines.encode(rendered, refusal.exit_code))
    return _problem_response(refusal)


def wants_lines(request: Request) -> bool:
    """Whether the answer is for a terminal."""
    return lines.MEDIA_TYPE in request.headers.get("accept", "")


def _terminal(request: Request) -> Terminal:
    return Terminal.parse(request.headers.get(TERMINAL_HEADER, ""))


def _problem_response(refusal: Refusal) -> Response:
    return Response(
        refusal.problem.model_dump_json(),
        status_code=refusal.problem.status,
        media_type=PROBLEM,
        headers={EXIT_HEADER: str(refusal.exit_code)},
    )


async def _outcome(operation: Operation[A], reporter: Reporter) -> A | Refusal:
    try:
        return await operation.run(reporter)
    except LinkdError as error:
        _log.info("refused", code=error.code, detail=error.detail)
        return problems.refuse(error)
    except Exception:  # noqa: BLE001 - whatever it is, the client gets an answer and we a log
        request_id = secrets.token_hex(6)
        _log.exception("unexpected", request_id=request_id)
        return problems.refuse_unexpected(request_id)


async def _until_disconnect(request: Request, work: asyncio.Task[A | Refusal]) -> None:
    """Wait for the work; it is cancelled and waited for when nobody wants its outcome any more."""
    gone = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait([work, gone], return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        work.cancel()
        await asyncio.wait([gone, work])


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _complete(
    accept: str, operation: Operation[A], outcome: A | Refusal, terminal: Terminal
) -> Response:
    exit_code = outcome.exit_code if isinstance(outcome, Refusal) else 0
    if lines.MEDIA_TYPE in accept:
        return _lines_response(lines.encode(_rendered(operation, outcome, terminal), exit_code))
    if isinstance(outcome, Refusal):
        return _problem_response(outcome)
    headers = {EXIT_HEADER: str(exit_code)}
    return Response(outcome.model_dump_json(), media_type="application/json", headers=headers)


def _rendered(operation: Operation[A], outcome: A | Refusal, terminal: Terminal) -> Iterator[str]:
    if isinstance(outcome, Refusal):
        return lines.render_problem(outcome.problem, terminal)
    return operation.render(outcome, terminal)


def _lines_response(body: bytes) -> Response:
    return Response(body, media_type=lines.MEDIA_TYPE)


async def _cancelling(
    work: asyncio.Task[A | Refusal], chunks: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """The chunks; when nobody takes them any more, the work is cancelled and waited for."""
    try:
        async for chunk in chunks:
            yield chunk
    finally:
        work.cancel()
        await asyncio.wait([work])


async def _news(
    work: asyncio.Task[A | Refusal], progress: LatestProgress
) -> AsyncIterator[list[Progress]]:
    """What there is to tell at each interval, until the work is done."""
    while not work.done():
        yield progress.take()
        await asyncio.wait([work], timeout=_INTERVAL_S)


async def _lines(
    work: asyncio.Task[A | Refusal],
    progress: LatestProgress,
    operation: Operation[A],
    terminal: Terminal,
) -> AsyncIterator[bytes]:
    under_way: dict[tuple[str, str], Progress] = {}
    async for news in _news(work, progress):
        for word in news:
            under_way.pop((word.phase, word.subject), None)
            if word.total is None or word.done < word.total:
                under_way[word.phase, word.subject] = word
        yield f"{lines.render_progress(under_way.values(), terminal)}\n".encode()
    outcome = work.result()
    exit_code = outcome.exit_code if isinstance(outcome, Refusal) else 0
    yield b"p\n"
    yield lines.encode(_rendered(operation, outcome, terminal), exit_code)


async def _ndjson(
    work: asyncio.Task[A | Refusal], progress: LatestProgress
) -> AsyncIterator[bytes]:
    async for news in _news(work, progress):
        for word in news:
            yield _event("progress", msgspec.to_builtins(word))
    for word in progress.take():
        yield _event("progress", msgspec.to_builtins(word))
    outcome = work.result()
    if isinstance(outcome, Refusal):
        yield _event("error", outcome.problem.model_dump(mode="json"))
    else:
        yield _event("result", outcome.model_dump(mode="json"))


def _event(name: str, members: dict[str, object]) -> bytes:
    return msgspec.json.encode({"event": name, **members}) + b"\n"
