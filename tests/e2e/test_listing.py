"""What `list` tells beyond names and versions: what is newer, and what is editable."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon
from tests.support.index import RunningIndex
from tests.support.sources import Project
from tests.support.wheels import make_wheel


@pytest.fixture
def outdated(daemon: Daemon, environment: Path, wheels: Path, tmp_path: Path) -> Path:
    """An environment with old and new distributions, one of them editable, one of no index."""
    for version in ("1.0", "1.5", "2.0rc1"):
        make_wheel(wheels, "old-lib", version)
    make_wheel(wheels, "current", "1.0")
    make_wheel(wheels, "sourced", "1.0")
    Project(name="sourced", version="3.0").sdist(wheels)
    make_wheel(wheels, "edited", "4.0")
    alone = make_wheel(tmp_path / "alone", "of-nobody")
    edited = Project(name="edited").tree(tmp_path / "edited")
    words = ("old-lib==1.0", "current", "sourced==1.0", alone, "-e", edited)
    ran = daemon.place.client("install", "-p", environment, "--no-index", "-f", wheels, *words)
    assert ran.code == 0, ran
    return environment


def told(daemon: Daemon, environment: Path, *words: str | Path) -> Any:
    ran = daemon.place.client("list", "-p", environment, "--format", "json", *words)
    assert ran.code == 0, ran
    return ran.json


def test_outdated(daemon: Daemon, outdated: Path, index: RunningIndex, tmp_path: Path) -> None:
    """What the index has newer is told with its version and kind, in the columns that pip has."""
    ran = daemon.place.client("list", "-p", outdated, "--outdated", "-i", index.url)
    assert (ran.code, ran.err) == (0, "")
    rule = "-" * len(f"{tmp_path}/edited")
    assert ran.out.splitlines() == [
        "Package Version Latest Type  Editable project location",
        f"------- ------- ------ ----- {max(rule, '-' * 25)}",
        f"edited  1.0     4.0    wheel {tmp_path}/edited",
        "old-lib 1.0     1.5    wheel",
        "sourced 1.0     3.0    sdist",
    ]


def test_outdated_for_programs(
    daemon: Daemon, outdated: Path, index: RunningIndex, wheels: Path
) -> None:
    """Programs get the same as members, by either option for JSON."""
    newer = {"latest_version": "1.5", "latest_filetype": "wheel"}
    [_, listed, _] = told(daemon, outdated, "-o", "-i", index.url)
    assert listed == {"name": "old-lib", "version": "1.0", **newer}
    answer = daemon.place.client("list", "-p", outdated, "-o", "-i", index.url, "--json").json
    [_, listed, _] = answer["distributions"]
    assert listed["name"] == "old-lib"
    assert newer.items() <= listed.items()


def test_where_newer_ones_are(
    daemon: Daemon, outdated: Path, index: RunningIndex, wheels: Path, tmp_path: Path
) -> None:
    """Only what the named indexes and folders have counts, with pre-releases if they are wanted."""
    make_wheel(tmp_path / "more", "current", "7.0")
    none = told(daemon, outdated, "-o", "--no-index")
    more = told(daemon, outdated, "-o", "--no-index", "-f", tmp_path / "more")
    pre = told(daemon, outdated, "-o", "--no-index", "-f", wheels, "--pre")
    assert none == []
    assert [(one["name"], one["latest_version"]) for one in more] == [("current", "7.0")]
    assert [one["latest_version"] for one in pre] == ["4.0", "2.0rc1", "3.0"]


def test_an_index_that_fails(daemon: Daemon, outdated: Path) -> None:
    """An index that does not answer is an error: nothing is told to be current without asking."""
    ran = daemon.place.client("list", "-p", outdated, "-o", "-i", "http://127.0.0.1:9/simple/")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: ")


@pytest.mark.parametrize("status", [401, 403])
def test_an_index_that_denies_a_project(
    daemon: Daemon, outdated: Path, index: RunningIndex, status: int
) -> None:
    """A project that an index denies is told of, and the others as ever; all of them is an error."""
    index.fail(f"/simple/current-{status}/", status=status)
    make_wheel(index.folder, f"current-{status}", "1.0")
    place = daemon.place
    words = ("-p", outdated, "--no-index", "-f", index.folder)
    assert place.client("install", *words, f"current-{status}").code == 0
    ran = place.client("list", "-p", outdated, "-o", "-i", index.url)
    assert ran.code == 0
    assert f"warning: current-{status} may have newer versions: " in ran.err
    assert f"answers {status}" in ran.err
    assert [line.split()[0] for line in ran.out.splitlines()[2:]] == [
        "edited",
        "old-lib",
        "sourced",
    ]
    index.fail("/simple/", status=status, times=99)
    ran = place.client("list", "-p", outdated, "-o", "-i", f"{index.url}//")
    assert (ran.code, ran.out) == (1, "")


def test_editable(daemon: Daemon, outdated: Path, tmp_path: Path) -> None:
    """Editable installs are told alone or left out, and where their projects are."""
    names = [one["name"] for one in told(daemon, outdated, "--exclude-editable")]
    assert names == ["current", "of-nobody", "old-lib", "sourced"]
    assert told(daemon, outdated, "--editable") == [
        {
            "name": "edited",
            "version": "1.0",
            "editable_project_location": f"{tmp_path}/edited",
        }
    ]
    columns = daemon.place.client("list", "-p", outdated).out.splitlines()
    assert columns[0] == "Package   Version Editable project location"
    assert columns[3] == f"edited    1.0     {tmp_path}/edited"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("outdated=true&format=freeze", "format freeze cannot tell of newer versions (outdated)"),
        ("no_index=true", "no_index: of use with outdated only"),
        ("target=/a&prefix=/b", "target and prefix exclude each other"),
        ("target=a", "target: must be an absolute path"),
    ],
)
def test_contradictions(daemon: Daemon, environment: Path, query: str, reason: str) -> None:
    """What would be ignored, or contradicts itself, is refused to programs too."""
    reply = daemon.place.call("GET", f"/v1/distributions?environment={environment}&{query}")
    assert (reply.status, reply.headers["linkd-exit"]) == (422, "2")
    assert reply.json["detail"].removeprefix("body: ") == reason


@pytest.mark.parametrize("verb", ["install", "sync"])
def test_creating_a_folder(daemon: Daemon, environment: Path, verb: str) -> None:
    """An environment cannot be made where a folder takes its place."""
    body = {"environment": str(environment), "target": "/t", "create": True}
    reply = daemon.place.call("POST", f"/v1/{verb}", body)
    assert reply.status == 422
    assert "create makes an environment" in reply.json["detail"]
