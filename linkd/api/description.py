"""Completes the description of the interface (OpenAPI 3.1) by what each operation negotiates."""

from typing import Any, Final

from fastapi import FastAPI

from linkd.api import lines
from linkd.api.answers import EXIT_HEADER, NDJSON, PROBLEM, TERMINAL_HEADER

_Document = dict[str, Any]

_EVENT: Final[_Document] = {
    "type": "object",
    "description": "One line: progress any number of times, then the result or the error",
    "required": ["event"],
    "properties": {"event": {"enum": ["progress", "result", "error"]}},
    "examples": [
        {"event": "progress", "phase": "fetch", "subject": "a.whl", "done": 512, "total": 1024}
    ],
}
_LINES: Final[_Document] = {
    "type": "string",
    "description": "For a terminal. Each line begins with its channel: o is for stdout, e for "
    "stderr, p replaces the line of progress, x is the exit code and the last. "
    "Errors come in this form, too, with status 200",
    "examples": ["oInstalled 1 distribution in 12 ms\nx0\n"],
}
_EXIT: Final[_Document] = {
    "description": "The exit code of a command that asked this: 0 done, 1 failed, 2 not understood",
    "schema": {"type": "integer", "enum": [0, 1, 2]},
}
_TERMINAL: Final[_Document] = {
    "name": TERMINAL_HEADER,
    "in": "header",
    "required": False,
    "description": f"The terminal that {lines.MEDIA_TYPE} is for",
    "schema": {"type": "string", "examples": ["columns=80,color=1,progress=1,verbosity=0"]},
}


class DescribedAPI(FastAPI):
    """Its description has the media types and headers that the framework does not know of."""

    def openapi(self) -> _Document:
        is_new = self.openapi_schema is None
        document = super().openapi()
        if is_new:
            document["components"]["schemas"]["Event"] = _EVENT
            for path, operations in document["paths"].items():
                for operation in operations.values():
                    _describe_problems(operation)
                    if path.startswith("/v1/"):
                        _describe_negotiation(operation)
        return document


def _describe_problems(operation: _Document) -> None:
    for status in ("4XX", "5XX"):
        response = operation["responses"][status]
        problem = response["content"].pop("application/json")
        response["content"] = {PROBLEM: problem, NDJSON: {"schema": _event_of(problem["schema"])}}
        response["headers"] = {EXIT_HEADER: _EXIT}


def _describe_negotiation(operation: _Document) -> None:
    operation.setdefault("parameters", []).append(_TERMINAL)
    response = operation["responses"]["200"]
    result = response["content"]["application/json"]["schema"]
    response["description"] = "Done; as one document, as events, or as lines for a terminal"
    response["content"][NDJSON] = {"schema": _event_of(result)}
    response["content"][lines.MEDIA_TYPE] = {"schema": _LINES}
    response["headers"] = {
        EXIT_HEADER: {**_EXIT, "description": f"{_EXIT['description']}; not in a stream"}
    }


def _event_of(last: _Document) -> _Document:
    """The schema of a line, of which the last one has the members of a result or problem."""
    return {"anyOf": [{"$ref": "#/components/schemas/Event"}, last]}
