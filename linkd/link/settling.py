"""Puts right what several requests at one time left of the paths that they share."""

import os

from linkd.core.wheel import StoredWheel
from linkd.errors import GraftFailed, reason_of
from linkd.link.change import Change, opened_prefix
from linkd.link.footprint import Roots
from linkd.link.graft import Graft
from linkd.link.ledger import Correction
from linkd.link.removal import Removal
from linkd.link.stage import stage_one
from linkd.link.workspace import Workspace, Workspaces


def settle(change: Change, paths: Correction, workspaces: Workspaces) -> None:
    """Put each path's rightful content in its place, where requests at one time brought others'.

    What nobody has any more is moved out. Raises LinkError, TargetError or StoreError.
    """
    if not paths:
        return
    workspace = workspaces.open(change.target, change.policy)
    try:
        with opened_prefix(change.target) as prefix_fd:
            graft = Graft(str(change.target.prefix), prefix_fd, workspace.rename)
            _put_right(change, paths, workspace, graft)
            _clear_away(change, paths, workspace, graft)
    except OSError as error:
        raise GraftFailed(
            environment=str(change.target.prefix),
            path=str(error.filename),
            reason=reason_of(error),
        ) from error
    finally:
        workspaces.discard(workspace)


def _put_right(change: Change, paths: Correction, workspace: Workspace, graft: Graft) -> None:
    for number, (path, wheel) in enumerate(sorted(paths.items())):
        if not isinstance(wheel, StoredWheel):
            continue
        folder, _, name = path.rpartition("/")
        where = os.path.join(workspace.path, str(number))
        os.mkdir(where)
        stage_one(
            wheel,
            path,
            os.path.join(where, name),
            target=change.target,
            mode=workspace.choice.mode,
        )
        graft.publish(where, folder, distribution=wheel.manifest.name)


def _clear_away(change: Change, paths: Correction, workspace: Workspace, graft: Graft) -> None:
    gone = frozenset(
        path
        for path, orphan in paths.items()
        if not isinstance(orphan, StoredWheel) and (not orphan or graft.hash_of(path) in orphan)
    )
    aside = os.path.join(workspace.path, "gone")
    os.mkdir(aside)
    Removal(
        graft, gone, aside, alone=lambda _folder: False, fixed=Roots.of(change.target).fixed
    ).run()
