"""No answer, message or line of the log shows a password or a token, however it was written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon
from tests.support.index import RunningIndex

SECRET = "s3cr3t"
PASSWORDS = [SECRET, f"{SECRET} w", f"{SECRET}@w", f"p@ {SECRET}", f"p/{SECRET}", f"p/ {SECRET}@"]
LINES = [
    "-r {}",
    "-c {}",
    "--pre {}",
    "-i {} nonsense",
    "--find-links {} nonsense",
    "--hash={}",
    "foo=={}",
    "foo @ {} ; no marker",
    "foo @ hg+{}",
    "-e {}",
    "{} ; no marker",
    "{} --hash=sha256:12",
]
MEMBERS = ["requirements", "index_url", "extra_index_urls", "find_links", "editable", "no_binary"]
SCHEMES = ["ftp", "hg+https", "file"]
"""Those that nobody connects to."""


def url(password: str, scheme: str = "http", file: str = "foo-1.0-py3-none-any.whl") -> str:
    return f"{scheme}://user:{password}@127.0.0.1:9/{file}"


@pytest.fixture(autouse=True)
def _the_log_is_silent(daemon: Daemon) -> Iterator[None]:
    yield
    assert SECRET not in daemon.log.read_text()


@pytest.mark.parametrize("password", PASSWORDS)
def test_requests(daemon: Daemon, password: str) -> None:
    """Whichever line or member is refused, no form of the answer shows what its URL held."""
    for body in bodies(password):
        for accept in ("application/json", "application/vnd.linkd.lines"):
            reply = daemon.place.call("POST", "/v1/install", body, accept=accept)
            assert reply.status != 200 or reply.body.endswith((b"x1\n", b"x2\n"))
            assert SECRET not in reply.body.decode(), body


def bodies(password: str) -> Iterator[dict[str, Any]]:
    whole = {"environment": "/no/where", "requirements": ["foo"]}
    for line in LINES:
        text = line.format(url(password))
        yield {**whole, "requirement_files": [{"path": "/app/r.txt", "text": text}]}
        yield {**whole, "constraint_files": [{"path": "/app/c.txt", "text": text}]}
    for member in MEMBERS:
        for scheme in SCHEMES:
            place = url(password, scheme)
            yield {**whole, member: place if member == "index_url" else [place]}


def test_tokens(daemon: Daemon, environment: Path, index: RunningIndex) -> None:
    """A token in the query of a URL is not shown, nor one in place of a user."""
    wheel = f"{index.root}/files/foo-1.0-py3-none-any.whl"
    for place in (
        f"{wheel}?x=1&X-Amz-Signature={SECRET}&y=2",
        f"{wheel}?token={SECRET}",
        wheel.replace("://", f"://{SECRET}@"),
    ):
        problem = daemon.place.install(environment, f"foo @ {place}", no_index=True).json
        assert problem["code"] == "download-failed"
        assert SECRET not in json.dumps(problem)


@pytest.mark.parametrize("password", PASSWORDS)
def test_the_client(daemon: Daemon, password: str) -> None:
    """What the client says by itself, or has been told by the daemon, does not show it either."""
    place = url(password)
    for arguments in (
        ["-r", place],
        ["-r", f"ftp{place}"],
        ["-i", place, "-i", place, "foo"],
    ):
        ran = daemon.place.client("install", "-p", "/no/where", *arguments)
        assert ran.code != 0
        assert SECRET not in json.dumps([ran.out, ran.err]), arguments
