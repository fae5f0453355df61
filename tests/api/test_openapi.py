"""The interface describes itself, completely and validly (OpenAPI 3.1)."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from tests.support.daemon import Daemon, Place

Document = dict[str, Any]

ROUTES = {
    ("post", "/v1/install"),
    ("post", "/v1/sync"),
    ("post", "/v1/uninstall"),
    ("post", "/v1/venv"),
    ("post", "/v1/warm"),
    ("post", "/v1/shutdown"),
    ("get", "/v1/distributions"),
    ("get", "/v1/status"),
    ("get", "/healthz"),
}


@pytest.fixture(scope="module")
def document(place: Place, daemon: Daemon) -> Document:
    described: Document = place.call("GET", "/openapi.json").json
    return described


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_it_is_valid(document: Document) -> None:
    """/openapi.json is a valid OpenAPI document."""
    validate(document)


def test_it_is_complete(document: Document) -> None:
    """Every route of the interface is described, each with a sentence of its own."""
    assert {(method, path) for method, path, _ in operations(document)} >= ROUTES
    silent = [path for _, path, operation in operations(document) if not operation["description"]]
    assert silent == []


def test_each_route_has_problems(document: Document) -> None:
    """Every route says that its errors are problem documents."""
    lacking = [
        path
        for _, path, operation in operations(document)
        if not operation["responses"].keys() >= {"200", "4XX", "5XX"}
    ]
    assert lacking == []


FORMS = {"application/json", "application/x-ndjson", "application/vnd.linkd.lines"}


def test_each_operation_has_its_forms(document: Document) -> None:
    """Every operation says in which forms it answers, and with which headers."""
    for _, path, operation in operations(document):
        if not path.startswith("/v1/"):
            continue
        answer = operation["responses"]["200"]
        assert (path, answer["content"].keys()) == (path, FORMS)
        assert answer["headers"].keys() == {"Linkd-Exit"}
        headers = [one["name"] for one in operation["parameters"] if one["in"] == "header"]
        assert headers == ["Linkd-Terminal"]


def test_problems_have_their_media_type(document: Document) -> None:
    """Every operation's errors are described as problem documents, or as an event."""
    for _, path, operation in operations(document):
        for status in ("4XX", "5XX"):
            problem = operation["responses"][status]
            forms = {"application/problem+json", "application/x-ndjson"}
            assert (path, problem["content"].keys()) == (path, forms)
            schema = problem["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}


def schemas(document: Document) -> Iterator[tuple[str, Document]]:
    """What goes into and out of each route."""
    for method, path, operation in operations(document):
        bodies = [operation.get("requestBody"), operation["responses"]["200"]]
        for body in filter(None, bodies):
            schema = body["content"]["application/json"]["schema"]
            name = schema.get("$ref", "").rpartition("/")[2]
            yield f"{method} {path}", document["components"]["schemas"].get(name, schema)


def test_each_schema_has_valid_examples(document: Document) -> None:
    """What each route takes and answers has examples, and they are as the schema says."""
    lacking = [route for route, schema in schemas(document) if not schema.get("examples")]
    assert lacking == []
    for _, schema in schemas(document):
        validator = Draft202012Validator({**schema, "components": document["components"]})
        for example in schema["examples"]:
            validator.validate(example)


def test_the_documentation_is_served(place: Place, daemon: Daemon) -> None:
    """/docs answers with a page."""
    reply = place.call("GET", "/docs")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
