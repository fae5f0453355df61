"""Whose name and password go with a request: RFC 7617, from URLs, netrc and the keyring.

Credentials belong to the origin that they were given for and are sent to no other one.
"""

import asyncio
import base64
import importlib
import netrc
import os
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from linkd.fetch.urls import Origin, origin_of, without_credentials


@dataclass(frozen=True, slots=True)
class _Login:
    user: str
    password: str = ""

    @property
    def header(self) -> str:
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"


class Credentials:
    """What the machine and the requests so far have told; may be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given: dict[Origin, dict[str, _Login]] = {}
        self._keyring: dict[tuple[Origin, str], _Login | None] = {}
        self._netrc: tuple[tuple[str, int, int], netrc.netrc | None] | None = None

    def remember(self, url: str) -> str:
        """Take the credentials out of an index's URL, for it and for its origin's files."""
        parts = urlsplit(url)
        if parts.username is None:
            return url
        login = _Login(unquote(parts.username), unquote(parts.password or ""))
        with self._lock:
            logins = self._given.setdefault(origin_of(url), {})
            logins.pop(parts.path, None)
            logins[parts.path] = login
        return without_credentials(url)

    def header(self, url: str) -> str | None:
        """The value of Authorization for a URL; None where nothing is known."""
        login = self._login(url)
        return login.header if login else None

    def ask_keyring(self, url: str) -> str | None:
        """The header from the keyring, for a URL whose request was refused. Blocks.

        What the keyring says is used for the origin from then on. Without a keyring, or with one
        that fails, there are no credentials.
        """
        origin = origin_of(url)
        known = self._login(url)
        key = (origin, known.user if known else "")
        with self._lock:
            if key in self._keyring:
                found = self._keyring[key]
                return found.header if found else None
        found = _keyring_login(without_credentials(url), known.user if known else None)
        with self._lock:
            self._keyring[key] = found
            if found:
                self._given.setdefault(origin, {})[urlsplit(url).path] = found
        return found.header if found else None

    async def ask_keyring_aside(self, url: str) -> str | None:
        """The same without holding the event loop up."""
        return await asyncio.to_thread(self.ask_keyring, url)

    def _login(self, url: str) -> _Login | None:
        origin = origin_of(url)
        with self._lock:
            given = list(self._given.get(origin, {}).items())
        if given:
            path = urlsplit(url).path
            # The index whose path is nearest; of equals the one named last
            return max(enumerate(given), key=lambda item: (_nearness(item[1][0], path), item[0]))[
                1
            ][1]
        return self._netrc_login(origin.host)

    def _netrc_login(self, host: str) -> _Login | None:
        with self._lock:
            entries = self._read_netrc()
        found = entries.authenticators(host) if entries else None
        return _Login(found[0] or found[1] or "", found[2] or "") if found else None

    def _read_netrc(self) -> netrc.netrc | None:
        path = os.environ.get("NETRC") or os.path.expanduser("~/.netrc")
        try:
            stat = os.stat(path)
        except OSError:
            return None
        signature = (path, stat.st_mtime_ns, stat.st_size)
        if self._netrc is None or self._netrc[0] != signature:
            self._netrc = signature, _parsed_netrc(path)
        return self._netrc[1]


def _parsed_netrc(path: str) -> netrc.netrc | None:
    try:
        return netrc.netrc(path)
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        return None


def _nearness(index: str, path: str) -> int:
    """How many of a path's first parts an index's path shares."""
    shared = 0
    for ours, theirs in zip(index.split("/"), path.split("/"), strict=False):
        if ours != theirs:
            break
        shared += 1
    return shared


def _keyring_login(url: str, user: str | None) -> _Login | None:
    """By URL first, then by host, as pip asks."""
    try:
        keyring: Any = importlib.import_module("keyring")
        for service in (url, urlsplit(url).netloc):
            found = keyring.get_credential(service, user)
            if found is not None and found.password is not None:
                return _Login(found.username or user or "", found.password)
    except Exception:  # noqa: BLE001 - backends raise what they like, and none is a failure of ours
        return None
    return None
