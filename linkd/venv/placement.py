"""Folders that stand for an environment: ``--target`` and ``--prefix``, laid out as uv does.

With ``--target`` modules lie in the folder itself, launchers in ``bin`` and headers in ``include``
below it. With ``--prefix`` it has the ``venv`` scheme of the interpreter. That the system looks
after the interpreter (PEP 668) means nothing there: it is not installed into.
"""

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from linkd.core.target import Interpreter, Placement, Scheme, SchemeKey, Target
from linkd.errors import (
    EnvironmentNotWritable,
    InvalidRequest,
    LinkdError,
    NoSpace,
    NotAnEnvironment,
    is_no_space,
    reason_of,
)
from linkd.venv.layout import normalize

_NOWHERE: Final = (0, 0)
"""The identity of what is not there: no file has it."""


def place(placement: Placement, interpreter: Interpreter, python: str) -> Target:
    """The target that a placement is for an interpreter; nothing is made.

    Raises NotAnEnvironment for a path that is none or cannot be read, InvalidRequest where a file
    is in the way.
    """
    folder = Path(normalize(placement.folder))
    occupied = _nearest(folder)
    if not occupied.is_dir():
        raise InvalidRequest(
            reason=f"{_option(placement)} names {folder}, but {occupied} is not a folder"
        )
    scheme = _flat(folder) if placement.flat else _layered(folder, interpreter)
    return Target(
        prefix=folder,
        python=Path(python),
        interpreter=replace(interpreter, externally_managed=None),
        scheme=scheme,
        identity=_identity(folder, scheme.purelib),
    )


def require_folder(placement: Placement) -> None:
    """Raises InvalidRequest if there is nothing that could be looked at or taken away."""
    if not os.path.isdir(placement.folder):
        raise InvalidRequest(
            reason=f"{_option(placement)} names {placement.folder}, and there is no such folder",
            remedy="it is made by installing something into it",
        )


class Folders:
    """Makes the folders that targets lack, for the daemon's one event loop.

    What a request has made and not used is gone afterwards, unless another has come to use it.
    """

    def __init__(self) -> None:
        self._users: Counter[tuple[int, int]] = Counter()
        self._made: set[Path] = set()

    @contextlib.contextmanager
    def made(self, target: Target) -> Iterator[Target]:
        """The target with its site-packages there, as long as it is needed.

        Raises EnvironmentNotWritable and NoSpace.
        """
        # One folder may have several paths.
        site = Path(os.path.realpath(target.site_packages))
        try:
            self._make(site)
            there = replace(target, identity=_identity(target.prefix, site))
        except BaseException as error:
            self._remove(site)
            if isinstance(error, OSError):
                raise _refusal(target, error) from error
            raise
        self._users[there.identity] += 1
        try:
            yield there
        finally:
            self._users[there.identity] -= 1
            self._users = +self._users
            if there.identity not in self._users:
                self._remove(site)

    def _make(self, site: Path) -> None:
        for folder in reversed([site, *site.parents]):
            if not os.path.isdir(folder):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(folder)
                    self._made.add(folder)

    def _remove(self, site: Path) -> None:
        """Those of ours that are empty still; in the others there is something by now."""
        for folder in [site, *site.parents]:
            if folder in self._made:
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
                    self._made.discard(folder)
        if not self._users:
            self._made.clear()


def _nearest(folder: Path) -> Path:
    """The innermost of the path's folders that is there."""
    while not os.path.lexists(folder):
        folder = folder.parent
    return folder


def _flat(folder: Path) -> Scheme:
    return Scheme(
        purelib=folder,
        platlib=folder,
        headers=folder / "include",
        scripts=folder / "bin",
        data=folder,
    )


def _layered(folder: Path, interpreter: Interpreter) -> Scheme:
    paths = interpreter.scheme
    purelib, platlib = folder / paths[SchemeKey.PURELIB], folder / paths[SchemeKey.PLATLIB]
    with contextlib.suppress(OSError):
        # lib64 is a link to lib, where there is one.
        platlib = purelib if os.path.samefile(platlib, purelib) else platlib
    return Scheme(
        purelib=purelib,
        platlib=platlib,
        headers=folder / paths[SchemeKey.HEADERS],
        scripts=folder / paths[SchemeKey.SCRIPTS],
        data=folder / paths[SchemeKey.DATA],
    )


def _identity(folder: Path, site: Path) -> tuple[int, int]:
    try:
        status = os.stat(site)
    except (FileNotFoundError, NotADirectoryError):
        return _NOWHERE
    except OSError as error:
        raise NotAnEnvironment(
            environment=str(folder), reason=f"{site} cannot be read: {reason_of(error)}"
        ) from error
    return status.st_dev, status.st_ino


def _option(placement: Placement) -> str:
    return "--target" if placement.flat else "--prefix"


def _refusal(target: Target, error: OSError) -> LinkdError:
    path = str(error.filename or target.site_packages)
    if is_no_space(error):
        return NoSpace(path=path, doing=f"making {target.site_packages}")
    return EnvironmentNotWritable(
        environment=str(target.prefix), path=path, reason=reason_of(error)
    )
