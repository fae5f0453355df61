"""Small answers over HTTP: index pages, metadata files and parts of wheels (RFC 9110)."""

import asyncio
import os
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from linkd.errors import AccessDenied, IndexUnavailable, reason_of
from linkd.fetch.credentials import Credentials
from linkd.fetch.network import MAX_REDIRECTS, REDIRECTS, USER_AGENT, proxy_for, tls_context
from linkd.fetch.retry import RetryPolicy, is_transient, parse_retry_after
from linkd.fetch.urls import quoted, redacted, without_credentials, without_fragment

MAX_BODY: Final = 128 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """Seconds, bytes and numbers that requests keep to."""

    concurrency: int = 32
    connect: float = 15.0
    silence: float = 30.0
    """The longest wait for the next bytes."""
    total: float = 300.0
    body: int = MAX_BODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    """After redirects, without credentials."""
    requested_at: float
    received_at: float


@dataclass(eq=False)
class _Failure(Exception):
    """An attempt that may be made again."""

    reason: str
    retry_after: float | None = None


@dataclass(slots=True)
class _Target:
    """Where an attempt goes, after redirects and refusals so far."""

    url: str
    headers: dict[str, str]
    asked_keyring: bool = False
    redirects: int = field(default=0)


class HttpClient:
    """One session for the daemon's life, made in the event loop that first uses it."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        limits: HttpLimits | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._credentials = credentials
        self._limits = limits or HttpLimits()
        self._retry = retry or RetryPolicy()
        self._slots = asyncio.Semaphore(self._limits.concurrency)
        self._session: aiohttp.ClientSession | None = None
        self._tls: asyncio.Task[ssl.SSLContext] | None = None

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, *, partial: bool = False
    ) -> Answer:
        """The answer, whatever its status is but 401, 403, 429 and 5xx.

        A `partial` request wants a range: a 200 is then answered without its body, for that would
        be the whole file. Raises AccessDenied, or IndexUnavailable when all attempts failed.
        """
        failures = 0
        while True:
            try:
                return await self._attempt(url, dict(headers or {}), partial=partial)
            except _Failure as failure:
                failures += 1
                if failures >= self._retry.attempts:
                    raise IndexUnavailable(
                        url=redacted(url), reason=redacted(failure.reason)
                    ) from failure.__cause__
                await asyncio.sleep(self._retry.delay(failures, failure.retry_after))

    def prepare(self) -> None:
        """Begin what the first request would have to wait for. In the event loop."""
        if self._tls is None:
            self._tls = asyncio.create_task(asyncio.to_thread(tls_context))
            # An error is that of the requests, which try again.
            self._tls.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def close(self) -> None:
        if self._tls is not None:
            await asyncio.wait([self._tls])
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _attempt(self, url: str, headers: dict[str, str], *, partial: bool) -> Answer:
        target = _Target(url, headers)
        while True:
            try:
                async with self._slots:
                    answer = await self._exchange(target, partial=partial)
            except aiohttp.InvalidURL as error:
                raise IndexUnavailable(url=redacted(url), reason="it is not a valid URL") from error
            except aiohttp.ClientConnectorCertificateError as error:
                raise IndexUnavailable(
                    url=redacted(url),
                    reason=f"its certificate is not trusted: {error.certificate_error}",
                ) from error
            except TimeoutError as error:
                raise _Failure("it does not answer in time") from error
            except (aiohttp.ClientError, OSError) as error:
                raise _Failure(_reason(error)) from error
            if not await self._goes_on(answer, target):
                return answer

    async def _goes_on(self, answer: Answer, target: _Target) -> bool:
        """Whether another exchange is needed. Raises AccessDenied and _Failure."""
        if answer.status in REDIRECTS and "location" in answer.headers:
            target.redirects += 1
            if target.redirects > MAX_REDIRECTS:
                raise IndexUnavailable(url=redacted(answer.url), reason="it redirects without end")
            target.url = without_fragment(urljoin(answer.url, answer.headers["location"]))
            return True
        if answer.status == 401 and not target.asked_keyring:
            target.asked_keyring = True
            if await self._credentials.ask_keyring_aside(target.url):
                return True
        if answer.status in {401, 403}:
            raise AccessDenied(url=redacted(answer.url), status=answer.status)
        if is_transient(answer.status):
            retry_after = parse_retry_after(answer.headers.get("retry-after"))
            raise _Failure(f"it answers {answer.status}", retry_after)
        return False

    async def _exchange(self, target: _Target, *, partial: bool) -> Answer:
        """One request and its answer. Looked up anew for each: credentials follow no redirect."""
        headers = dict(target.headers)
        authorization = self._credentials.header(target.url)
        if authorization:
            headers["Authorization"] = authorization
        url = without_credentials(target.url)
        requested_at = time.time()
        session = await self._open()
        async with session.get(
            URL(quoted(url), encoded=True),
            headers=headers,
            allow_redirects=False,
            proxy=proxy_for(url),
        ) as response:
            unwanted = partial and response.status == 200
            body = b"" if unwanted else await self._read(response, url)
            if unwanted:
                response.close()
            return Answer(
                status=response.status,
                headers=_fields(response),
                body=body,
                url=url,
                requested_at=requested_at,
                received_at=time.time(),
            )

    async def _read(self, response: aiohttp.ClientResponse, url: str) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_any():
            parts.append(part)
            size += len(part)
            if size > self._limits.body:
                response.close()
                raise IndexUnavailable(
                    url=redacted(url), reason=f"its answer is larger than {self._limits.body} bytes"
                )
        return b"".join(parts)

    async def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            tls = await self._prepared()
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._limits.concurrency, ssl=tls),
                timeout=aiohttp.ClientTimeout(
                    total=self._limits.total,
                    sock_connect=self._limits.connect,
                    sock_read=self._limits.silence,
                ),
                headers={"User-Agent": USER_AGENT},
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,  # we find the proxy ourselves: aiohttp would read netrc as well
            )
        return self._session

    async def _prepared(self) -> ssl.SSLContext:
        self.prepare()
        assert self._tls is not None
        return await asyncio.shield(self._tls)


def _fields(response: aiohttp.ClientResponse) -> dict[str, str]:
    """By name in lower case; a repeated field is one list (RFC 9110 section 5.2)."""
    fields: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        fields[key] = f"{fields[key]}, {value}" if key in fields else value
    return fields


def _reason(error: aiohttp.ClientError | OSError) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its host is not known"
    if isinstance(error, aiohttp.ClientConnectorError):
        # asyncio's own words would name the address; the system's say what happened
        number = error.os_error.errno
        return os.strerror(number).lower() if number else reason_of(error.os_error)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "it closed the connection"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "its answer is incomplete"
    return str(error) or type(error).__name__
