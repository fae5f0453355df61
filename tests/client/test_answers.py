"""What the daemon answers is printed as it says, and what is no answer is called so."""

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.conftest import CLIENT, Client
from tests.client.fake_daemon import FakeDaemon, Script, document, lines

StartDaemon = Callable[..., FakeDaemon]
DIED = (
    b"linkd: the daemon ended before it answered, and may have left its work half done: "
    b"run the command again\n"
)
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.linkd.lines\r\n"


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_channels_go_to_their_streams(client: Client, daemon: StartDaemon, code: int) -> None:
    """Lines marked o and e go to the two streams, the line marked x is the exit code."""
    daemon(lines("oone", "etwo", "o", "o three ü", f"x{code}"))
    result = client("status")
    assert result.returncode == code
    assert result.stdout.decode() == "one\n\n three ü\n"
    assert result.stderr == b"two\n"


@pytest.mark.parametrize(
    "answer",
    [
        PLAIN + b"\r\noone\nx0\n",
        PLAIN + b"\r\noone\nx0",
        PLAIN + b"Content-Length: 8\r\n\r\noone\nx0\n",
        PLAIN + b"Transfer-Encoding: Chunked\r\n\r\n3;a=b\r\noon\r\n005\r\ne\nx0\n\r\n0\r\n\r\n",
    ],
    ids=["to the end", "no last newline", "counted", "chunked"],
)
def test_every_framing_is_read(client: Client, daemon: StartDaemon, answer: bytes) -> None:
    """A body's end is known by the connection's end, by its length, or by its chunks."""
    daemon(answer)
    result = client("status")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"one\n", b"")


def _byte_by_byte(connection: socket.socket) -> None:
    for byte in lines("oünï", "x0"):
        connection.sendall(bytes([byte]))


def test_an_answer_may_come_in_any_pieces(client: Client, daemon: StartDaemon) -> None:
    """An answer that arrives a byte at a time is the same answer."""
    daemon(_byte_by_byte)
    assert client("status").stdout.decode() == "ünï\n"


def _stay_open(connection: socket.socket) -> None:
    connection.sendall(lines("oone", "x0"))
    connection.recv(1)


def test_the_exit_code_ends_the_answer(client: Client, daemon: StartDaemon) -> None:
    """The client does not wait for the connection to end after the exit code."""
    daemon(_stay_open)
    assert client("status").returncode == 0


@pytest.mark.parametrize(
    "answer",
    [
        PLAIN + b"\r\n",
        PLAIN + b"\r\noone\n",
        PLAIN + b"\r\noone\notw",
        PLAIN + b"Content-Length: 50\r\n\r\noone\nx",
        PLAIN + b"Transfer-Encoding: chunked\r\n\r\n5\r\noone\n\r\n8\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Ty",
    ],
)
def test_a_cut_off_answer_is_a_dead_daemon(
    client: Client, daemon: StartDaemon, answer: bytes
) -> None:
    """An answer without an exit code ends with code 3 and says what to do."""
    daemon(answer)
    result = client("status")
    assert (result.returncode, result.stderr) == (3, DIED)


def test_cut_off_json_is_not_printed(client: Client, daemon: StartDaemon) -> None:
    """Half a JSON document is no document: nothing of it is printed."""
    daemon(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"installed": [')
    result = client("status", "--json")
    assert (result.returncode, result.stdout, result.stderr) == (3, b"", DIED)


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH\r\n", b"220 mail\r\n\r\n", b"H", b"x" * 70000, PLAIN + b"\r\nzap\n"],
)
def test_something_else_is_not_linkd(client: Client, daemon: StartDaemon, answer: bytes) -> None:
    """Whatever else listens on the socket is said not to be linkd."""
    daemon(answer)
    result = client("status")
    assert result.returncode == 3
    assert result.stdout == b""
    assert result.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (document(b'{"a":1}', head="Linkd-Exit: 0\r\n"), 0),
        (document(b'{"a":1}', head="linkd-exit: 1\r\n"), 1),
        (document(b'{"a":1}', "503 Service Unavailable", head="Linkd-Exit: 3\r\n"), 3),
        (document(b'{"a":1}'), 0),
        (document(b'{"a":1}', "400 Bad Request"), 2),
        (document(b'{"a":1}', "422 Unprocessable Content"), 2),
        (document(b'{"a":1}', "409 Conflict"), 1),
        (document(b'{"a":1}', "500 Internal Server Error"), 1),
    ],
)
@pytest.mark.parametrize("arguments", [["status", "--json"], ["list", "--json"]])
def test_json_is_printed_as_it_came(
    client: Client, daemon: StartDaemon, answer: bytes, code: int, arguments: list[str]
) -> None:
    """The body goes to standard output alone; the header says the exit code, else the status."""
    daemon(answer)
    result = client(*arguments)
    assert (result.returncode, result.stdout, result.stderr) == (code, b'{"a":1}\n', b"")


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        (
            document(b'{"detail":"no","hint":"do"}', "403 Forbidden", "application/problem+json"),
            1,
            b"linkd: no; do\n",
        ),
        (document(b'{"title":"bad"}', "422 Unprocessable Content"), 2, b"linkd: bad\n"),
        (
            document(b"oops", "500 Internal Server Error", "text/plain"),
            1,
            (
                b"linkd: the daemon answered 500 Internal Server Error; "
                b"are linkd and linkd-client of one version?\n"
            ),
        ),
        (document(b'{"detail":"fine"}'), 1, b"linkd: fine\n"),
    ],
)
def test_an_unrendered_answer_is_told_in_a_line(
    client: Client, daemon: StartDaemon, answer: bytes, code: int, told: bytes
) -> None:
    """An answer that is not made of lines is no success, and its detail is told."""
    daemon(answer)
    result = client("status")
    assert (result.returncode, result.stdout, result.stderr) == (code, b"", told)


def _close(connection: socket.socket) -> None:
    connection.close()


def test_a_daemon_that_was_ending_is_asked_again(client: Client, daemon: StartDaemon) -> None:
    """A connection closed before the first byte is made once more, with the same request."""
    fake = daemon(_close, lines("oone", "x0"))
    result = client("install", "a")
    assert (result.returncode, result.stdout) == (0, b"one\n")
    assert len(fake.requests) == 2
    assert fake.requests[0] == fake.requests[1]


def test_a_request_is_repeated_only_once(client: Client, daemon: StartDaemon) -> None:
    """A daemon that never answers is given up after the second time."""
    fake = daemon(_close)
    result = client("install", "a")
    assert (result.returncode, result.stderr) == (3, DIED)
    assert len(fake.requests) == 2


@pytest.mark.parametrize("scripts", [(b"HTTP/1.1 200 OK\r\nA",), (PLAIN + b"\r\noone\n",)])
def test_an_answer_that_began_is_not_asked_for_again(
    client: Client, daemon: StartDaemon, scripts: tuple[Script, ...]
) -> None:
    """After the first byte the request is never repeated."""
    fake = daemon(*scripts)
    assert client("install", "a").returncode == 3
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    ("encoding", "printed"), [("ascii", b"na?ve ?\n"), ("latin-1", b"na\xefve ?\n")]
)
def test_what_an_encoding_has_not_is_replaced(
    client: Client, daemon: StartDaemon, encoding: str, printed: bytes
) -> None:
    """Text that the terminal cannot show is replaced, on both streams."""
    daemon(lines("onaïve 🐍", "enaïve 🐍", "x0"))
    result = client("status", env={"PYTHONIOENCODING": encoding})
    assert (result.returncode, result.stdout, result.stderr) == (0, printed, printed)


def test_invalid_utf_8_is_replaced(client: Client, daemon: StartDaemon) -> None:
    """A line that is not UTF-8 is printed with replacement."""
    daemon(PLAIN + b"\r\no\xff!\nx0\n")
    assert client("status").stdout.decode() == "\N{REPLACEMENT CHARACTER}!\n"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_closed_pipe_is_no_failure(
    client: Client, daemon: StartDaemon, options: list[str]
) -> None:
    """A reader that goes away ends the output quietly; the exit code is still the daemon's."""
    long = ["o" + "a" * 1000] * 1000
    body = document(b"a" * 1_000_000, head="Linkd-Exit: 1\r\n")
    daemon(body if options else lines(*long, "x1"))
    process = subprocess.Popen(
        [*CLIENT, "status", *options],
        env=client.env,
        cwd=client.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    with process:
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_a_full_disk_is_told(client: Client, daemon: StartDaemon) -> None:
    """Output that cannot be written is a failure with a reason."""
    daemon(lines("oone", "x0"))
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [*CLIENT, "status"],
            env=client.env,
            cwd=client.folder,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr == b"linkd: the output cannot be written: no space left on device\n"


def test_closed_streams_are_no_failure(client: Client, daemon: StartDaemon) -> None:
    """Started without standard streams, the client's socket is never mistaken for one."""
    fake = daemon(lines("oone", "etwo", "x0"))
    result = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *CLIENT, "install", "a"],
        env=client.env,
        cwd=client.folder,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0
    assert fake.body["requirements"] == ["a"]
