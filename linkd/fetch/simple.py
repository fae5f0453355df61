"""Pages of the simple repository API: PEP 503 HTML and PEP 691 JSON become distribution files.

With PEP 592 (yanked), PEP 629 (versions), PEP 658/714 (metadata files) and PEP 700 (sizes).
"""

import html.parser
import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias
from urllib.parse import unquote, urljoin, urlsplit

import msgspec

from linkd.core.wheel import DistFile
from linkd.errors import IndexUnavailable
from linkd.fetch.urls import quoted, redacted, without_credentials, without_fragment

ACCEPT: Final = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
)
ARCHIVES: Final = (".whl", ".tar.gz", ".zip")
_PLAIN: Final = re.compile(
    r"https?://[a-z0-9.-]+(?::[0-9]+)?(?:/[A-Za-z0-9_+%~-][A-Za-z0-9_.+%~-]*)+"
)
"""A URL that stays as it is: absolute, quoted, without credentials, dots or fragment."""
_PROMISES: Final = frozenset({"sha256", "sha384", "sha512"})
"""Algorithms whose digests are worth a promise, and which every hashlib has."""


def parse_page(body: bytes, *, content_type: str, url: str) -> tuple[DistFile, ...]:
    """The wheels and source archives of a page, each filename once, in the page's order.

    Raises IndexUnavailable for what is no page of a version that we know.
    """
    kind = content_type.partition(";")[0].strip().lower()
    is_json = kind.endswith("json")
    return parse_json_page(body, url=url) if is_json else parse_html_page(body, url=url)


_Announced: TypeAlias = bool | Mapping[str, str] | None


class _JsonFile(msgspec.Struct, rename="kebab", gc=False):
    filename: str
    url: str
    hashes: dict[str, str] = {}
    requires_python: str | None = None
    size: int | None = None
    yanked: bool | str | None = False
    core_metadata: bool | dict[str, str] | None = None
    dist_info_metadata: bool | dict[str, str] | None = None


class _JsonMeta(msgspec.Struct, frozen=True, rename="kebab"):
    api_version: str = "1.0"


class _JsonPage(msgspec.Struct):
    files: list[_JsonFile]
    meta: _JsonMeta = _JsonMeta()


_json_page = msgspec.json.Decoder(_JsonPage)


def parse_json_page(body: bytes, *, url: str) -> tuple[DistFile, ...]:
    """PEP 691."""
    try:
        page = _json_page.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(url, str(error)) from error
    _check_version(page.meta.api_version, url)
    return _distinct(
        url,
        (
            DistFile(
                filename=file.filename,
                url=_absolute(url, file.url),
                hashes=_promised(file.hashes),
                requires_python=file.requires_python or None,
                size=file.size,
                yanked=file.yanked or False,
                metadata=_metadata(
                    file.dist_info_metadata if file.core_metadata is None else file.core_metadata
                ),
            )
            for file in page.files
            if file.filename.endswith(ARCHIVES)
        ),
    )


def parse_html_page(body: bytes, *, url: str) -> tuple[DistFile, ...]:
    """PEP 503; the same for the pages that find-links names."""
    reader = _HtmlPage()
    reader.feed(body.decode("utf-8", "replace"))
    reader.close()
    _check_version(reader.version, url)
    base = urljoin(url, reader.base) if reader.base else url
    return _distinct(
        url,
        (file for anchor in reader.anchors if (file := _anchored_file(anchor, base)) is not None),
    )


class _HtmlPage(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.base: str | None = None
        self.version = "1.0"
        self.anchors: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.anchors.append(dict(attrs))
        elif tag == "base" and self.base is None:
            self.base = dict(attrs).get("href")
        elif tag == "meta":
            fields = dict(attrs)
            if fields.get("name") == "pypi:repository-version":
                self.version = fields.get("content") or self.version


def _anchored_file(anchor: Mapping[str, str | None], base: str) -> DistFile | None:
    href = anchor.get("href")
    if not href:
        return None
    location, _, fragment = href.strip().partition("#")
    filename = unquote(urlsplit(location).path.rpartition("/")[2])
    if not filename.endswith(ARCHIVES):
        return None
    announced = anchor.get("data-core-metadata", anchor.get("data-dist-info-metadata"))
    return DistFile(
        filename=filename,
        url=_absolute(base, location),
        hashes=_promised(dict(_digest(part) for part in fragment.split("&"))),
        requires_python=anchor.get("data-requires-python") or None,
        yanked=(anchor["data-yanked"] or True) if "data-yanked" in anchor else False,
        metadata=_metadata(_announcement(announced)),
    )


def _announcement(value: str | None) -> bool | dict[str, str]:
    """PEP 714: ``true``, or ``<algorithm>=<digest>``."""
    if value is None or value.lower() == "false":
        return False
    algorithm, digest = _digest(value)
    return {algorithm: digest} if digest else True


def _digest(text: str) -> tuple[str, str]:
    algorithm, _, digest = text.partition("=")
    return algorithm.lower(), digest


def _metadata(value: _Announced) -> bool | Mapping[str, str]:
    if isinstance(value, Mapping):
        return _promised(value) or True
    return bool(value)


def _promised(hashes: Mapping[str, str]) -> dict[str, str]:
    """The digests that are worth something."""
    return {
        algorithm: digest.lower()
        for algorithm, digest in hashes.items()
        if algorithm in _PROMISES and digest
    }


def _absolute(base: str, location: str) -> str:
    if _PLAIN.fullmatch(location):  # most indexes: spares four parsings a file
        return location
    return without_credentials(quoted(without_fragment(urljoin(base, location))))


def _distinct(page: str, files: Iterable[DistFile]) -> tuple[DistFile, ...]:
    """Each filename once, and nothing that a page from elsewhere must not name."""
    schemes = ("http:", "https:", "file:") if page.startswith("file:") else ("http:", "https:")
    distinct: dict[str, DistFile] = {}
    for file in files:
        if file.url.startswith(schemes):
            distinct.setdefault(file.filename, file)
    return tuple(distinct.values())


def _check_version(version: str, url: str) -> None:
    """PEP 629: a page of another major version cannot be read."""
    if version.partition(".")[0] != "1":
        raise _unreadable(url, f"version {version} of the simple API is not known")


def _unreadable(url: str, reason: str) -> IndexUnavailable:
    return IndexUnavailable(
        url=redacted(url), reason=f"its answer is not a page of the simple API: {reason}"
    )
