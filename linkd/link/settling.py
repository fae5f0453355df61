"""Puts right what several requests, at one time or one after the other, left of what they share."""

import os
from collections.abc import Iterable, Iterator, Mapping

from linkd.core.target import Target
from linkd.core.wheel import StoredWheel
from linkd.errors import GraftFailed, reason_of
from linkd.link.beneath import Beneath
from linkd.link.change import Change, opened_prefix
from linkd.link.footprint import Roots
from linkd.link.graft import Graft
from linkd.link.ledger import Standing
from linkd.link.removal import Removal, remove
from linkd.link.rename import KernelRename
from linkd.link.shared import Shared
from linkd.link.stage import stage_one
from linkd.link.workspace import Workspace, Workspaces

Corrections = Mapping[str, StoredWheel | None]
"""Whose content has to come to a path; None where nothing has to lie."""


def find_wrong(target: Target, shared: Iterable[Shared]) -> tuple[Shared, ...]:
    """Those at which there lies something else than has to."""
    with opened_prefix(target) as prefix_fd:
        beneath = Beneath(str(target.prefix), prefix_fd, KernelRename())
        return tuple(one for one in shared if not one.is_right(beneath.hash_of(one.path)))


def settle(
    change: Change, standing: Standing, corrections: Corrections, workspaces: Workspaces
) -> None:
    """Have each path's rightful content in its place. Raises LinkError, TargetError, StoreError."""
    if not corrections:
        return
    workspace = workspaces.open(change.target, change.policy)
    try:
        with opened_prefix(change.target) as prefix_fd:
            graft = Graft(str(change.target.prefix), prefix_fd, workspace.rename)
            _bring(change.target, corrections, workspace, graft)
            _clear_away(change.target, _unneeded(corrections, standing), workspace, graft)
    except OSError as error:
        raise GraftFailed(
            environment=str(change.target.prefix),
            path=str(error.filename),
            reason=reason_of(error),
        ) from error
    finally:
        workspaces.discard(workspace)


def _bring(target: Target, corrections: Corrections, workspace: Workspace, graft: Graft) -> None:
    for number, (path, wheel) in enumerate(sorted(corrections.items())):
        if wheel is None:
            continue
        folder, _, name = path.rpartition("/")
        where = os.path.join(workspace.path, str(number))
        os.mkdir(where)
        mode = workspace.choice.mode
        stage_one(wheel, path, os.path.join(where, name), target=target, mode=mode)
        graft.publish(where, folder, distribution=wheel.manifest.name)


def _unneeded(corrections: Corrections, standing: Standing) -> Iterator[str]:
    for path, wheel in corrections.items():
        # Somebody may have begun to bring it since.
        if wheel is None and not standing.left_to_others([path]):
            yield path


def _clear_away(target: Target, paths: Iterable[str], workspace: Workspace, graft: Graft) -> None:
    aside = os.path.join(workspace.path, "gone")
    os.mkdir(aside)
    roots = Roots.of(target)
    removal = Removal(
        graft,
        frozenset(paths),
        aside,
        alone=lambda _folder: False,
        fixed=roots.fixed,
        passing=roots.passing,
    )
    remove(graft, [removal])
