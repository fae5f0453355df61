"""What is left of a request whose process was killed, and what becomes of it."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from linkd.errors import RecoveryFailed
from linkd.link.journal import Inherits, Journal, Takes, TakesLine, read_journal
from linkd.link.ledger import Standing
from linkd.link.modes import LinkPolicy
from linkd.link.recovery import Whereabouts, find_crashed, undo, whereabouts
from linkd.link.workspace import Workspace
from tests.support.stored import SITE, Environment, Store


@pytest.fixture
def workspace(store: Store, environment: Environment) -> Workspace:
    """A transaction's folder, whose process is taken for dead."""
    opened = store.workspaces.open(environment.target, LinkPolicy())
    os.close(opened.journal.lock_fd)
    return opened


def test_lines(store: Store, environment: Environment, workspace: Workspace) -> None:
    """A line that was taken out of easy-install.pth is put back; a line that is there is not."""
    path = environment.site / "easy-install.pth"
    path.write_text("one\nthree\n")
    workspace.journal.tell([TakesLine(SITE, 1, b"two\n", 0o644)])
    for _ in range(2):
        undo(find_crashed(store.layout.pool)[0])
        assert path.read_text() == "one\ntwo\nthree\n"


def test_what_cannot_be_put_back(
    store: Store, environment: Environment, workspace: Workspace
) -> None:
    """Where a file of a user's is in the way nothing is lost, and it can be tried again."""
    aside = f"{workspace.path}/foo"
    os.makedirs(f"{aside}/inner")
    Path(aside, "inner", "a.py").write_text("a")
    workspace.journal.tell([Takes(f"{SITE}/foo", aside)])
    (environment.site / "foo").write_text("in the way")
    with pytest.raises(RecoveryFailed) as raised:
        undo(find_crashed(store.layout.pool)[0])
    assert (f"{SITE}/foo",) == raised.value.left
    (environment.site / "foo").unlink()
    undo(find_crashed(store.layout.pool)[0])
    assert (environment.site / "foo/inner/a.py").read_text() == "a"


def test_found(store: Store, environment: Environment, workspace: Workspace) -> None:
    """What somebody works in is not taken for left over; nor are trees that were staged ahead."""
    living = store.workspaces.open(environment.target, LinkPolicy())
    living.journal.tell([Takes("a", f"{living.path}/a")])
    for name in ("sha256-shape.tree", "sha256-shape.new"):
        os.mkdir(os.path.join(store.layout.pool, name))
    crashed, leftovers = find_crashed(store.layout.pool)
    assert ([], {workspace.path, f"{store.layout.pool}/sha256-shape.new"}) == (
        crashed,
        set(leftovers),
    )
    store.workspaces.discard(living)


def test_whereabouts(store: Store, environment: Environment, workspace: Workspace) -> None:
    """An environment is known by the inode and the birth of its site-packages."""
    workspace.journal.tell([Takes("a", f"{workspace.path}/a")])
    [entries], _ = find_crashed(store.layout.pool)
    assert whereabouts(entries) is Whereabouts.THERE
    older = replace(entries.place, born_ns=entries.place.born_ns - 1)
    assert whereabouts(replace(entries, place=older)) is Whereabouts.REPLACED
    environment.target.prefix.rename(environment.target.prefix.with_name("away"))
    assert whereabouts(entries) is Whereabouts.ABSENT


def test_left_to_others(store: Store, environment: Environment) -> None:
    """What an uninstall leaves to a request that is at work stands in that one's journal."""
    environment.change(store.wheel("foo", files={"space/__init__.py": "foo"}))
    _, bringing = environment.plan([store.wheel("bar", files={"space/__init__.py": "bar"})])
    workspace = store.workspaces.open(environment.target, LinkPolicy())
    path = f"{SITE}/space/__init__.py"

    async def uninstall_beside(other: Standing, journal: Journal) -> None:
        async with environment.ledger.stand(environment.target.identity, other):
            other.keep_journal(journal)
            await environment.request(remove=["foo"])

    asyncio.run(uninstall_beside(bringing, workspace.journal))
    entries = read_journal(workspace.path)
    assert entries is not None
    assert {path} == {one.path for one in entries.intentions if isinstance(one, Inherits)}
    assert (environment.site / "space/__init__.py").exists()
    store.workspaces.discard(workspace)
