"""Whether a tree that was staged a while ago is still what was made.

Its files are the store's own inodes, so whoever edits one of them in an environment edits it in the
tree as well; and the folder of the cache lies open to its owner.
"""

import os
import stat
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from linkd.core.manifest import ManifestFile
from linkd.core.wheel import StoredWheel
from linkd.link.beneath import open_folder
from linkd.link.blueprint import INSTALLER, Batch, Blueprint


def find_flaw(tree: str, wheel: StoredWheel, blueprint: Blueprint) -> str | None:
    """What is not as it was made, for a log; None if the tree is whole.

    Every name, and of each file of the wheel that it is the store's inode with the size and the
    time of the manifest; of what was written, the content.
    """
    try:
        return next(_flaws(tree, wheel, blueprint), None)
    except OSError as error:
        return str(error)


def _flaws(tree: str, wheel: StoredWheel, blueprint: Blueprint) -> Iterator[str]:
    written = _written(blueprint)
    names = _names(blueprint, written)
    for folder in ("", *blueprint.folders):
        with open_folder(os.path.join(tree, folder)) as folder_fd:
            if set(os.listdir(folder_fd)) != names[folder]:
                yield f"{folder or 'its folder'} has other names than it was made with"
    for batch in blueprint.batches:
        yield from _other_files(tree, wheel, batch)
    for path, content in written.items():
        if _read(os.path.join(tree, path)) != content:
            yield f"{path} has another content"


def _names(blueprint: Blueprint, written: dict[str, bytes]) -> defaultdict[str, set[str]]:
    """What each folder has in it."""
    names: defaultdict[str, set[str]] = defaultdict(set)
    for path in (*blueprint.folders, *written):
        folder, _, name = path.rpartition("/")
        names[folder].add(name)
    for batch in blueprint.batches:
        names[batch.staged].update(map(_name, batch.files))
    return names


def _written(blueprint: Blueprint) -> dict[str, bytes]:
    """What is no file of the wheel, by its path."""
    inside = blueprint.dist_info
    written = dict.fromkeys(blueprint.own_files, b"")
    written[f"{inside}/INSTALLER"] = INSTALLER
    written[f"{inside}/RECORD"] = blueprint.record()
    if blueprint.shape.requested:
        written[f"{inside}/REQUESTED"] = b""
    return written


def _other_files(tree: str, wheel: StoredWheel, batch: Batch) -> Iterator[str]:
    with (
        open_folder(os.path.join(tree, batch.staged)) as staged_fd,
        open_folder(os.path.join(wheel.tree, batch.source)) as source_fd,
    ):
        for file in batch.files:
            name = _name(file)
            staged = os.lstat(name, dir_fd=staged_fd)
            if (staged.st_size, staged.st_mtime_ns) != (file.size, file.mtime_ns):
                yield f"{file.source} was changed"
            if not os.path.samestat(staged, os.lstat(name, dir_fd=source_fd)):
                yield f"{file.source} was replaced"


def _name(file: ManifestFile) -> str:
    return file.source.rpartition("/")[2]


_REGULAR: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def _read(path: str) -> bytes | None:
    """The content of a regular file; None of anything else."""
    with open(os.open(path, _REGULAR), "rb") as file:
        return file.read() if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
