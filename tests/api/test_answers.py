"""What the HTTP interface answers: results, events and problem documents."""

import contextlib
import json
import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon, Place, Reply, UnixConnection, running_daemon, until
from tests.support.index import RunningIndex
from tests.support.invariants import check_cache, check_environment, installed, snapshot
from tests.support.wheels import Tamper, make_wheel

NDJSON = "application/x-ndjson"


def refused(reply: Reply, status: int, code: str) -> dict[str, Any]:
    """A problem document (RFC 9457), which has what every one has."""
    assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json")
    problem: dict[str, Any] = reply.json
    assert problem.keys() >= {"type", "title", "status", "detail", "code", "hint"}
    told = (problem["status"], problem["code"], problem["type"])
    assert told == (status, code, f"/docs/errors#{code}")
    return problem


# Events


def test_events(place: Place, daemon: Daemon, environment: Path, index: RunningIndex) -> None:
    """A stream tells of the progress and ends with the result."""
    make_wheel(index.folder, "streamed")
    body = {
        "environment": str(environment),
        "requirements": ["streamed"],
        "index_url": index.url,
    }
    reply = place.call("POST", "/v1/install", body, accept=NDJSON)
    assert (reply.status, reply.headers["content-type"]) == (200, NDJSON)
    *progress, last = reply.events
    assert progress
    assert {event["event"] for event in progress} == {"progress"}
    assert {event["phase"] for event in progress} <= {
        "resolve",
        "fetch",
        "unpack",
        "stage",
        "graft",
    }
    assert last["event"] == "result"
    assert [one["name"] for one in last["installed"]] == ["streamed"]


def test_a_stream_of_an_error(
    place: Place, daemon: Daemon, environment: Path, index: RunningIndex
) -> None:
    """A stream of what fails ends with the problem document as an event."""
    body = {"environment": str(environment), "requirements": ["nowhere"], "index_url": index.url}
    *_, last = place.call("POST", "/v1/install", body, accept=NDJSON).events
    document = refused(place.call("POST", "/v1/install", body), 409, "project-not-found")
    assert last == {"event": "error", **document}


def test_progress_comes_while_it_works(
    place: Place, daemon: Daemon, environment: Path, index: RunningIndex
) -> None:
    """A download is told of while it is under way."""
    make_wheel(index.folder, "gradual", files={"gradual.bin": os.urandom(4_000_000)})
    index.stall("gradual-1.0-py3-none-any.whl$", after=2_000_000)
    body = {"environment": str(environment), "requirements": ["gradual"], "index_url": index.url}
    connection = UnixConnection(place.socket)
    connection.request(
        "POST", "/v1/install", _json(body), {"Accept": NDJSON, "Content-Type": "application/json"}
    )
    response = connection.getresponse()
    while b'"fetch"' not in (line := response.readline()):
        assert line
    until(lambda: index.waiting == 1)
    index._server.disconnect()
    assert b'"result"' in response.read()
    connection.close()


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


# Problems


PROBLEMS: list[tuple[dict[str, Any], int, str]] = [
    ({"requirements": ["foo =="]}, 400, "invalid-requirement"),
    ({"requirements": []}, 400, "invalid-request"),
    ({"requirements": ["foo"], "index_url": "gopher://x"}, 400, "invalid-index-settings"),
    (
        {"requirement_files": [{"path": "/a.txt", "text": "--what\n"}]},
        400,
        "unknown-file-option",
    ),
    ({"requirements": ["nowhere"]}, 409, "project-not-found"),
    ({"requirements": ["here==9"]}, 409, "unsolvable"),
    ({"requirements": ["foreign"]}, 409, "no-compatible-wheel"),
    ({"requirements": ["broken"]}, 409, "record-mismatch"),
    ({"requirements": ["unsafe"]}, 409, "path-escape"),
    ({"requirements": ["swapped"]}, 502, "hash-mismatch"),
    ({"requirements": ["here"], "index_url": "http://127.0.0.1:9/"}, 502, "index-unavailable"),
    ({"requirements": ["here"], "environment": "/no/where"}, 404, "environment-missing"),
    ({"requirements": ["here"], "environment": "/usr/lib"}, 409, "not-an-environment"),
    ({"requirements": ["one", "two"], "collisions": "error"}, 409, "collision-refused"),
]


@pytest.fixture
def stocked(index: RunningIndex, wheels: Path) -> RunningIndex:
    """An index with a wheel for each of the problems."""
    make_wheel(wheels, "here")
    make_wheel(wheels, "foreign", tag="cp27-cp27m-win32")
    make_wheel(wheels, "broken", tamper=Tamper(wrong_hash={"broken/__init__.py"}))
    make_wheel(wheels, "unsafe", tamper=Tamper(recorded={"../../evil.txt": "x"}))
    make_wheel(wheels, "swapped")
    make_wheel(wheels, "one", files={"shared.py": "1"})
    make_wheel(wheels, "two", files={"shared.py": "2"})
    index.options.wrong_hashes.add("swapped-1.0-py3-none-any.whl")
    return index


@pytest.mark.parametrize("case", PROBLEMS, ids=lambda case: case[2])
def test_problems(
    daemon: Daemon, environment: Path, stocked: RunningIndex, case: tuple[Any, int, str]
) -> None:
    """Each kind of error has its status, its code and a sentence, and changes nothing."""
    members, status, code = case
    before = snapshot(environment)
    body = {"environment": str(environment), "index_url": stocked.url, **members}
    problem = refused(daemon.place.call("POST", "/v1/install", body), status, code)
    assert problem["detail"]
    assert problem["title"]
    assert snapshot(environment) == before


def test_the_facts_of_a_problem(place: Place, daemon: Daemon) -> None:
    """A problem document has the facts of the error as members of its own."""
    problem = refused(place.install(Path("/no/where"), "foo"), 404, "environment-missing")
    assert problem["environment"] == "/no/where"


def test_not_installed(place: Place, daemon: Daemon, environment: Path) -> None:
    """Uninstalling what is not there is not found."""
    problem = refused(place.uninstall(environment, "a", "b"), 404, "not-installed")
    assert problem["names"] == ["a", "b"]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/v1/install", {"environment": "/e", "requirements": ["a"], "upgarde": True}, "upgarde"),
        ("/v1/install", {"requirements": ["a"]}, "environment"),
        ("/v1/install", {"environment": "relative", "requirements": ["a"]}, "absolute"),
        ("/v1/install", {"environment": "/e\0", "requirements": ["a"]}, "NUL"),
        ("/v1/install", {"environment": "/e", "requirements": "a"}, "requirements"),
        (
            "/v1/install",
            {"environment": "/e", "requirements": ["a"], "link_mode": "x"},
            "link_mode",
        ),
        ("/v1/install", {"environment": "/e", "upgrade_packages": ["-"]}, "upgrade_packages"),
        ("/v1/install", b"{", "JSON"),
        ("/v1/install", b"", "required"),
        ("/v1/install", [], "dictionary"),
        ("/v1/uninstall", {"environment": "/e", "names": []}, "names"),
        ("/v1/uninstall", {"environment": "/e", "names": ["a"], "force": True}, "force"),
        ("/v1/venv", {"path": "/e", "pip": True}, "pip"),
        ("/v1/warm", {"requirements": ["a"], "copies": 0}, "copies"),
        ("/v1/warm", {"requirements": ["a"], "upgrade": True}, "upgrade"),
        ("/v1/shutdown", {"force": True}, "force"),
    ],
)
def test_malformed_requests(place: Place, daemon: Daemon, path: str, body: Any, words: str) -> None:
    """A request that has not the form of the schema is refused, with the member's name."""
    problem = refused(place.call("POST", path, body), 422, "invalid-request")
    assert words in problem["detail"]


def test_malformed_queries(place: Place, daemon: Daemon) -> None:
    """Queries are held to the schema, too."""
    for query in ("", "?environment=relative", "?environment=/e&format=yaml"):
        refused(place.call("GET", f"/v1/distributions{query}"), 422, "invalid-request")


@pytest.mark.parametrize(
    "target", ["/v1/distributions?environment=/e&", "/v1/status?", "/healthz?"]
)
def test_unknown_parameters(place: Place, daemon: Daemon, target: str) -> None:
    """A parameter that the interface does not know is refused by its name."""
    problem = refused(place.call("GET", f"{target}wiat=1"), 422, "invalid-request")
    assert problem["detail"] == "wiat: is not known here"


def test_a_malformed_request_as_an_event(place: Place, daemon: Daemon) -> None:
    """A client of events is refused by one event, with the status of the problem."""
    for method, target, status in (
        ("POST", "/v1/install", 422),
        ("GET", "/v2/install", 404),
        ("GET", "/v1/install", 405),
    ):
        body: dict[str, Any] | None = {} if method == "POST" else None
        reply = place.call(method, target, body, accept=NDJSON)
        assert (reply.status, reply.headers["content-type"]) == (status, NDJSON)
        [event] = reply.events
        assert event == {"event": "error", **place.call(method, target, body).json}


def test_a_large_request_as_an_event(place: Place, daemon: Daemon) -> None:
    """That a request is too large is told as an event, too."""
    length = {"Content-Length": str(1 << 30)}
    reply = place.call("POST", "/v1/install", b"", accept=NDJSON, headers=length)
    assert (reply.status, reply.headers["content-type"]) == (413, NDJSON)
    assert [event["code"] for event in reply.events] == ["request-too-large"]


def test_a_name_that_is_none(place: Place, daemon: Daemon) -> None:
    """What is no project's name is quoted, with what one is made of, for a terminal as well."""
    body = {"environment": "/e", "upgrade_packages": ["bad name"]}
    problem = refused(place.call("POST", "/v1/install", body), 422, "invalid-request")
    assert problem["detail"] == "upgrade_packages: 'bad name' is not a project's name"
    reply = place.call("POST", "/v1/install", body, accept="application/vnd.linkd.lines")
    assert reply.body.decode().splitlines() == [
        f"eerror: {problem['detail']}",
        "ehint: a project's name is made of letters, digits, '.', '_' and '-'",
        "x2",
    ]


def test_a_terminal_is_not_sent_to_the_schema(place: Place, daemon: Daemon) -> None:
    """Whoever types a command is told what is wrong, not where the schema is."""
    body = {"environment": "relative", "requirements": ["a"]}
    reply = place.call("POST", "/v1/install", body, accept="application/vnd.linkd.lines")
    assert reply.body.decode() == "eerror: environment: must be an absolute path\nx2\n"


def test_no_such_path_or_method(place: Place, daemon: Daemon) -> None:
    """What the interface has not is a problem document, too."""
    refused(place.call("GET", "/v2/install"), 404, "not-found")
    refused(place.call("GET", "/v1/install"), 405, "method-not-allowed")
    refused(place.call("DELETE", "/v1/status"), 405, "method-not-allowed")


def test_a_body_that_is_announced_too_large(place: Place, daemon: Daemon) -> None:
    """A body that is larger than any request may be is refused before it is sent."""
    reply = place.call("POST", "/v1/install", b"", headers={"Content-Length": str(1 << 30)})
    refused(reply, 413, "request-too-large")


def test_a_body_that_gets_too_large(place: Place, daemon: Daemon) -> None:
    """A body of which nobody knows the length is refused when it gets too large."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(place.socket))
        head = "POST /v1/install HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        chunk = b"100000\r\n" + b"[" * (1 << 20) + b"\r\n"
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(80):  # MiB
                connection.sendall(chunk)
        received = connection.recv(65536)
    assert received.startswith(b"HTTP/1.1 413 ")
    assert place.call("GET", "/v1/status").status == 200


def test_a_deep_body(place: Place, daemon: Daemon) -> None:
    """Deeply nested JSON is refused, and the daemon goes on."""
    reply = place.call("POST", "/v1/install", b"[" * 200_000)
    assert reply.status in {400, 422}
    assert reply.headers["content-type"] == "application/problem+json"
    assert place.call("GET", "/healthz").json == {"status": "ok"}


def test_not_http(place: Place, daemon: Daemon) -> None:
    """Noise on the socket is answered, and harms nothing."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(place.socket))
        connection.sendall(os.urandom(1000) + b"\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    assert place.call("GET", "/healthz").status == 200


def test_lines_for_a_terminal(place: Place, daemon: Daemon) -> None:
    """A client that wants lines gets an error as lines, and the exit code as the last."""
    body = {"environment": "/no/where", "requirements": ["a"]}
    reply = place.call("POST", "/v1/install", body, accept="application/vnd.linkd.lines")
    assert reply.status == 200
    assert reply.body.decode().splitlines() == [
        "eerror: there is no environment at /no/where",
        "ehint: make it with: linkd-client venv /no/where",
        "x1",
    ]


# Looking


def test_status(place: Place, daemon: Daemon) -> None:
    """The status has what the interface promises."""
    status = place.call("GET", "/v1/status").json
    assert status["pid"] == daemon.pid
    assert status["requests"]["active"] == 0
    assert status["background"].keys() >= {"pending"}
    assert status["pool"].keys() >= {"staged", "hits", "misses"}
    assert status["cache"].keys() >= {"wheels", "bytes"}
    assert status["rss_bytes"] > 1 << 20
    assert status["uptime_s"] > 0
    assert isinstance(status["version"], str)
    assert isinstance(status["environments"], int)


def test_distributions(
    place: Place, daemon: Daemon, environment: Path, stocked: RunningIndex
) -> None:
    """The distributions of an environment are told with who put them there."""
    place.install(environment, "here", index_url=stocked.url)
    told = place.call("GET", f"/v1/distributions?environment={environment}").json
    [one] = told["distributions"]
    assert (told["environment"], one["name"], one["version"]) == (str(environment), "here", "1.0")
    assert (one["installer"], one["requested"], one["direct_url"]) == ("linkd", True, None)


# Clients that go away


def ask(place: Place, environment: Path, index: RunningIndex, accept: str) -> socket.socket:
    """A request for ``stalled``, sent and not answered yet."""
    body = _json(
        {"environment": str(environment), "requirements": ["stalled"], "index_url": index.url}
    )
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(place.socket))
    head = (
        f"POST /v1/install HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection


@pytest.fixture
def stalled(index: RunningIndex, wheels: Path) -> RunningIndex:
    make_wheel(wheels, "stalled", files={"stalled.bin": os.urandom(100_000)})
    index.stall("stalled-1.0-py3-none-any.whl$", after=1000)
    return index


TERMINAL = "application/vnd.linkd.lines\r\nLinkd-Terminal: columns=80,color=0,progress=1"


@pytest.mark.parametrize("accept", ["application/json", NDJSON, TERMINAL])
def test_a_client_that_goes_away_ends_its_download(
    place: Place, daemon: Daemon, environment: Path, stalled: RunningIndex, accept: str
) -> None:
    """When nobody waits for a download any more it ends, and the environment is as before."""
    before = snapshot(environment)
    connection = ask(place, environment, stalled, accept)
    until(lambda: stalled.count("stalled-1.0-py3-none-any.whl$"))
    until(lambda: stalled.waiting == 1)
    connection.close()
    until(lambda: stalled.waiting == 0)
    daemon.until_active(0)
    assert snapshot(environment) == before
    check_cache(place.cache)
    assert b"Traceback" not in daemon.log.read_bytes()
    assert place.install(environment, "stalled", index_url=stalled.url).status == 200


def test_others_go_on_waiting_for_the_same_download(
    place: Place, daemon: Daemon, environment: Path, stalled: RunningIndex
) -> None:
    """A client that goes away takes nothing from another one that wants the same wheel."""
    other = place.environment(f"{environment.name}-other")
    # If the other one comes too late to share the download, its own one stalls as well.
    stalled.stall("stalled-1.0-py3-none-any.whl$", after=1000)
    first = ask(place, environment, stalled, "application/json")
    until(lambda: stalled.waiting == 1)
    replies: list[Reply] = []
    thread = threading.Thread(
        target=lambda: replies.append(place.install(other, "stalled", index_url=stalled.url))
    )
    thread.start()
    daemon.until_active(2)
    first.close()
    daemon.until_active(1)
    until(lambda: stalled.waiting == 1)
    while thread.is_alive():
        if stalled.waiting:
            stalled._server.disconnect()
        thread.join(0.05)
    assert [reply.status for reply in replies] == [200]
    assert (installed(environment), installed(other)) == ({}, {"stalled": "1.0"})
    check_environment(other)


def test_a_stopping_daemon_ends_when_the_client_goes(
    place: Place, environment: Path, stalled: RunningIndex, tmp_path: Path
) -> None:
    """A daemon that ends does not wait for a download that nobody wants any more."""
    with Place.temporary(tmp_path) as own, running_daemon(own) as daemon:
        connection = ask(own, own.environment(), stalled, "application/json")
        until(lambda: stalled.waiting == 1)
        daemon.process.send_signal(signal.SIGTERM)
        connection.close()
        assert daemon.wait() == 0
