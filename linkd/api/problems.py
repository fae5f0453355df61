"""Errors as problem documents (RFC 9457): which status and which exit code each kind has."""

from dataclasses import dataclass
from typing import Any, Final

from linkd import errors
from linkd.api.schema import Problem
from linkd.errors import LinkdError
from linkd.fetch.urls import redacted

_STATUS: Final[tuple[tuple[type[LinkdError], int], ...]] = (
    (errors.PeerRefused, 403),
    (errors.EnvironmentMissing, 404),
    (errors.NotInstalled, 404),
    (errors.EnvironmentBusy, 423),
    (errors.NoSpace, 507),
    (errors.RequestError, 400),
    (errors.ResolveError, 409),
    (errors.FetchError, 502),
    (errors.WheelError, 409),
    (errors.BuildError, 409),
    (errors.TargetError, 409),
    (errors.LinkError, 409),
)
"""The first that fits counts; what fits none is the daemon's own fault."""

_HTTP_CODES: Final = {
    400: errors.InvalidRequest.code,
    404: "not-found",
    405: "method-not-allowed",
    413: "request-too-large",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error on its way to the client."""

    problem: Problem
    exit_code: int


def refuse(error: LinkdError) -> Refusal:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    facts: dict[str, Any] = {name: _plain(value) for name, value in error.facts()}
    for name in ("type", "title", "status", "detail", "code", "hint"):
        facts.pop(name, None)
    return Refusal(
        problem=Problem(
            title=error.title,
            status=status,
            detail=error.detail,
            code=error.code,
            hint=error.hint,
            **facts,
        ),
        exit_code=2 if isinstance(error, errors.RequestError) else 1,
    )


def refuse_invalid(reasons: list[str], hint: str | None) -> Refusal:
    """A request that does not have the form of the wire schema."""
    problem = Problem(
        title="The request is not valid",
        status=422,
        detail=redacted("; ".join(reasons)),
        code=errors.InvalidRequest.code,
        hint=hint,
    )
    return Refusal(problem=problem, exit_code=2)


def refuse_http(status: int, detail: str) -> Refusal:
    """What the framework refuses by itself: no such path, no such method."""
    problem = Problem(
        title=detail, status=status, detail=detail, code=_HTTP_CODES.get(status, "http")
    )
    return Refusal(problem=problem, exit_code=2)


def refuse_unexpected(request_id: str) -> Refusal:
    """A defect of ours. Its traceback is in the log, under the request's id."""
    facts: dict[str, Any] = {"request_id": request_id}
    problem = Problem(
        title="An internal error",
        status=500,
        detail="linkd met an error that it did not expect",
        code="internal",
        hint=f"look for {request_id} in the daemon's log, and report it",
        **facts,
    )
    return Refusal(problem=problem, exit_code=1)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
