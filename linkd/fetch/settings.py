"""Which indexes and folders a request uses: its own, then the machine's, then the default one."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from urllib.parse import urlsplit

from linkd.errors import InvalidIndexSettings
from linkd.fetch.urls import file_url, local_path, quoted, redacted, without_fragment


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSettings:
    """Where projects are looked for. URLs may hold credentials: never print them."""

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    """Folders and pages that the request named: a missing one is an error."""
    configured_find_links: tuple[str, ...] = ()
    """Those of the machine's configuration: a missing one is passed over."""
    no_index: bool = False


def merge(requested: IndexSettings, configured: IndexSettings) -> IndexSettings:
    """The request's settings, completed by the machine's and by the default index.

    Raises InvalidIndexSettings for an index that is no URL, and for a missing default.
    """
    find_links = _unique(map(_place, requested.find_links))
    merged = IndexSettings(
        find_links=find_links,
        configured_find_links=tuple(
            place
            for place in _unique(
                map(_place, requested.configured_find_links + configured.configured_find_links)
            )
            if place not in find_links
        ),
        no_index=requested.no_index or configured.no_index,
    )
    if merged.no_index:
        return merged
    index_url = requested.index_url or configured.index_url or default_index_url()
    index_url = normalized_index(index_url, source="--index-url")
    extra = requested.extra_index_urls + configured.extra_index_urls
    return replace(
        merged,
        index_url=index_url,
        extra_index_urls=tuple(
            url
            for url in _unique(normalized_index(url, source="--extra-index-url") for url in extra)
            if url != index_url
        ),
    )


@cache
def default_index_url() -> str:
    """The index that a dependency of ours takes where none is named."""
    from distlib.locators import default_locator  # noqa: PLC0415 - imported where it is needed

    for locator in default_locator.locators:
        base = getattr(locator, "base_url", None)
        if isinstance(base, str):
            return base.rstrip("/")
    raise InvalidIndexSettings(source="--index-url", reason="no index is named and none is known")


def normalized_index(url: str, *, source: str) -> str:
    """An index's URL without a slash at its end; an absolute path becomes a ``file:`` URL.

    Raises InvalidIndexSettings, which names the source, for anything else.
    """
    text = url.strip()
    path = local_path(text)
    if path is not None:
        return file_url(path.rstrip("/") or "/")
    try:
        parts = urlsplit(text)
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        # Quoted, for all of it is one URL, and a blank may be part of its password
        shown = redacted(quoted(text)) if "@" in text else text
        raise InvalidIndexSettings(
            source=source, reason=f"{shown!r} is neither a URL of http, https or file nor a path"
        )
    return quoted(without_fragment(text)).rstrip("/")


def _place(place: str) -> str:
    """A folder as its path, a page as its URL; a relative path stays, to be complained of."""
    text = place.strip()
    path = local_path(text)
    if path is not None:
        return path.rstrip("/") or "/"
    return quoted(without_fragment(text)) if "://" in text else text


def _unique(places: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(places))
