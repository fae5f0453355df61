"""One download, in a thread: attempts that each go on where the last one ended."""

import contextlib
import re
import ssl
import threading
import time

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError, LocationValueError, SSLError

from linkd.core.progress import Phase, Progress, Reporter
from linkd.core.wheel import DistFile
from linkd.errors import AccessDenied, DownloadFailed, HashMismatch, NoSpace
from linkd.fetch.part import CHUNK, Digests, PartFile
from linkd.fetch.retry import RetryPolicy, is_transient, parse_retry_after
from linkd.fetch.transport import TooManyRedirects, Transport
from linkd.fetch.urls import redacted

_REPORT_SECONDS = 0.1
_WORTH_COUNTING = 1 << 20
"""Bytes after which an attempt that fails is not held against the download."""
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_UNSATISFIED = re.compile(r"bytes \*/(\d+)")


class Stopped(Exception):
    """Nobody waits for the download any more; no error for a user."""


class Stop:
    """Ends a download from another thread, also while it waits for bytes."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._response: urllib3.BaseHTTPResponse | None = None

    def set(self) -> None:
        self._event.set()
        with self._lock:
            if self._response is not None:
                with contextlib.suppress(OSError, ValueError, RuntimeError):
                    self._response.shutdown()

    def is_set(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raises Stopped."""
        if self._event.is_set():
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Raises Stopped as soon as it is set."""
        if self._event.wait(seconds):
            raise Stopped

    def watch(self, response: urllib3.BaseHTTPResponse | None) -> None:
        with self._lock:
            self._response = response


class _Failure(Exception):
    """An attempt ended before the file did."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class Transfer:
    """`run` once; `part` then tells what came."""

    part: PartFile

    def __init__(
        self,
        file: DistFile,
        path: str,
        *,
        reporter: Reporter,
        transport: Transport,
        retry: RetryPolicy,
        stop: Stop,
    ) -> None:
        self._file = file
        self._path = path
        self._reporter = reporter
        self._transport = transport
        self._retry = retry
        self._stop = stop
        self._validator: str | None = None
        self._total = file.size
        self._reported = 0.0
        self.received = 0

    def run(self) -> None:
        """Raises DownloadFailed, AccessDenied, HashMismatch, NoSpace, CacheUnusable, Stopped."""
        self._stop.check()
        digests = Digests(self._file.hashes)
        # Only a hash tells whether what is there from an earlier time can be believed
        with PartFile(self._path, self._file.filename, digests, keep=digests.promised) as self.part:
            try:
                self._fetch()
            except (HashMismatch, NoSpace):
                self.part.remove()
                raise
            except BaseException:
                if not self.part.size:
                    self.part.remove()
                raise

    def _fetch(self) -> None:
        resumed = self._take_up()
        self._complete()
        try:
            self._check()
        except HashMismatch:
            if not resumed:
                raise
            # What was there may have been the damage
            self.part.restart()
            self._complete()
            self._check()

    def _take_up(self) -> bool:
        """Whether there is anything of an earlier time."""
        if not self.part.digests.promised:
            return False
        self.part.take_up(self._stop.is_set)
        self._stop.check()
        if self._file.size is not None and self.part.size > self._file.size:
            self.part.restart()
        return self.part.size > 0

    def _check(self) -> None:
        self.part.digests.check(self._file.filename)
        self._report(last=True)

    def _complete(self) -> None:
        """Attempts, until the part is whole."""
        failures = 0
        while self._file.size is None or self.part.size < self._file.size:
            before = self.received
            try:
                self._attempt()
            except _Failure as failure:
                failures = 1 if self.received - before >= _WORTH_COUNTING else failures + 1
                if failures >= self._retry.attempts:
                    raise self._failed(failure.reason) from failure.__cause__
                self._stop.wait(self._retry.delay(failures, failure.retry_after))
            else:
                return

    def _attempt(self) -> None:
        """One request. Raises _Failure where another one may go on."""
        response: urllib3.BaseHTTPResponse | None = None
        try:
            response = self._transport.open(self._file.url, self._conditions())
            self._stop.watch(response)
            self._stop.check()
            if self._begin(response):
                self._receive(response)
        except TooManyRedirects as error:
            raise self._failed("it redirects without end") from error
        except (LocationParseError, LocationValueError) as error:
            raise self._failed("it is not a valid URL") from error
        except (HTTPError, OSError) as error:
            self._stop.check()
            if _is_untrusted(error):
                raise self._failed(f"its certificate is not trusted: {error}") from error
            raise _Failure(_reason(error)) from error
        finally:
            self._stop.watch(None)
            if response is not None:
                response.close()
                response.release_conn()

    def _conditions(self) -> dict[str, str]:
        if not self.part.size:
            return {}
        conditions = {"Range": f"bytes={self.part.size}-"}
        if self._validator is not None:
            conditions["If-Range"] = self._validator
        return conditions

    def _begin(self, response: urllib3.BaseHTTPResponse) -> bool:
        """Whether a body follows that belongs at the part's end."""
        status = response.status
        if status in {401, 403}:
            raise AccessDenied(url=redacted(self._file.url), status=status)
        if is_transient(status):
            retry_after = parse_retry_after(response.headers.get("retry-after"))
            raise _Failure(f"the server answers {status}", retry_after)
        if status == 416 and self.part.size:
            return self._is_whole(response.headers.get("content-range", ""))
        if status not in {200, 206}:
            raise self._failed(f"the server answers {status}")
        if status == 206 and not self._continues(response.headers.get("content-range", "")):
            self.part.restart()
            raise _Failure("the server sends another part than the one asked for")
        if status == 200:
            if self.part.size:
                self.part.restart()
            length = response.headers.get("content-length", "")
            self._expect(int(length) if length.isdecimal() else None)
        etag = response.headers.get("etag", "")
        self._validator = etag if etag.startswith('"') else None  # If-Range wants a strong one
        return True

    def _is_whole(self, content_range: str) -> bool:
        """416: there is nothing after what we have, or what we have is of another file."""
        match = _UNSATISFIED.fullmatch(content_range.strip())
        if match is None or int(match[1]) != self.part.size:
            self.part.restart()
            raise _Failure("the server has another file than before")
        return False

    def _continues(self, content_range: str) -> bool:
        match = _CONTENT_RANGE.fullmatch(content_range.strip())
        if match is None or int(match[1]) != self.part.size:
            return False
        if match[3] != "*":
            self._expect(int(match[3]))
        return True

    def _expect(self, total: int | None) -> None:
        if self._file.size is not None and total is not None and total != self._file.size:
            raise self._wrong_size(total)
        self._total = total if total is not None else self._total

    def _receive(self, response: urllib3.BaseHTTPResponse) -> None:
        for chunk in response.stream(CHUNK, decode_content=False):
            self._stop.check()
            self.part.append(chunk)
            self.received += len(chunk)
            if self._file.size is not None and self.part.size > self._file.size:
                raise self._wrong_size(self.part.size)
            self._report()
        self._stop.check()
        if self._total is not None and self.part.size < self._total:
            raise _Failure("the server closed the connection")

    def _wrong_size(self, size: int) -> DownloadFailed:
        self.part.restart()
        return self._failed(f"it has {size} bytes, but its source says {self._file.size}")

    def _failed(self, reason: str) -> DownloadFailed:
        return DownloadFailed(
            filename=self._file.filename, url=redacted(self._file.url), reason=redacted(reason)
        )

    def _report(self, *, last: bool = False) -> None:
        now = time.monotonic()
        if last or now - self._reported >= _REPORT_SECONDS:
            self._reported = now
            self._reporter.report(
                Progress(Phase.FETCH, self._file.filename, self.part.size, self._total)
            )


def _is_untrusted(error: HTTPError | OSError) -> bool:
    cause = error.args[0] if isinstance(error, SSLError) and error.args else error
    return isinstance(cause, ssl.SSLCertVerificationError)


def _reason(error: HTTPError | OSError) -> str:
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "its host is not known"
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "the server cannot be reached"
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return "the server cannot be reached in time"
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return "the server sends nothing more"
    if isinstance(error, urllib3.exceptions.ProtocolError | ConnectionError):
        return "the server closed the connection"
    return str(error)
