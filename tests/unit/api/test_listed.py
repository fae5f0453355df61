"""How what is installed is told."""

import json
from typing import Any

import pytest

from linkd.api import listed
from linkd.api.lines import Terminal
from linkd.api.schema import DistributionsAnswer, ListedDistribution


def entry(name: str = "a", **members: Any) -> ListedDistribution:
    values = {
        "version": "1.0",
        "location": "/e/site",
        "installer": None,
        "requested": True,
        "direct_url": None,
    }
    return ListedDistribution.model_validate({"name": name, **values, **members})


def told(style: str, *entries: ListedDistribution, verbosity: int = 0) -> list[str]:
    answer = DistributionsAnswer(environment="/e", distributions=list(entries))
    return list(listed.render(answer, Terminal(verbosity=verbosity), style=style))


EDITED = {
    "direct_url": {"url": "file:///src", "dir_info": {"editable": True}},
    "editable_project_location": "/src",
}
NEWER = {"latest_version": "2.0", "latest_filetype": "wheel"}


def test_columns() -> None:
    """Columns are as wide as what is in them; those without anything are left out."""
    assert told("columns", entry("a", version="1.0.1"), entry("longer-name")) == [
        "oPackage     Version",
        "o----------- -------",
        "oa           1.0.1",
        "olonger-name 1.0",
    ]


def test_more_columns() -> None:
    """What is newer and where a project lies have columns of their own, as with pip."""
    assert told("columns", entry("a", **NEWER), entry("b", **NEWER, **EDITED)) == [
        "oPackage Version Latest Type  Editable project location",
        "o------- ------- ------ ----- -------------------------",
        "oa       1.0     2.0    wheel",
        "ob       1.0     2.0    wheel /src",
    ]


def test_verbose() -> None:
    """-v tells where each lies and who installed it, in columns and in JSON, as pip does."""
    entries = (entry("a", installer="linkd"), entry("b", **EDITED))
    assert told("columns", *entries, verbosity=1) == [
        "oPackage Version Editable project location Location Installer",
        "o------- ------- ------------------------- -------- ---------",
        "oa       1.0                               /e/site  linkd",
        "ob       1.0     /src                      /e/site",
    ]
    [line] = told("json", *entries, verbosity=1)
    assert [(one["location"], one["installer"]) for one in json.loads(line[1:])] == [
        ("/e/site", "linkd"),
        ("/e/site", ""),
    ]


def test_nothing() -> None:
    """Where nothing is installed there are no lines, but JSON is JSON."""
    assert [told(style) for style in ("columns", "freeze", "json")] == [[], [], ["o[]"]]


def test_json() -> None:
    """The members are pip's; those without a value are left out."""
    [line] = told("json", entry("a"), entry("b", **NEWER, **EDITED))
    assert json.loads(line[1:]) == [
        {"name": "a", "version": "1.0"},
        {
            "name": "b",
            "version": "1.0",
            "latest_version": "2.0",
            "latest_filetype": "wheel",
            "editable_project_location": "/src",
        },
    ]


@pytest.mark.parametrize(
    ("direct_url", "line"),
    [
        (None, "a==1.0"),
        (
            {"url": "https://example.org/a.whl", "archive_info": {"hashes": {"sha256": "0f"}}},
            "a @ https://example.org/a.whl#sha256=0f",
        ),
        ({"url": "https://example.org/a.whl", "archive_info": {}}, "a @ https://example.org/a.whl"),
        (
            {
                "url": "https://example.org/a.zip",
                "subdirectory": "part",
                "archive_info": {"hashes": {"sha256": "0f", "md5": "1e"}},
            },
            "a @ https://example.org/a.zip#sha256=0f&subdirectory=part",
        ),
        (
            {
                "url": "https://example.org/a",
                "subdirectory": "part",
                "vcs_info": {"vcs": "git", "commit_id": "0f", "requested_revision": "main"},
            },
            "a @ git+https://example.org/a@0f#subdirectory=part",
        ),
        ({"url": "file:///src%20of/a", "dir_info": {}}, "a @ file:///src%20of/a"),
        # It cannot act upon the terminal, nor begin a line of its own.
        (
            {"url": "https://example.org/a\x1b[2J\nx0"},
            "a @ https://example.org/a\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}x0",
        ),
    ],
)
def test_frozen(direct_url: dict[str, Any] | None, line: str) -> None:
    """A frozen line says where the distribution came from, with a hash where one is known."""
    assert told("freeze", entry("a", direct_url=direct_url)) == [f"o{line}"]


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("file:///src/ä-1.0_x~/a", "-e /src/ä-1.0_x~/a"),
        ("file:///src/%C3%A4/a", "-e /src/ä/a"),
        ("file:///src%20of/a", "-e file:///src%20of/a"),
        ("file:///src/%23a", "-e file:///src/%23a"),
        ("file:///src/a%5Bb%5D", "-e file:///src/a%5Bb%5D"),
        ("file:///src/$%7BHOME%7D", "-e file:///src/$%7BHOME%7D"),
        ("file:///src/a;b", "-e file:///src/a;b"),
    ],
)
def test_frozen_editables(url: str, line: str) -> None:
    """An editable is frozen by its path, or by its URL where the path would be misread."""
    direct = {"url": url, "dir_info": {"editable": True}}
    frozen = told("freeze", entry("a", direct_url=direct, editable_project_location="/x"))
    assert frozen == [f"o{line}"]


def test_a_frozen_part_of_a_folder() -> None:
    """An editable that is a part of a folder keeps that."""
    direct = {"url": "file:///src", "subdirectory": "part", "dir_info": {"editable": True}}
    frozen = told("freeze", entry("a", direct_url=direct, editable_project_location="/src/part"))
    assert frozen == ["o-e file:///src#subdirectory=part"]
