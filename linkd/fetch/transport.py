"""Requests for bodies of any size, from threads: proxies, certificates, redirects, credentials."""

import threading
from collections.abc import Mapping
from urllib.parse import unquote, urljoin, urlsplit

import urllib3
from urllib3.util import make_headers

from linkd.fetch.credentials import Credentials
from linkd.fetch.network import MAX_REDIRECTS, REDIRECTS, USER_AGENT, proxy_for, tls_context
from linkd.fetch.urls import quoted, without_credentials, without_fragment

_CONNECT_SECONDS = 15.0


class TooManyRedirects(Exception):
    """No error for a user; who downloads makes one of it."""


class Transport:
    """Connection pools, one for each proxy; may be used from any thread."""

    def __init__(self, credentials: Credentials, *, connections: int, silence: float) -> None:
        self._credentials = credentials
        self._connections = connections
        self._timeout = urllib3.Timeout(connect=min(_CONNECT_SECONDS, silence), read=silence)
        self._lock = threading.Lock()
        self._pools: dict[str | None, urllib3.PoolManager] = {}

    def open(self, url: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """The answer of which no body has been read yet; the caller closes it.

        Raises TooManyRedirects and urllib3's errors.
        """
        asked_keyring = False
        for _ in range(MAX_REDIRECTS):
            response = self._request(url, headers)
            location = response.headers.get("location")
            if response.status in REDIRECTS and location:
                _leave(response)
                url = without_fragment(urljoin(url, location))
            elif response.status == 401 and not asked_keyring:
                asked_keyring = True
                if self._credentials.ask_keyring(url) is None:
                    return response
                _leave(response)
            else:
                return response
        raise TooManyRedirects

    def close(self) -> None:
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.clear()

    def _request(self, url: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """Credentials are looked up for each request: they follow no redirect."""
        fields = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
        authorization = self._credentials.header(url)
        if authorization:
            fields["Authorization"] = authorization
        bare = quoted(without_credentials(url))
        return self._pool(proxy_for(bare)).request(
            "GET",
            bare,
            headers=fields,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
        )

    def _pool(self, proxy: str | None) -> urllib3.PoolManager:
        with self._lock:
            pool = self._pools.get(proxy)
            if pool is None:
                pool = self._pools[proxy] = self._new_pool(proxy)
            return pool

    def _new_pool(self, proxy: str | None) -> urllib3.PoolManager:
        if proxy is None:
            return urllib3.PoolManager(
                num_pools=self._connections,
                maxsize=self._connections,
                timeout=self._timeout,
                ssl_context=tls_context(),
            )
        parts = urlsplit(proxy)
        login = (
            f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
        )
        return urllib3.ProxyManager(
            without_credentials(proxy),
            proxy_headers=make_headers(proxy_basic_auth=login),
            num_pools=self._connections,
            maxsize=self._connections,
            timeout=self._timeout,
            ssl_context=tls_context(),
        )


def _leave(response: urllib3.BaseHTTPResponse) -> None:
    """Done with it; its connection is used again if there is little left to read."""
    if response.length_remaining in range(65_536):
        response.drain_conn()
    else:
        response.close()
    response.release_conn()
