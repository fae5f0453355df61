"""URLs as linkd keeps them: absolute, quoted once, without credentials or fragment (RFC 3986)."""

import functools
import os
import re
import urllib.parse
from typing import NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

_SAFE = "%/:?#[]@!$&'()*+,;=~"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_maybe_credentials = re.compile(r"(?<=://)(?:[^\s/@:]*:[^/\n]*@|[^\s/@]*@|\S*:\S*@)(?:\S*@)?")
_maybe_token = re.compile(
    r"([?&][^=&\s]*(?:token|secret|signature|password|credential|key|auth)[^=&\s]*=)[^&\s'\"]+",
    re.IGNORECASE,
)
_word = re.compile(r"\w{2,}")
_maybe_in_line = re.compile(r"(?<=://)(?:[^\s@]*:.*@|[^/\n]*@)")


class Origin(NamedTuple):
    """What credentials belong to (RFC 6454)."""

    scheme: str
    host: str
    port: int | None


def origin_of(url: str) -> Origin:
    """Raises ValueError for a port that is no number."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return Origin(scheme, (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS.get(scheme))


def without_credentials(url: str) -> str:
    """The URL without user and password: the same place, as a key and to be recorded."""
    if "@" not in url:
        return url
    try:
        parts = urlsplit(url)
        _ = parts.port  # a number, or the password has a slash and ends who knows where
    except ValueError:
        return redacted(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def redacted(text: str) -> str:
    """Any text for a message: what may be credentials or tokens is taken out of the URLs in it.

    A password that nobody has quoted may hold each delimiter of a URL, so all goes up to the last
    @ before a blank, although this may take a host and a path along. Where there is no slash
    before an @ it may hold blanks as well.
    """
    return _maybe_token.sub(r"\1…", _maybe_credentials.sub("", text))


def redacted_line(line: str) -> str:
    """What a person wrote in one line: as `redacted`, for passwords with any blanks in them."""
    return redacted(_maybe_in_line.sub("", line))


def redacted_about(text: str, line: str) -> str:
    """What is said about a line, without any word of what `redacted_line` takes out of it."""
    words = {word for cut in _maybe_in_line.findall(line) for word in _word.findall(cut)}
    if words:
        text = re.sub("|".join(sorted(words, key=len, reverse=True)), "…", text)
    return redacted(text)


def without_fragment(url: str) -> str:
    return url.partition("#")[0]


def quoted(url: str) -> str:
    """Quote what may not stand in a URL; what is quoted already stays as it is."""
    return quote(url, safe=_SAFE)


def file_url(path: str) -> str:
    """The ``file:`` URL of an absolute path."""
    return "file://" + quote(path)


@functools.lru_cache(maxsize=4096)
def file_path(url: str) -> str | None:
    """The path that a ``file:`` URL names; None for every other URL, and for other hosts."""
    if not url.startswith("file:"):
        return None
    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"}:
        return None
    return urllib.parse.unquote(parts.path)


def local_path(place: str) -> str | None:
    """The absolute path meant by a ``file:`` URL, a path, or a path below the home folder."""
    if place.startswith("file:"):
        return file_path(place)
    if "://" in place:
        return None
    path = os.path.expanduser(place)
    return path if os.path.isabs(path) else None
