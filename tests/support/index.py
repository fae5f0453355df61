"""A package index on loopback: PEP 503 and 691 pages of a folder of wheels, and faults at will.

What lies in a folder within the folder is an index of its own: ``<root>/<within>/simple``.
"""

import base64
import contextlib
import hashlib
import html
import json
import re
import socket
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote, unquote, urlsplit

from packaging.utils import canonicalize_name

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
_CHUNK = 1 << 20
_place = re.compile(r"/(?:(?P<within>.+?)/)?(?P<kind>simple|links|files)/(?P<rest>.*)")


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it was answered."""

    method: str
    path: str
    range: str | None
    status: int
    authorization: str | None = None


@dataclass(slots=True, kw_only=True)
class _Fault:
    substring: str
    """Of the path; a ``$`` stands for the path's end."""
    times: int
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body_limit: int | None = None
    """Bytes of the body that are sent before the connection breaks, or stalls."""
    stalls: bool = False


@dataclass(slots=True, kw_only=True)
class IndexOptions:
    """What the index does; may be changed while it runs."""

    metadata: bool = True
    """Serve and announce PEP 658 metadata files."""
    ranges: bool = True
    hashes: bool = True
    sizes: bool = False
    max_age: int | None = None
    etag: bool = False
    auth: tuple[str, str] | None = None
    """User and password that every request must have."""
    json: bool = True
    """Answer JSON to those who accept it."""
    yanked: dict[str, bool | str] = field(default_factory=dict)
    """By filename, with the folder that it is in below the index's, if any."""
    wrong_hashes: set[str] = field(default_factory=set)
    """Filenames that are announced with another hash than they have."""


class RunningIndex:
    """Serves `folder` until it is stopped."""

    def __init__(self, folder: Path, options: IndexOptions) -> None:
        self.folder = folder
        self.options = options
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._faults: list[_Fault] = []
        self._hashes: dict[tuple[str, int, int], str] = {}
        self.stopping = threading.Event()
        self.waiting = 0
        """Stalled answers whose client has not gone away."""
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="test-index"
        )
        self._thread.start()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.root}/simple"

    @property
    def links(self) -> str:
        """A page for find-links: every file of the folder."""
        return f"{self.root}/links/"

    def file_url(self, filename: str) -> str:
        return f"{self.root}/files/{quote(filename)}"

    def url_of(self, file: Path) -> str:
        """That of a file in the folder or below it."""
        within = file.parent.relative_to(self.folder).as_posix()
        return f"{self.root}/{'' if within == '.' else f'{within}/'}files/{quote(file.name)}"

    def yanked(self, file: Path) -> bool | str:
        return self.options.yanked.get(file.relative_to(self.folder).as_posix(), False)

    def with_login(self, user: str, password: str) -> str:
        """The index's URL with credentials in it."""
        return self.url.replace("//", f"//{quote(user, safe='')}:{quote(password, safe='')}@")

    @property
    def requests(self) -> list[Request]:
        with self._lock:
            return list(self._requests)

    def count(self, substring: str) -> int:
        """Requests whose path contains it; a ``$`` stands for the path's end."""
        return sum(substring in f"{request.path}$" for request in self.requests)

    def clear(self) -> None:
        """Forget the requests so far."""
        with self._lock:
            self._requests.clear()

    def fail(
        self,
        substring: str,
        *,
        times: int = 1,
        status: int = 500,
        retry_after: str | None = None,
    ) -> None:
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        self._add(_Fault(substring=substring, times=times, status=status, headers=headers))

    def redirect(self, substring: str, to: str, *, times: int = 1_000_000) -> None:
        """Answer 302 with that place."""
        self._add(_Fault(substring=substring, times=times, status=302, headers={"Location": to}))

    def truncate(self, substring: str, *, after: int, times: int = 1) -> None:
        """Break the connection after so many bytes of the body."""
        self._add(_Fault(substring=substring, times=times, body_limit=after))

    def stall(self, substring: str, *, after: int = 0, times: int = 1) -> None:
        """Send so many bytes of the body and then nothing, until the client or the test ends."""
        self._add(_Fault(substring=substring, times=times, body_limit=after, stalls=True))

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.disconnect()
        self._thread.join()
        self._server.server_close()

    def record(self, request: Request) -> None:
        with self._lock:
            self._requests.append(request)

    def wait(self, change: int) -> None:
        with self._lock:
            self.waiting += change

    def fault(self, path: str) -> _Fault | None:
        """The first one for a path; used up by this."""
        with self._lock:
            for fault in self._faults:
                if fault.substring in f"{path}$" and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def sha256(self, path: Path) -> str:
        state = path.stat()
        key = (str(path), state.st_mtime_ns, state.st_size)
        with self._lock:
            if key not in self._hashes:
                with path.open("rb") as file:
                    self._hashes[key] = hashlib.file_digest(file, "sha256").hexdigest()
            digest = self._hashes[key]
        return digest[::-1] if path.name in self.options.wrong_hashes else digest

    def _add(self, fault: _Fault) -> None:
        with self._lock:
            self._faults.append(fault)


@contextlib.contextmanager
def running_index(folder: Path, options: IndexOptions | None = None) -> Iterator[RunningIndex]:
    """An index of a folder's wheels and source archives, on a port of its own."""
    index = RunningIndex(folder, options or IndexOptions())
    try:
        yield index
    finally:
        index.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, index: RunningIndex) -> None:
        self.index = index
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)

    def disconnect(self) -> None:
        """Wake the threads that wait for a client's next request."""
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


@dataclass(slots=True)
class _Body:
    content: bytes
    content_type: str
    etag: str


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm: ClassVar[bool] = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Tests read `requests` instead."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        index = self.server.index
        path = unquote(urlsplit(self.path).path)
        fault = index.fault(path)
        if not self._authorized():
            self._answer(401, b"", {"WWW-Authenticate": 'Basic realm="test"'})
        elif fault is not None and fault.status is not None:
            self._answer(fault.status, b"fault", fault.headers)
        elif (body := self._find(path)) is None:
            self._answer(404, b"not found", {})
        else:
            self._give(body, path, fault)

    def _authorized(self) -> bool:
        auth = self.server.index.options.auth
        if auth is None:
            return True
        expected = base64.b64encode(":".join(auth).encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"

    def _find(self, path: str) -> _Body | None:
        place = _place.fullmatch(path)
        if place is None:
            return None
        folder = self.server.index.folder / (place["within"] or "")
        if place["kind"] == "files":
            return self._file(folder, place["rest"])
        files = archives(folder) if folder.is_dir() else []
        if place["kind"] == "links":
            return self._page("links", files)
        name = canonicalize_name(place["rest"].rstrip("/"))
        files = [file for file in files if project_of(file.name) == name]
        return self._page(name, files) if files else None

    def _file(self, folder: Path, name: str) -> _Body | None:
        file = folder / name.removesuffix(".metadata")
        if not file.is_file():
            return None
        if not name.endswith(".metadata"):
            return _body(file.read_bytes(), "application/octet-stream")
        if not self.server.index.options.metadata or file.suffix != ".whl":
            return None
        return _body(metadata_of(file), "application/octet-stream")

    def _page(self, name: str, files: list[Path]) -> _Body:
        index = self.server.index
        if index.options.json and JSON_TYPE in self.headers.get("Accept", ""):
            return _body(json_page(index, name, files), JSON_TYPE)
        return _body(html_page(index, files), "text/html; charset=utf-8")

    def _give(self, body: _Body, path: str, fault: _Fault | None) -> None:
        options = self.server.index.options
        headers = {"Content-Type": body.content_type}
        if options.max_age is not None:
            headers["Cache-Control"] = f"max-age={options.max_age}"
        if options.etag:
            headers["ETag"] = body.etag
            if self.headers.get("If-None-Match") == body.etag:
                self._answer(304, b"", headers)
                return
        status, content = 200, body.content
        wanted = self.headers.get("Range")
        unchanged = self.headers.get("If-Range", body.etag) == body.etag
        if path.startswith("/files/") and options.ranges and wanted and unchanged:
            status, content = _ranged(body.content, wanted, headers)
        self._answer(status, content, headers, fault)

    def _answer(
        self, status: int, content: bytes, headers: dict[str, str], fault: _Fault | None = None
    ) -> None:
        self.server.index.record(
            Request(
                method=self.command,
                path=unquote(self.path),
                range=self.headers.get("Range"),
                status=status,
                authorization=self.headers.get("Authorization"),
            )
        )
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        limit = fault.body_limit if fault is not None else None
        view = memoryview(content)[:limit]
        for start in range(0, len(view), _CHUNK):
            self.wfile.write(view[start : start + _CHUNK])
        if fault is not None:
            self.close_connection = True
            if fault.stalls:
                self._wait_for_end()

    def _wait_for_end(self) -> None:
        """Until the client goes away, or the test is over and `disconnect` ends the connection."""
        index = self.server.index
        index.wait(1)
        with contextlib.suppress(OSError):
            while self.connection.recv(65_536):
                pass
        index.wait(-1)


def archives(folder: Path) -> list[Path]:
    return sorted(
        file for file in folder.iterdir() if file.name.endswith((".whl", ".tar.gz", ".zip"))
    )


def project_of(filename: str) -> str:
    if filename.endswith(".whl"):
        return canonicalize_name(filename.partition("-")[0])
    return canonicalize_name(
        filename.removesuffix(".tar.gz").removesuffix(".zip").rpartition("-")[0]
    )


def metadata_of(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return archive.read(name)


def requires_python_of(file: Path) -> str | None:
    if file.suffix != ".whl":
        return None
    try:
        match = re.search(rb"^Requires-Python: *(.+?)\s*$", metadata_of(file), re.MULTILINE)
    except (zipfile.BadZipFile, StopIteration):
        return None
    return match[1].decode() if match else None


def json_page(index: RunningIndex, name: str, files: list[Path]) -> bytes:
    """PEP 691, and PEP 700's sizes where wanted."""
    options = index.options
    entries: list[dict[str, object]] = []
    for file in files:
        entry: dict[str, object] = {"filename": file.name, "url": f"../../files/{quote(file.name)}"}
        entry["hashes"] = {"sha256": index.sha256(file)} if options.hashes else {}
        if requires := requires_python_of(file):
            entry["requires-python"] = requires
        if options.sizes:
            entry["size"] = file.stat().st_size
        entry["yanked"] = index.yanked(file)
        if options.metadata and file.suffix == ".whl":
            digest = hashlib.sha256(metadata_of(file)).hexdigest()
            entry["core-metadata"] = {"sha256": digest}
        entries.append(entry)
    page = {"meta": {"api-version": "1.0"}, "name": name, "files": entries}
    return json.dumps(page).encode()


def html_page(index: RunningIndex, files: list[Path]) -> bytes:
    """PEP 503, with the attributes of PEP 592 and 658."""
    options = index.options
    lines = ["<!DOCTYPE html>", "<html><body>"]
    for file in files:
        fragment = f"#sha256={index.sha256(file)}" if options.hashes else ""
        attributes = [f'href="{index.url_of(file)}{fragment}"']
        if requires := requires_python_of(file):
            attributes.append(f'data-requires-python="{html.escape(requires)}"')
        yanked = index.yanked(file)
        if yanked is not False:
            reason = "" if yanked is True else yanked
            attributes.append(f'data-yanked="{html.escape(reason)}"')
        if options.metadata and file.suffix == ".whl":
            digest = hashlib.sha256(metadata_of(file)).hexdigest()
            attributes.append(f'data-core-metadata="sha256={digest}"')
        lines.append(f"<a {' '.join(attributes)}>{file.name}</a><br>")
    return "\n".join([*lines, "</body></html>"]).encode()


def _body(content: bytes, content_type: str) -> _Body:
    return _Body(content, content_type, f'"{hashlib.md5(content).hexdigest()}"')


def _ranged(content: bytes, wanted: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """(status, body) of a request for one range (RFC 9110 section 14)."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted)
    if match is None or not (match[1] or match[2]):
        return 200, content
    total = len(content)
    if match[1]:
        start, end = int(match[1]), min(int(match[2] or total - 1), total - 1)
    else:
        start, end = max(0, total - int(match[2])), total - 1
    if start > end:
        headers["Content-Range"] = f"bytes */{total}"
        return 416, b""
    headers["Content-Range"] = f"bytes {start}-{end}/{total}"
    return 206, content[start : end + 1]
