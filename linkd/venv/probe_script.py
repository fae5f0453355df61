"""Tells an interpreter's facts as one line of JSON; run by that interpreter, never imported.

It is called with the folder that holds the `packaging` distribution, and is written so that
interpreters too old for that can still read it and say so.
"""

import io
import json
import os
import platform
import sys
import sysconfig
from typing import Any

OLDEST = (3, 9)
"""What `packaging` supports."""
TEXT_LIMIT = 65536


def default_scheme() -> str:
    # Python 3.9 has it under its private name only.
    public = getattr(sysconfig, "get_default_scheme", None)
    find: Any = public or sysconfig._get_default_scheme  # type: ignore[attr-defined] # noqa: SLF001
    return str(find())


def relative_scheme() -> Any:
    """The paths that an environment of this interpreter has below its prefix."""
    name = "venv" if "venv" in sysconfig.get_scheme_names() else "posix_prefix"
    root = os.path.join(os.sep, "prefix")
    bases = ("base", "platbase", "installed_base", "installed_platbase")
    paths = sysconfig.get_paths(name, vars=dict.fromkeys(bases, root))
    scheme = {
        key: os.path.relpath(paths[key], root) for key in ("purelib", "platlib", "scripts", "data")
    }
    # No scheme has a folder for the headers that distributions bring; this is where pip puts them.
    scheme["headers"] = "include/site/python%d.%d" % sys.version_info[:2]  # noqa: UP031
    return scheme


def own_scheme() -> Any:
    """The paths that installing into this very interpreter means."""
    paths = sysconfig.get_paths(default_scheme())
    scheme = {key: paths[key] for key in ("purelib", "platlib", "scripts", "data")}
    scheme["headers"] = paths["include"]
    return scheme


def externally_managed() -> Any:
    """PEP 668: the file lies in the standard library's folder of the default scheme."""
    marker = os.path.join(sysconfig.get_path("stdlib", default_scheme()), "EXTERNALLY-MANAGED")
    try:
        with io.open(marker, encoding="utf-8", errors="replace") as file:  # noqa: UP020
            return file.read(TEXT_LIMIT)
    except OSError:
        return None


def main() -> None:
    if sys.version_info < OLDEST:
        print(json.dumps({"unsupported": platform.python_version()}))  # noqa: T201
        return
    sys.dont_write_bytecode = True
    sys.path.append(sys.argv[1])
    from packaging.markers import default_environment  # noqa: PLC0415
    from packaging.tags import sys_tags  # noqa: PLC0415

    facts = {
        "interpreter": {
            "executable": os.path.realpath(sys.executable),
            "implementation": sys.implementation.name,
            "version": platform.python_version(),
            "cache_tag": sys.implementation.cache_tag,
            "markers": default_environment(),
            "tags": [str(tag) for tag in sys_tags()],
            "scheme": relative_scheme(),
            "externally_managed": externally_managed(),
        },
        "prefix": sys.prefix,
        "own_scheme": own_scheme(),
    }
    print(json.dumps({"facts": facts}))  # noqa: T201


if __name__ == "__main__":
    main()
