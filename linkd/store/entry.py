"""Sealed entries of ``wheels/``: how one is read, published and taken away.

The manifest is msgpack beside the tree. An entry is there with all of it or not at all, because
it comes by one rename; nothing in it is changed afterwards.
"""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator

import msgspec

from linkd.core.manifest import MANIFEST_FORMAT, Manifest
from linkd.core.wheel import StoredWheel
from linkd.store.layout import Layout, is_sha256, manifest_of

_DECODER = msgspec.msgpack.Decoder(Manifest)


def read_entry(layout: Layout, sha256: str) -> StoredWheel | None:
    """The wheel; None where there is none.

    One whose manifest does not read (a crash of the machine can leave that) is moved to the
    trash, so that it is made again.
    """
    try:
        entry = os.open(layout.entry(sha256), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    # Held open, what is found damaged is not one that somebody has published meanwhile.
    try:
        manifest = _DECODER.decode(_read(entry, os.path.basename(layout.manifest(sha256))))
    except (FileNotFoundError, msgspec.DecodeError):
        retire(layout, sha256)
        return None
    finally:
        os.close(entry)
    if manifest.format != MANIFEST_FORMAT or manifest.sha256 != sha256:
        retire(layout, sha256)
        return None
    return StoredWheel(manifest=manifest, tree=layout.tree(sha256))


def _read(folder: int, name: str) -> bytes:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def write_manifest(folder: str, manifest: Manifest) -> None:
    with open(manifest_of(folder), "xb") as file:
        file.write(msgspec.msgpack.encode(manifest))


def publish(layout: Layout, sha256: str, folder: str) -> bool:
    """Make `folder` the entry, by one rename; False where somebody's is there already."""
    entry = layout.entry(sha256)
    os.makedirs(os.path.dirname(entry), mode=0o700, exist_ok=True)
    try:
        os.rename(folder, entry)
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
            return False
        raise
    return True


def retire(layout: Layout, sha256: str) -> None:
    """Move an entry to the trash, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.rename(
            layout.entry(sha256), os.path.join(layout.trash, f"{sha256}-{secrets.token_hex(4)}")
        )


def is_as_unpacked(wheel: StoredWheel) -> bool:
    """Whether every file of an entry has the size and the time of its manifest."""
    try:
        facts = [os.lstat(os.path.join(wheel.tree, file.source)) for file in wheel.manifest.files]
    except FileNotFoundError:
        return False
    return all(
        (found.st_size, found.st_mtime_ns) == (file.size, file.mtime_ns)
        for found, file in zip(facts, wheel.manifest.files, strict=True)
    )


def stored_wheels(layout: Layout) -> Iterator[str]:
    """The sha256 of every entry; looks at the folders' names alone."""
    for shelf in os.listdir(layout.wheels):
        with contextlib.suppress(NotADirectoryError, FileNotFoundError):
            for name in os.listdir(os.path.join(layout.wheels, shelf)):
                if is_sha256(name) and name.startswith(shelf):
                    yield name
