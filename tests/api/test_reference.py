"""The page that describes every error is complete, and is what the errors say of themselves."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import linkd
import linkd_client
from linkd.api import problems, reference
from linkd.errors import LinkdError
from linkd_client.errors import ClientError
from tests.support.daemon import Daemon

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text()
KINDS = list(reference.concrete())


def below(kind: type[ClientError]) -> Iterator[type[ClientError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from below(child)


def test_the_page_is_up_to_date() -> None:
    """docs/errors.md is what the errors say of themselves: make docs writes it."""
    assert reference.render() == PAGE


def test_the_page_is_complete() -> None:
    """Each code that a user can meet has one place on the page, and the page no other."""
    places = re.findall(r"^### (\S+)$", PAGE, re.MULTILINE)
    codes = [kind.code for kind in KINDS] + [kind.code for kind in below(ClientError)]
    assert sorted(places) == sorted([*codes, *problems.HTTP_PROBLEMS])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_each_error(kind: type[LinkdError]) -> None:
    """An error has a title, a word on when it happens, a sentence with all facts and a hint."""
    error = reference.example(kind)
    title, blank, *happens = (kind.__doc__ or "").strip().splitlines()
    assert (title.removesuffix("."), blank, bool(happens)) == (kind.title, "", True)
    assert "None" not in error.detail
    assert error.hint
    assert "{" not in f"{error.detail}{error.hint}"


def test_each_error_is_raised() -> None:
    """Each error that is described is one that some module raises."""
    for package, kinds in ((linkd, KINDS), (linkd_client, list(below(ClientError)))):
        folder = Path(str(package.__file__)).parent
        text = "\n".join(
            path.read_text()
            for path in folder.rglob("*.py")
            if path.parent.name != "errors" and path.name not in {"examples.py", "reference.py"}
        )
        assert [kind for kind in kinds if not re.search(rf"\b{kind.__name__}\b", text)] == []


def test_the_daemon_serves_the_page(daemon: Daemon) -> None:
    """A problem's type leads to the place on the page that the daemon itself serves."""
    problem = daemon.place.call("GET", "/v1/nothing").json
    page, _, anchor = problem["type"].partition("#")
    reply = daemon.place.call("GET", page)
    assert (reply.status, reply.headers["content-type"]) == (200, "text/markdown; charset=utf-8")
    assert reply.body.decode() == PAGE
    assert f"\n### {anchor}\n" in PAGE
