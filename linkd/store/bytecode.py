"""Sealed entries of ``bytecode/``: the compiled forms of wheels, by cache tag and wheel.

As with wheels, an entry comes by one rename, and nothing in it is changed afterwards.
"""

import contextlib
import os
import secrets

import msgspec

from linkd.core.bytecode import BYTECODE_FORMAT, BytecodeManifest, StoredBytecode
from linkd.store.durability import mark_unsynced, read_bytecode_marks
from linkd.store.entry import publish_as
from linkd.store.layout import Layout, is_cache_tag, is_sha256, manifest_of, tree_of

_DECODER = msgspec.msgpack.Decoder(BytecodeManifest)


class BytecodeShelf:
    """Knows what has been compiled. May be asked from any thread."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._ready: set[tuple[str, str]] = set()

    def load(self) -> bool:
        """Learn what earlier daemons compiled; whether some of it has not been synced yet.

        What a loss of power could have damaged goes: it is made again. Looks at names alone.
        Raises OSError.
        """
        fresh, doubtful = read_bytecode_marks(self._layout)
        for sha256, cache_tag in doubtful:
            self.retire(sha256, cache_tag)
            os.unlink(self._layout.unsynced_mark(sha256, cache_tag))
        for cache_tag in filter(is_cache_tag, os.listdir(self._layout.bytecode)):
            shelves = os.path.join(self._layout.bytecode, cache_tag)
            for shelf in os.listdir(shelves):
                names = os.listdir(os.path.join(shelves, shelf))
                self._ready.update((name, cache_tag) for name in names if is_sha256(name))
        return bool(fresh)

    def __len__(self) -> int:
        return len(self._ready)

    def is_ready(self, sha256: str, cache_tag: str) -> bool:
        return (sha256, cache_tag) in self._ready

    def read(self, sha256: str, cache_tag: str) -> StoredBytecode | None:
        """None where there is none; what cannot be read is taken away, to be made again."""
        entry = self._layout.bytecode_entry(sha256, cache_tag)
        try:
            with open(manifest_of(entry), "rb") as file:
                manifest = _DECODER.decode(file.read())
        except (FileNotFoundError, NotADirectoryError):
            self._ready.discard((sha256, cache_tag))
            return None
        except msgspec.DecodeError:
            self.retire(sha256, cache_tag)
            return None
        found = (manifest.format, manifest.sha256, manifest.cache_tag)
        if found != (BYTECODE_FORMAT, sha256, cache_tag):
            self.retire(sha256, cache_tag)
            return None
        return StoredBytecode(manifest=manifest, tree=tree_of(entry))

    def publish(self, manifest: BytecodeManifest, folder: str) -> None:
        """Seal the folder, which has the tree in it. Raises an OSError as it is."""
        with open(manifest_of(folder), "xb") as file:
            file.write(msgspec.msgpack.encode(manifest))
        entry = self._layout.bytecode_entry(manifest.sha256, manifest.cache_tag)
        mark_unsynced(self._layout, manifest.sha256, manifest.cache_tag)
        publish_as(entry, folder)
        self._ready.add((manifest.sha256, manifest.cache_tag))

    def retire(self, sha256: str, cache_tag: str) -> None:
        """Move an entry to the trash, if it is there."""
        self._ready.discard((sha256, cache_tag))
        entry = self._layout.bytecode_entry(sha256, cache_tag)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.rename(entry, os.path.join(self._layout.trash, f"{sha256}-{secrets.token_hex(4)}"))
