"""Bytecode: what is compiled of a wheel, where it lies (PEP 3147), and what is known of it.

A compiled file belongs to its source and to nobody else. It is valid by the source's size and time,
so it comes with the source, and goes with it.
"""

import enum
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec

from linkd.core.manifest import Manifest, ManifestFile
from linkd.core.target import SchemeKey

BYTECODE_FORMAT: Final = 1

CACHE_FOLDER: Final = "__pycache__"
_COMPILED: Final = re.compile(r"(?P<module>.+?)\.[^.]+(?:\.opt-[^.]+)?\.pyc", re.DOTALL)
_LIBRARIES: Final = frozenset({SchemeKey.PURELIB, SchemeKey.PLATLIB})


class BytecodeWish(enum.StrEnum):
    """What a request says of bytecode."""

    AUTO = "auto"
    """As far as it is ready."""
    ON = "on"
    """Of every distribution that comes."""
    OFF = "off"


class BytecodeManifest(msgspec.Struct, frozen=True, dict=True, kw_only=True):
    """The compiled form of one wheel, for all interpreters of one cache tag."""

    format: int = BYTECODE_FORMAT
    sha256: str
    """The wheel's."""
    cache_tag: str
    files: tuple[ManifestFile, ...]
    """As those of a wheel. A file's time is that of its source."""

    @cached_property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBytecode:
    """A sealed entry of the store."""

    manifest: BytecodeManifest
    tree: str
    """Absolute path of the files; `ManifestFile.source` is relative to it."""


def sources_of(manifest: Manifest) -> Iterator[ManifestFile]:
    """What there is to compile: modules in libraries, but those that bring their bytecode."""
    brought = {
        (file.scheme, source)
        for file in manifest.files
        if file.scheme in _LIBRARIES and (source := source_of(file.destination)) is not None
    }
    for file in manifest.payload():
        if file.scheme in _LIBRARIES and file.destination.endswith(".py"):
            is_brought = (file.scheme, file.destination) in brought
            if not is_brought and not file.python_script:
                yield file


def compiled_path(path: str, cache_tag: str) -> str:
    """Where the compiled form of a module lies."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{CACHE_FOLDER}/{compiled_name(name, cache_tag)}"


def compiled_name(name: str, cache_tag: str) -> str:
    return f"{name.removesuffix('.py')}.{cache_tag}.pyc"


def source_of(path: str) -> str | None:
    """The module that a path is the compiled form of, by any interpreter; None for other paths."""
    if not path.endswith(".pyc"):
        return None
    folder, _, name = path.rpartition("/")
    above, slash, cache = folder.rpartition("/")
    module = module_of(name)
    return f"{above}{slash}{module}.py" if cache == CACHE_FOLDER and module else None


def module_of(name: str) -> str:
    """``module`` of ``module.cpython-312.opt-1.pyc``; empty for other names."""
    match = _COMPILED.fullmatch(name)
    return match["module"] if match is not None else ""


def compiled_paths(paths: Iterable[str], cache_tag: str) -> frozenset[str]:
    """Where the compiled forms of the modules among the paths would lie."""
    return frozenset(compiled_path(path, cache_tag) for path in paths if path.endswith(".py"))
