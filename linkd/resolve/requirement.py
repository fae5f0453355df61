"""Requirements as a person writes them: PEP 508, and paths and URLs as pip takes them."""

import os.path
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from packaging.direct_url import ArchiveInfo, DirectUrl
from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement as MalformedRequirement
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import (
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_wheel_filename,
)

from linkd.core.source import Source, SourceKind
from linkd.core.wheel import DistFile
from linkd.errors import HashContradiction, InvalidRequirement
from linkd.fetch.urls import redacted_about, redacted_line, without_credentials
from linkd.resolve.source import ARCHIVES, SourceUrl, fragment_hashes, parse_source

_UNNAMED = NormalizedName("")

_named_url = re.compile(r"^\s*[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[^\]]*\])?\s*@")
_trailing_extras = re.compile(r"^(?P<location>.+?)\[(?P<extras>[A-Za-z0-9._,\s-]+)\]$")
_scheme = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One requirement as it was asked for."""

    name: NormalizedName
    """Empty where only building a source tells it; it is known before anything is resolved."""
    extras: frozenset[NormalizedName] = frozenset()
    specifier: SpecifierSet = field(default_factory=SpecifierSet)
    marker: Marker | None = None
    url: str | None = None
    """Absolute, without fragment, with the credentials that it was given with."""
    source: Source | None = None
    """What has to be built, if its URL is not that of a wheel."""
    hashes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Hex digests by algorithm of which one must match; empty if none was given."""
    origin: str
    """Where it was written, such as ``requirements.txt:12`` or ``command line``."""
    text: str
    """For messages: as it was written, without credentials."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """What the person wrote, for the errors about it."""

    text: str
    origin: str
    directory: str

    def refuse(self, reason: str) -> InvalidRequirement:
        return InvalidRequirement(
            requirement=redacted_line(self.text),
            reason=redacted_about(reason, self.text),
            origin=self.origin,
        )


def parse_requirement(text: str, *, origin: str, directory: str | os.PathLike[str]) -> Asked:
    """Read one requirement; a relative path in it is against `directory`.

    Raises InvalidRequirement.
    """
    draft = _Draft(text.strip(), origin, os.fspath(directory))
    if not draft.text:
        raise draft.refuse("it is empty")
    if _is_location(draft.text):
        return _parse_location(draft)
    return _parse_named(draft)


def parse_editable(text: str, *, origin: str, directory: str | os.PathLike[str]) -> Asked:
    """Read what stands behind ``-e``: a folder, perhaps with extras and a marker.

    Raises InvalidRequirement.
    """
    draft = _Draft(text.strip(), origin, os.fspath(directory))
    if not draft.text:
        raise draft.refuse("it is empty")
    asked = _parse_named(draft) if _named_url.match(draft.text) else _parse_location(draft)
    if asked.source is not None and asked.source.kind is SourceKind.GIT:
        raise draft.refuse(
            "a repository cannot be edited where it is: clone it and name the folder"
        )
    if asked.source is None or asked.source.kind is not SourceKind.TREE:
        raise draft.refuse("only a folder with a project in it can be installed as editable")
    return replace(asked, source=replace(asked.source, editable=True))


def common_hashes(every: Iterable[Asked]) -> Mapping[str, frozenset[str]]:
    """What all requirements on one project that name hashes agree on; nothing where none does.

    Raises HashContradiction where nothing is left.
    """
    hashed = [asked for asked in every if asked.hashes]
    if not hashed:
        return {}
    common = {
        algorithm: digests
        for algorithm in hashed[0].hashes
        if all(algorithm in asked.hashes for asked in hashed)
        and (digests := frozenset.intersection(*(asked.hashes[algorithm] for asked in hashed)))
    }
    if not common:
        raise HashContradiction(
            project=hashed[0].name or hashed[0].text,
            hashes=tuple(
                f"{algorithm} {' or '.join(sorted(digests))} ({asked.origin})"
                for asked in hashed
                for algorithm, digests in sorted(asked.hashes.items())
            ),
            origin=hashed[-1].origin,
        )
    return common


def hashes_origin(every: Iterable[Asked]) -> str | None:
    """Where the hashes that requirements on one project name were written."""
    return ", ".join(dict.fromkeys(asked.origin for asked in every if asked.hashes)) or None


def direct_file(url: str, hashes: Mapping[str, frozenset[str]]) -> DistFile:
    """The wheel at a URL as a file that can be a candidate."""
    return DistFile(
        filename=wheel_filename(url),
        url=url,
        hashes={
            algorithm: next(iter(digests))
            for algorithm, digests in hashes.items()
            if len(digests) == 1
        },
    )


def direct_url(file: DistFile) -> DirectUrl:
    """What is recorded of a distribution installed from a URL (PEP 610), without credentials."""
    return DirectUrl(
        url=without_credentials(file.url),
        archive_info=ArchiveInfo(hashes=dict(file.hashes) or None),
    )


def wheel_filename(url: str) -> str:
    """The last part of a URL's path."""
    return unquote(urlsplit(url).path.rpartition("/")[2])


def parse_url(url: str) -> tuple[str, dict[str, frozenset[str]]]:
    """A wheel's URL without its fragment, and the hashes that the fragment held.

    Raises ValueError with the reason if the URL is not that of a wheel.
    """
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in {"http", "https", "file"}:
        reason = f"URLs of scheme {scheme!r} are not supported"
        raise ValueError(reason)
    if not wheel_filename(url).endswith(".whl"):
        reason = "it is neither a wheel (.whl) nor a source that can be built"
        raise ValueError(reason)
    return urlunsplit(parts._replace(fragment="")), fragment_hashes(parts.fragment)


def _is_location(text: str) -> bool:
    """Whether it names a file, folder or URL rather than a project."""
    if _named_url.match(text):
        return False
    bare, _ = _split_marker(text)
    match = _trailing_extras.match(bare)
    if match:
        bare = match["location"]
    return (
        bare.startswith((".", "/", "~", "file:"))
        or "://" in bare
        or os.sep in bare
        or bare.endswith((".whl", *ARCHIVES))
    )


def _split_marker(text: str) -> tuple[str, str | None]:
    """Split at the marker; in a URL a semicolon counts only with space before or after it."""
    separator = re.search(r"\s;|;\s" if "://" in text else ";", text)
    if separator is None:
        return text, None
    head, _, marker = text[separator.start() :].partition(";")
    return (text[: separator.start()] + head).strip(), marker.strip()


def _parse_location(draft: _Draft) -> Asked:
    bare, marker_text = _split_marker(draft.text)
    extras: frozenset[NormalizedName] = frozenset()
    if match := _trailing_extras.match(bare):
        bare = match["location"]
        extras = frozenset(canonicalize_name(part.strip()) for part in match["extras"].split(","))
    try:
        marker = Marker(marker_text) if marker_text else None
    except InvalidMarker as error:
        reason = str(error).partition("\n")[0]
        raise draft.refuse(f"its marker cannot be read: {reason}") from error
    return _asked_for_url(draft, bare, extras=extras, marker=marker, name=None)


def _parse_named(draft: _Draft) -> Asked:
    try:
        requirement = Requirement(draft.text)
    except MalformedRequirement as error:
        raise draft.refuse(str(error).partition("\n")[0]) from error
    name = canonicalize_name(requirement.name)
    extras = frozenset(canonicalize_name(extra) for extra in requirement.extras)
    if requirement.url is not None:
        return _asked_for_url(
            draft, requirement.url, extras=extras, marker=requirement.marker, name=name
        )
    return Asked(
        name=name,
        extras=extras,
        specifier=requirement.specifier,
        marker=requirement.marker,
        origin=draft.origin,
        text=draft.text,
    )


def _asked_for_url(
    draft: _Draft,
    location: str,
    *,
    extras: frozenset[NormalizedName],
    marker: Marker | None,
    name: NormalizedName | None,
) -> Asked:
    try:
        urlsplit(location)
    except ValueError as error:
        # What urllib says of it may quote a part of the credentials
        raise draft.refuse("its URL is not valid") from error
    try:
        absolute = _absolute_url(location, draft.directory)
        source = parse_source(absolute)
        if source is not None:
            return _asked_for_source(draft, source, extras=extras, marker=marker, name=name)
        url, hashes = parse_url(absolute)
        actual, _version, _build, _tags = parse_wheel_filename(wheel_filename(url))
    except InvalidWheelFilename as error:
        raise draft.refuse(str(error)) from error
    except ValueError as error:
        raise draft.refuse(str(error)) from error
    if name is not None and name != actual:
        raise draft.refuse(f"the wheel there is of {actual}")
    return Asked(
        name=actual,
        extras=extras,
        marker=marker,
        url=url,
        hashes=hashes,
        origin=draft.origin,
        text=redacted_line(draft.text),
    )


def _asked_for_source(
    draft: _Draft,
    parsed: SourceUrl,
    *,
    extras: frozenset[NormalizedName],
    marker: Marker | None,
    name: NormalizedName | None,
) -> Asked:
    return Asked(
        name=name or canonicalize_name(parsed.name or _UNNAMED),
        extras=extras | frozenset(map(canonicalize_name, parsed.extras)),
        marker=marker,
        url=parsed.source.url,
        source=parsed.source,
        hashes=parsed.hashes,
        origin=draft.origin,
        text=redacted_line(draft.text),
    )


def _absolute_url(location: str, directory: str) -> str:
    """An absolute URL; that of a local file or folder only if it is there."""
    parts = urlsplit(location)
    if parts.scheme and parts.scheme.lower() != "file" and _scheme.match(location):
        return location
    if parts.scheme.lower() == "file":
        if parts.netloc not in {"", "localhost"}:
            reason = f"a file URL must not name the host {parts.hostname!r}"
            raise ValueError(reason)
        path, fragment = unquote(parts.path), parts.fragment
    else:
        path, _, fragment = location.partition("#")
    absolute = os.path.normpath(os.path.join(directory, os.path.expanduser(path)))
    if not os.path.exists(absolute):
        reason = f"there is no file {absolute}"
        raise ValueError(reason)
    return urlunsplit(SplitResult("file", "", quote(absolute), "", fragment))
