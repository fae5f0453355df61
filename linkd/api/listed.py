"""How what is installed is told: pip's columns and JSON, and lines that install the same again.

The lines are requirements as pip freezes them: by version, or by where it came from (PEP 610),
with a hash where one is known.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from linkd.api.lines import Terminal, clean, warning
from linkd.api.schema import DistributionsAnswer, ListedDistribution
from linkd.fetch.urls import file_path

_PLAIN: Final = re.compile(r"[\w/.+~-]+")
"""A path that means itself in a requirement file: no blank, marker, comment, extra or variable."""


def render(answer: DistributionsAnswer, terminal: Terminal, *, style: str) -> Iterator[str]:
    """Lines for a terminal, in one of the formats that `list` has; with more where -v asks for it."""
    for text in answer.warnings:
        yield warning(text, terminal)
    verbose = terminal.verbosity > 0
    if style == "json":
        # What pip and uv print for this option, and what IDEs read.
        yield f"o{json.dumps([_members(entry, verbose=verbose) for entry in answer.distributions])}"
    elif style == "freeze":
        yield from (f"o{_frozen(entry)}" for entry in answer.distributions)
    else:
        yield from (f"o{row}" for row in _columns(answer.distributions, verbose=verbose))


def _members(entry: ListedDistribution, *, verbose: bool) -> dict[str, str]:
    members = {
        "name": entry.name,
        "version": entry.version,
        "latest_version": entry.latest_version,
        "latest_filetype": entry.latest_filetype,
        "editable_project_location": entry.editable_project_location,
    }
    if verbose:
        # pip has an empty text where no INSTALLER is.
        members |= {"location": entry.location, "installer": entry.installer or ""}
    return {name: value for name, value in members.items() if value is not None}


def _columns(entries: Sequence[ListedDistribution], *, verbose: bool) -> Iterator[str]:
    """A column that would be empty is left out; so is everything where nothing is installed."""
    columns: dict[str, list[str | None]] = {
        "Package": [entry.name for entry in entries],
        "Version": [entry.version for entry in entries],
        "Latest": [entry.latest_version for entry in entries],
        "Type": [entry.latest_filetype for entry in entries],
        "Editable project location": [entry.editable_project_location for entry in entries],
    }
    if verbose:
        columns["Location"] = [entry.location for entry in entries]
        columns["Installer"] = [entry.installer for entry in entries]
    filled = [
        [title, *(clean(cell or "") for cell in cells)]
        for title, cells in columns.items()
        if any(cells)
    ]
    widths = [max(map(len, column)) for column in filled]
    for number, row in enumerate(zip(*filled, strict=True)):
        yield " ".join(map(str.ljust, row, widths)).rstrip()
        if number == 0:
            yield " ".join("-" * width for width in widths)


def _frozen(entry: ListedDistribution) -> str:
    """A line that installs the same again."""
    direct: dict[str, Any] = entry.direct_url or {}
    if not direct.get("url"):
        return clean(f"{entry.name}=={entry.version}")
    url = _url(direct)
    if entry.editable_project_location is None:
        return clean(f"{entry.name} @ {url}")
    path = file_path(url)
    return clean(f"-e {path if path and '#' not in url and _PLAIN.fullmatch(path) else url}")


def _url(direct: dict[str, Any]) -> str:
    """With the fragment as pip writes it: one hash, then the subdirectory."""
    url: str = direct["url"]
    if repository := direct.get("vcs_info"):
        url = f"{repository['vcs']}+{url}@{repository['commit_id']}"
    hashes = direct.get("archive_info", {}).get("hashes") or {}
    fragment = [f"{algorithm}={digest}" for algorithm, digest in list(hashes.items())[:1]]
    if direct.get("subdirectory"):
        fragment.append(f"subdirectory={direct['subdirectory']}")
    return f"{url}#{'&'.join(fragment)}" if fragment else url
