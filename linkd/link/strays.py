"""Files that nobody recorded and that an install replaced: they are their user's, and kept."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from linkd.core.receipt import KeptFile
from linkd.link.beneath import NOT_REGULAR, Step, open_regular
from linkd.link.graft import Graft
from linkd.link.workspace import Workspace

REPLACED_FILES: Final = "replaced-files"
"""The folder in an environment that holds what belongs to nobody but its user."""


def keep_replaced(
    graft: Graft, workspace: Workspace, recorded: Callable[[str], bool]
) -> tuple[KeptFile, ...]:
    """Put aside what was replaced at paths that nobody had recorded, unless it was the same.

    It is a part of the transaction, grafted like everything else and undone with it.
    """
    strays = [
        move
        for move in graft.moves
        if move.step is Step.EXCHANGED
        and not recorded(move.path)
        and not _same_content(move.aside, os.path.join(graft.prefix, move.path))
    ]
    if not strays:
        return ()
    staged = os.path.join(workspace.path, "kept")
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    for move in strays:
        aside = os.path.join(staged, stamp, move.path)
        os.makedirs(os.path.dirname(aside), exist_ok=True)
        _duplicate(move.aside, aside)
    graft.publish(staged, REPLACED_FILES, distribution=REPLACED_FILES)
    folder = os.path.join(graft.prefix, REPLACED_FILES, stamp)
    return tuple(
        KeptFile(path=move.path, moved_to=os.path.join(folder, move.path)) for move in strays
    )


def _duplicate(source: str, target: str) -> None:
    """A second name, because undoing needs the first; a copy where the kernel forbids links."""
    try:
        os.link(source, target, follow_symlinks=False)
    except PermissionError:
        shutil.copy2(source, target, follow_symlinks=False)


def _same_content(one: str, other: str) -> bool:
    if os.path.islink(one) or os.path.islink(other):
        return os.path.islink(one) and os.path.realpath(one) == os.path.realpath(other)
    try:
        return _same_bytes(one, other)
    except OSError as error:
        if error.errno in NOT_REGULAR:
            return False
        raise


def _same_bytes(one: str, other: str) -> bool:
    opener = partial(open_regular, follow=False)
    with open(one, "rb", opener=opener) as first, open(other, "rb", opener=opener) as second:
        if os.fstat(first.fileno()).st_size != os.fstat(second.fileno()).st_size:
            return False
        if os.path.sameopenfile(first.fileno(), second.fileno()):
            return True
        while chunk := first.read(1 << 20):
            if chunk != second.read(1 << 20):
                return False
    return True
