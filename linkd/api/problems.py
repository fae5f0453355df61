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

HTTP_PROBLEMS: Final = {
    "not-found": (404, "There is nothing at that path."),
    "method-not-allowed": (405, "The path is there, but not for that method."),
    "request-too-large": (413, "The body is larger than any request can be."),
    "http": ("4xx", "The request is none that HTTP allows."),
    "internal": (500, "linkd met an error that it did not expect: a defect, to be reported."),
}
"""What the framework refuses by itself, by code: the status and when it happens."""

_HTTP_CODES: Final = {
    400: errors.InvalidRequest.code,
    **{status: code for code, (status, _) in HTTP_PROBLEMS.items()},
}
_REFERENCE: Final = "/docs/errors"
"""Where the page lies that describes every code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error on its way to the client."""

    problem: Problem
    exit_code: int


def refuse(error: LinkdError) -> Refusal:
    facts: dict[str, Any] = {name: _plain(value) for name, value in error.facts()}
    for name in ("type", "title", "status", "detail", "code", "hint"):
        facts.pop(name, None)
    return Refusal(
        problem=Problem(
            type=_type(error.code),
            title=error.title,
            status=status_of(type(error)),
            detail=redacted(error.detail),
            code=error.code,
            hint=error.hint and redacted(error.hint),
            **facts,
        ),
        exit_code=exit_code_of(type(error)),
    )


def status_of(kind: type[LinkdError]) -> int:
    """The HTTP status of an error."""
    return next((status for group, status in _STATUS if issubclass(kind, group)), 500)


def exit_code_of(kind: type[LinkdError]) -> int:
    """The client's exit code for an error, as INTERFACE has them."""
    return 2 if issubclass(kind, errors.RequestError) else 1


def refuse_invalid(reasons: list[str], hint: str | None) -> Refusal:
    """A request that does not have the form of the wire schema."""
    problem = Problem(
        type=_type(errors.InvalidRequest.code),
        title=errors.InvalidRequest.title,
        status=422,
        detail=redacted("; ".join(reasons)),
        code=errors.InvalidRequest.code,
        hint=hint,
    )
    return Refusal(problem=problem, exit_code=2)


def refuse_http(status: int, detail: str) -> Refusal:
    """What the framework refuses by itself: no such path, no such method."""
    code = _HTTP_CODES.get(status, "http")
    problem = Problem(type=_type(code), title=detail, status=status, detail=detail, code=code)
    return Refusal(problem=problem, exit_code=2)


def refuse_unexpected(request_id: str) -> Refusal:
    """A defect of ours. Its traceback is in the log, under the request's id."""
    facts: dict[str, Any] = {"request_id": request_id}
    problem = Problem(
        type=_type("internal"),
        title="An internal error",
        status=500,
        detail="linkd met an error that it did not expect",
        code="internal",
        hint=f"look for {request_id} in the daemon's log, and report it",
        **facts,
    )
    return Refusal(problem=problem, exit_code=1)


def _type(code: str) -> str:
    return f"{_REFERENCE}#{code}"


def _plain(value: object) -> object:
    """As JSON has it, and without anybody's password."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return redacted(value) if isinstance(value, str) else value
