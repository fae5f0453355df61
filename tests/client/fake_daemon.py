"""A scripted daemon on a real unix socket: it keeps what it was sent and answers as it was told."""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

Script = bytes | Callable[[socket.socket], None]


def lines(*content: str, head: str = "") -> bytes:
    """An answer as the real server gives it to HTTP/1.0: chunked, and ended by closing."""
    chunks = b"".join(
        b"%x\r\n%s\n\r\n" % (len(line.encode()) + 1, line.encode()) for line in content
    )
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.linkd.lines\r\n"
        + head.encode()
        + b"transfer-encoding: chunked\r\n\r\n"
        + chunks
        + b"0\r\n\r\n"
    )


def document(
    body: bytes, status: str = "200 OK", content_type: str = "application/json", head: str = ""
) -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{head}"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class FakeDaemon:
    """Answers one connection after the other, each as the next script says; the last one stays."""

    def __init__(self, path: Path, *scripts: Script) -> None:
        self.path = path
        self.scripts = list(scripts)
        self.requests: list[bytes] = []
        self._listener = socket.socket(socket.AF_UNIX)
        # Through the folder, because the path may be longer than an address can be.
        folder = os.open(path.parent, os.O_PATH)
        self._listener.bind(f"/proc/self/fd/{folder}/{path.name}")
        os.close(folder)
        self._listener.listen(8)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()

    @property
    def request(self) -> bytes:
        """The one request that was made."""
        (request,) = self.requests
        return request

    @property
    def body(self) -> Any:
        return json.loads(self.request.partition(b"\r\n\r\n")[2])

    @property
    def target(self) -> str:
        return self.request.split(b" ")[1].decode()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
            with connection, contextlib.suppress(ConnectionError):
                self.requests.append(_read_request(connection))
                if callable(script):
                    script(connection)
                else:
                    connection.sendall(script)


def _read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.startswith(b"Content-Length:"):
            while len(body) < int(line.split(b":")[1]):
                body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
