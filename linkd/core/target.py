"""An interpreter's facts, and a target: one environment, or one folder, that wheels go into."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SchemeKey(enum.StrEnum):
    """The installation scheme's keys that a wheel may name (binary distribution format)."""

    PURELIB = "purelib"
    PLATLIB = "platlib"
    HEADERS = "headers"
    SCRIPTS = "scripts"
    DATA = "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """What linkd has to know of a base interpreter; nothing in it belongs to one environment.

    Serializable (msgspec), so that it is probed once and remembered.
    """

    executable: str
    """Real path of the base interpreter, not of an environment's link to it."""
    implementation: str
    """``cpython``, ``pypy``, …"""
    version: str
    """The full version, as the marker ``python_full_version`` has it."""
    cache_tag: str
    """``sys.implementation.cache_tag``, such as ``cpython-312``."""
    markers: Mapping[str, str]
    """The PEP 508 environment, without ``extra``."""
    tags: tuple[str, ...]
    """Supported wheel tags, the most wanted first."""
    scheme: Mapping[SchemeKey, str]
    """Paths of the ``venv`` scheme relative to an environment's prefix. That of the headers is
    the folder in which each distribution has its own."""
    externally_managed: str | None = None
    """The text of EXTERNALLY-MANAGED (PEP 668) where the base interpreter has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """Absolute paths of one environment. That of the headers is the parent of each project's."""

    purelib: Path
    platlib: Path
    headers: Path
    scripts: Path
    data: Path

    def __getitem__(self, key: SchemeKey) -> Path:
        path: Path = getattr(self, key.value)
        return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A folder that is installed into in the place of an environment, for its interpreter."""

    folder: str
    """Absolute; it need not be there yet."""
    flat: bool
    """As ``--target`` has it: modules lie in the folder itself. Otherwise as ``--prefix`` has it:
    the folder has the layout of an environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One environment, probed."""

    prefix: Path
    """The environment's folder as it was asked for, absolute; links are not resolved. That of a
    placement, if there is one."""
    python: Path
    """The environment's own interpreter, what launchers' shebangs name."""
    interpreter: Interpreter
    scheme: Scheme
    identity: tuple[int, int]
    """(device, inode) of site-packages: what makes two paths the same environment. (0, 0) as long
    as that of a placement is not there."""

    @property
    def site_packages(self) -> Path:
        return self.scheme.purelib
