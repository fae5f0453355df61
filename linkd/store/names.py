"""Which names in an archive may become paths (binary distribution format; Linux path rules).

Everything here is computed from the names alone. A name is refused for what any installer on any
system could make of it, not only for what Linux would: a wheel with ``C:`` in it means no good.
"""

import re
from collections.abc import Collection, Iterator
from typing import Final

from linkd.errors import AbsolutePath, PathEscape, UnsafeWheel
from linkd.store.findings import Finding

MAX_NAME_BYTES: Final = 255
MAX_PATH_BYTES: Final = 2048
"""Half of PATH_MAX: the other half is for the folder that the path comes below."""
MAX_DEPTH: Final = 128

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_DRIVE: Final = re.compile(r"[A-Za-z]:")


def name_problem(name: str) -> Finding | None:
    """Why a file of an archive may not have this name, if so."""
    parts = name.split("/")
    checks = (
        (not name, "has no name"),
        (_CONTROL.search(name) is not None, "has a control character"),
        ("\\" in name, "has a backslash"),
        (name.startswith("/"), "is absolute", AbsolutePath),
        (_DRIVE.match(name) is not None, "begins with a drive letter", AbsolutePath),
        (".." in parts, "leaves its folder with '..'", PathEscape),
        ("" in parts or "." in parts, "has an empty part"),
        (len(parts) > MAX_DEPTH, f"is more than {MAX_DEPTH} folders deep"),
        (_bytes(name) > MAX_PATH_BYTES, f"is longer than {MAX_PATH_BYTES} bytes"),
        (max(map(_bytes, parts)) > MAX_NAME_BYTES, f"has a part over {MAX_NAME_BYTES} bytes"),
    )
    return next(
        (
            Finding(error[0] if error else UnsafeWheel, problem)
            for applies, problem, *error in checks
            if applies
        ),
        None,
    )


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def parents(path: str) -> Iterator[str]:
    """The folders above a relative path, the innermost first."""
    end = path.rfind("/")
    while end > 0:
        yield path[:end]
        end = path.rfind("/", 0, end)


def folders(paths: Collection[str]) -> set[str]:
    """Every folder that the files at these relative paths lie in."""
    found: set[str] = set()
    for path in paths:
        for folder in parents(path):
            if folder in found:
                break
            found.add(folder)
    return found
