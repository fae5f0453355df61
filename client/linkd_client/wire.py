"""One request and its answer as bytes: HTTP/1.0 (RFC 1945), its body JSON (RFC 8259).

HTTP/1.0, because one connection then carries one exchange and ends with it. Servers chunk answers
of unknown length even so, and a chunked body tells its end from a broken connection; it is read.
"""

from __future__ import annotations

from linkd_client.errors import ClientError, NoAnswer, NoDaemon

try:
    from _json import encode_basestring_ascii as _quote  # `json` itself costs milliseconds
except ImportError:  # an interpreter without the accelerator
    from json.encoder import (
        encode_basestring_ascii as _quote,  # type: ignore[attr-defined,unused-ignore]
    )

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from typing import Union

    Json = Union[str, bool, int, Sequence["Json"], Mapping[str, "Json"]]

LINES = "application/vnd.linkd.lines"
JSON = "application/json"

DAEMON_ENDED = (
    "the daemon ended before it answered, and may have left its work half done: "
    "run the command again"
)
NOT_LINKD = "what listens on the socket is not linkd: it does not answer as linkd does"

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
_PIECE = 65536
_LONGEST_HEAD = 65536


class Request:
    """What is asked of the daemon."""

    def __init__(self, method: str, target: str, body: Json | None = None) -> None:
        self.method = method
        self.target = target
        self.body = body

    def to_bytes(self, accept: str, terminal: str) -> bytes:
        body = b"" if self.body is None else to_json(self.body).encode("ascii")
        head = [f"{self.method} {self.target} HTTP/1.0", "Host: linkd"]
        if self.body is not None:
            head += [f"Content-Type: {JSON}", f"Content-Length: {len(body)}"]
        head += [f"Accept: {accept}", f"Linkd-Terminal: {terminal}", "", ""]
        return "\r\n".join(head).encode("ascii") + body


def to_json(value: Json) -> str:
    """The value as JSON in ASCII. Raises ClientError for text that is not Unicode."""
    if isinstance(value, str):
        _check_unicode(value)
        return _quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        members = [f"{to_json(name)}:{to_json(member)}" for name, member in value.items()]
        return "{" + ",".join(members) + "}"
    return "[" + ",".join([to_json(member) for member in value]) + "]"


def query(parameters: Mapping[str, Json]) -> str:
    """The parameters as a URL's query (RFC 3986), with its question mark; empty for none.

    One that has several values is repeated.
    """
    pairs = [
        f"{name}={_percent_encode(value if isinstance(value, str) else to_json(value))}"
        for name, values in parameters.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    return "?" + "&".join(pairs) if pairs else ""


def _percent_encode(text: str) -> str:
    _check_unicode(text)
    octets = text.encode()
    return "".join([chr(octet) if octet in _UNRESERVED else f"%{octet:02X}" for octet in octets])


def _check_unicode(text: str) -> None:
    """Arguments and paths may be any bytes; Python has those that are not text as surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ClientError(f"{text!r} is not UTF-8, and linkd takes nothing else") from error


class Answer:
    """An answer: its head is read at once, its body as it comes."""

    def __init__(self, connection: socket) -> None:
        """Read the head. Raises NoAnswer if there is none, NoDaemon if it is not HTTP.

        The connection is the answer's to close, if reading the head has succeeded.
        """
        self._connection = connection
        self._buffer = b""
        self.is_complete = False
        """Whether the body ended where the head said that it would."""
        lines = self._read_head().decode("latin-1").split("\r\n")
        _, _, status = lines[0].partition(" ")
        self.reason = status
        """Status code and phrase: ``404 Not Found``."""
        self.status = int(status[:3]) if status[:3].isdigit() else 0
        fields = (line.partition(":") for line in lines[1:])
        self.headers = {name.strip().lower(): value.strip() for name, _, value in fields}

    def close(self) -> None:
        self._connection.close()

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def lines(self) -> Iterator[bytes]:
        """The body's lines, each as soon as it is there; one that was cut off is dropped."""
        rest = b""
        for piece in self.pieces():
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole
        if rest and self.is_complete:
            yield rest

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes. Afterwards `is_complete` tells whether it was all of it."""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        length = self.headers.get("content-length", "")
        return self._counted(int(length)) if length.isdigit() else self._until_end()

    def _read_head(self) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            has_more = self._receive()
            if not self._buffer:
                raise NoAnswer(DAEMON_ENDED)
            is_http = b"HTTP/1.".startswith(self._buffer[:7])
            if not is_http or len(self._buffer) > _LONGEST_HEAD:
                raise NoDaemon(NOT_LINKD)
            if not has_more:
                raise NoDaemon(DAEMON_ENDED)
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head

    def _receive(self) -> bool:
        """Wait for more bytes; whether there are any."""
        try:
            received = self._connection.recv(_PIECE)
        except ConnectionError:
            received = b""
        self._buffer += received
        return bool(received)

    def _take(self, most: int) -> bytes:
        """Up to so many bytes, as soon as there are any; none if the connection has ended."""
        if not self._buffer:
            self._receive()
        taken, self._buffer = self._buffer[:most], self._buffer[most:]
        return taken

    def _until_end(self) -> Iterator[bytes]:
        piece = self._take(_PIECE)
        while piece:
            yield piece
            piece = self._take(_PIECE)
        self.is_complete = True

    def _counted(self, length: int) -> Iterator[bytes]:
        self.is_complete = yield from self._exactly(length)

    def _chunks(self) -> Iterator[bytes]:
        """A chunked body (RFC 9112, section 7.1), up to its last chunk; trailers are left."""
        size = self._chunk_size()
        while size:
            if not (yield from self._exactly(size)):
                return
            self._line()  # the end of the line that the chunk stands in
            size = self._chunk_size()
        self.is_complete = size == 0

    def _exactly(self, length: int) -> Generator[bytes, None, bool]:
        """So many bytes as they come; whether there were as many."""
        while length:
            piece = self._take(length)
            if not piece:
                return False
            length -= len(piece)
            yield piece
        return True

    def _chunk_size(self) -> int | None:
        line = self._line()
        if line is None:
            return None
        try:
            return int(line.partition(b";")[0], 16)
        except ValueError as error:
            raise NoDaemon(NOT_LINKD) from error

    def _line(self) -> bytes | None:
        while b"\r\n" not in self._buffer:
            if not self._receive():
                return None
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line
