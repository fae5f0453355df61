"""URLs of what has to be built: archives, folders and git repositories (direct URLs as pip's).

``git+https://host/repository@revision#subdirectory=part&egg=name``; a folder and an archive take
the same fragment, an archive hashes too.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

from linkd.core.source import Source, SourceKind

ARCHIVES: Final = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar", ".zip")
HASH_LENGTHS: Final = {
    "md5": 32,
    "sha1": 40,
    "sha224": 56,
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
}
_VERSION_CONTROL: Final = ("git", "hg", "svn", "bzr")
_GIT_TRANSPORTS: Final = ("https", "http", "ssh", "git", "file")

_egg = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[([A-Za-z0-9._,\s-]*)\])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUrl:
    """A source, and what else its URL said."""

    source: Source
    hashes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    name: str | None = None
    """As ``egg`` has it."""
    extras: tuple[str, ...] = ()


def parse_source(url: str) -> SourceUrl | None:
    """What an absolute URL names, if it has to be built; None for any other URL.

    Looks whether a ``file:`` URL is that of a folder. Raises ValueError with the reason.
    """
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    system, plus, transport = scheme.partition("+")
    if system in _VERSION_CONTROL and (plus or system != "git"):
        return _repository(parts, system, transport)
    if scheme not in {"http", "https", "file"}:
        return None
    bare = urlunsplit(parts._replace(fragment=""))
    path = unquote(parts.path)
    if scheme == "file" and os.path.isdir(path):
        kind, bare = SourceKind.TREE, bare.rstrip("/")
    elif path.endswith(ARCHIVES):
        kind = SourceKind.ARCHIVE
    else:
        return None
    return _with_fragment(Source(kind=kind, url=bare), parts.fragment)


def check_digest(algorithm: str, digest: str) -> str:
    """The digest in lower case. Raises ValueError with the reason if it is none."""
    length = HASH_LENGTHS.get(algorithm)
    if length is None:
        reason = f"{algorithm!r} is not a hash algorithm that is supported"
        raise ValueError(reason)
    digest = digest.lower()
    if not re.fullmatch(f"[0-9a-f]{{{length}}}", digest):
        reason = f"{digest!r} is not a {algorithm} digest in hexadecimal"
        raise ValueError(reason)
    return digest


def fragment_hashes(fragment: str) -> dict[str, frozenset[str]]:
    """The hashes in a URL's fragment. Raises ValueError with the reason."""
    return {algorithm: frozenset({digest}) for algorithm, digest in _known_digests(fragment)}


def _known_digests(fragment: str) -> Iterator[tuple[str, str]]:
    for key, value in parse_qsl(fragment):
        if key in HASH_LENGTHS:
            yield key, check_digest(key, value)


def _repository(parts: SplitResult, system: str, transport: str) -> SourceUrl:
    if system != "git":
        reason = f"{system} repositories are not supported, only those of git"
        raise ValueError(reason)
    if transport not in _GIT_TRANSPORTS:
        reason = f"git URLs of scheme {parts.scheme!r} are not supported"
        raise ValueError(reason)
    path, at, revision = parts.path.rpartition("@")
    if not at:
        path, revision = parts.path, ""
    if at and not revision:
        raise ValueError("there is no revision behind its @")
    if revision.startswith("-"):
        reason = f"{revision!r} is not a revision"
        raise ValueError(reason)
    url = urlunsplit(parts._replace(scheme=transport, path=path, fragment=""))
    source = Source(kind=SourceKind.GIT, url=url, revision=unquote(revision) or None)
    return _with_fragment(source, parts.fragment)


def _with_fragment(source: Source, fragment: str) -> SourceUrl:
    options = dict(parse_qsl(fragment))
    egg = _egg.fullmatch(options.get("egg", ""))
    return SourceUrl(
        source=Source(
            kind=source.kind,
            url=source.url,
            revision=source.revision,
            subdirectory=_subdirectory(options.get("subdirectory")),
        ),
        hashes=fragment_hashes(fragment) if source.kind is SourceKind.ARCHIVE else {},
        name=egg[1] if egg else None,
        extras=tuple(part.strip() for part in egg[2].split(",")) if egg and egg[2] else (),
    )


def _subdirectory(text: str | None) -> str | None:
    if not text:
        return None
    path = os.path.normpath(text)
    if os.path.isabs(path) or path.split("/", 1)[0] == "..":
        reason = f"the subdirectory {text!r} is not within the source"
        raise ValueError(reason)
    return None if path == "." else path
