"""A package index on loopback that costs little: PEP 691 pages, PEP 658 metadata, files by sendfile(2).

Pages have the size of real ones: before each release that can be fetched there are hundreds of
files of older ones, which nobody ever asks for. A process of its own, so that it takes nothing of
the time of whoever measures: ``python -m tests.benchmarks.serving LISTING PORT``.
"""

import contextlib
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import unquote

from tests.benchmarks.fetched import FetchedWheel
from tests.benchmarks.sets import SETS
from tests.support.index import JSON_TYPE, metadata_of, requires_python_of

OLD_RELEASES: Final = 100
FILES_OF_A_RELEASE: Final = 4
MAX_AGE_S: Final = 86_400
"""As indexes do, pages say how long they are fresh: here, longer than anybody measures."""

_CHECKOUT: Final = Path(__file__).parents[2]


@contextlib.contextmanager
def serving(wheels: Iterable[FetchedWheel], folder: Path) -> Iterator[str]:
    """Serve wheels until the end of the block; gives the index's URL.

    The port stays the same from run to run, if it is free: caches know an index by its URL, and the
    pages in them are fresh for as long as what is served is the same.
    """
    listing = folder / "listing.json"
    listing.write_text(json.dumps([{**asdict(one), "path": str(one.path)} for one in wheels]))
    port = _port(folder / "port")
    command = [sys.executable, "-m", "tests.benchmarks.serving", str(listing), str(port)]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(_CHECKOUT)},
    ) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != b"ready\n":
                raise SystemExit("the index on loopback did not start")
            yield f"http://127.0.0.1:{port}/{_edition()}/simple"
        finally:
            process.terminate()


def _edition() -> str:
    """Stands in the URL for all that decides what pages look like."""
    pins = sorted({pin for one in SETS.values() for pin in one.pins})
    shape = [OLD_RELEASES, FILES_OF_A_RELEASE, MAX_AGE_S, *_old_files("example")]
    return hashlib.sha256(repr([pins, shape]).encode()).hexdigest()[:8]


def _port(memory: Path) -> int:
    port = int(memory.read_text()) if memory.exists() else 0
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            attempt.bind(("127.0.0.1", 0))
        port = int(attempt.getsockname()[1])
    memory.write_text(str(port))
    return port


class _Index(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, wheels: Sequence[FetchedWheel], port: int) -> None:
        self.files = {wheel.path.name: wheel.path for wheel in wheels}
        self.metadata = {wheel.path.name: metadata_of(wheel.path) for wheel in wheels}
        by_project: dict[str, list[FetchedWheel]] = {}
        for wheel in wheels:
            by_project.setdefault(wheel.project, []).append(wheel)
        self.pages = {name: self._page(name, of) for name, of in by_project.items()}
        super().__init__(("127.0.0.1", port), _Handler)

    def _page(self, name: str, wheels: Iterable[FetchedWheel]) -> bytes:
        entries: list[dict[str, object]] = [*_old_files(name)]
        for wheel in wheels:
            metadata = hashlib.sha256(self.metadata[wheel.path.name]).hexdigest()
            entry: dict[str, object] = {
                "filename": wheel.path.name,
                "url": f"../../files/{wheel.path.name}",
                "hashes": {"sha256": wheel.sha256},
                "size": wheel.path.stat().st_size,
                "core-metadata": {"sha256": metadata},
                "yanked": False,
            }
            if requires := requires_python_of(wheel.path):
                entry["requires-python"] = requires
            entries.append(entry)
        page = {"meta": {"api-version": "1.1"}, "name": name, "files": entries}
        return json.dumps(page).encode()


def _old_files(project: str) -> Iterator[dict[str, object]]:
    stem = re.sub(r"[-.]", "_", project)
    for release in range(OLD_RELEASES):
        for kind in range(FILES_OF_A_RELEASE):
            tag = f"cp3{9 + kind}-cp3{9 + kind}-manylinux_2_17_x86_64.manylinux2014_x86_64"
            name = f"{stem}-0.0.0.{release}-{tag}.whl"
            digest = hashlib.sha256(name.encode()).hexdigest()
            yield {
                "filename": name,
                "url": f"../../files/{name}",
                "hashes": {"sha256": digest},
                "size": 1_000_000,
                "core-metadata": {"sha256": digest},
                "requires-python": ">=3.8",
                "yanked": False,
            }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm: ClassVar[bool] = True
    server: _Index

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Nobody reads it."""

    def do_GET(self) -> None:
        _, kind, rest = unquote(self.path).strip("/").split("/", 2)
        if kind == "simple" and (page := self.server.pages.get(rest)):
            self._head(200, len(page), JSON_TYPE)
            self.wfile.write(page)
        elif kind == "files" and rest.endswith(".metadata"):
            self._give_metadata(rest.removesuffix(".metadata"))
        elif kind == "files" and rest in self.server.files:
            self._give_file(self.server.files[rest])
        else:
            self._head(404, 0, "text/plain")

    def _give_metadata(self, name: str) -> None:
        metadata = self.server.metadata.get(name)
        self._head(404 if metadata is None else 200, len(metadata or b""), "text/plain")
        self.wfile.write(metadata or b"")

    def _give_file(self, path: Path) -> None:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            self._head(200, size, "application/octet-stream")
            self.wfile.flush()
            sent = 0
            while sent < size:
                sent += os.sendfile(self.connection.fileno(), file.fileno(), sent, size - sent)

    def _head(self, status: int, length: int, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", f"max-age={MAX_AGE_S}")
        self.end_headers()


def main(listing: str, port: str) -> None:
    entries = json.loads(Path(listing).read_text())
    wheels = [FetchedWheel(**{**entry, "path": Path(entry["path"])}) for entry in entries]
    with _Index(wheels, int(port)) as index:
        print("ready", flush=True)
        index.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
