"""Reads the launchers that a distribution declares (entry points specification)."""

import configparser
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

import msgspec

from linkd.core.manifest import Launcher, Manifest
from linkd.core.wheel import StoredWheel

_SECTIONS: Final = (("console_scripts", False), ("gui_scripts", True))
_NAME_BYTES: Final = 255
"""The longest name of a file on the file systems in use."""

_REFERENCE: Final = re.compile(
    r"(?P<module>[\w.]+)\s*:\s*(?P<attribute>[\w.]+)\s*(?:\[[^\[\]]*\])?",
)
_OWN_FILES: Final = frozenset({"pyvenv.cfg", ".lock", ".gitignore", "cachedir.tag"})
"""What those who make environments put right into their folders, in lower case."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

# Exactly the environment's own files, not everything that begins like them: there are real
# scripts named pypyr, python-argcomplete-check and activate-global-python-argcomplete.
_RESERVED: Final = re.compile(
    r"""
    (?: python | pypy ) w? [0-9.]* [tdm]?
    | activate (?: \.(?: bat | csh | fish | nu | ps1 | sh | xsh ) )?
    | activate_this (?: \.py )?
    | deactivate (?: \.(?: bat | nu ) )?
    | pydoc\.bat
    """,
    re.VERBOSE | re.IGNORECASE,
)


class _Versioned(NamedTuple):
    name: str
    """Of the launcher that the others are like."""
    forms: tuple[str, ...]
    stale: re.Pattern[str]
    """All that are like it, for whatever version."""


_VERSIONED: Final[Mapping[str, _Versioned]] = {
    "pip": _Versioned("pip", ("pip", "pip{major}", "pip{python}"), re.compile(r"pip[0-9.]*")),
    "setuptools": _Versioned(
        "easy_install",
        ("easy_install", "easy_install-{python}"),
        re.compile(r"easy_install(?:-[0-9.]+)?"),
    ),
}


def parse_entry_points(text: str) -> tuple[Launcher, ...]:
    """The launchers of entry_points.txt, those of the console first, each group in its order.

    Raises:
        ValueError: with everything that is wrong, `; ` between the problems.
    """
    parser = configparser.ConfigParser(
        delimiters=("=",),
        comment_prefixes=("#", ";"),
        interpolation=None,
        strict=False,
        # A name that no section can have: [DEFAULT] means nothing in entry points.
        default_section="]",
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # documented: names keep their case
    try:
        parser.read_string(text, source="entry_points.txt")
    except configparser.Error as error:
        raise ValueError(" ".join(str(error).split())) from error
    problems: list[str] = []
    launchers = tuple(_read_launchers(parser, problems))
    if problems:
        raise ValueError("; ".join(problems))
    return launchers


def made_for(wheel: StoredWheel, python: str) -> StoredWheel:
    """The wheel with the launchers that it has in an environment of this version of Python."""
    launchers = launchers_for(wheel.manifest, python)
    if launchers == wheel.manifest.launchers:
        return wheel
    return replace(wheel, manifest=msgspec.structs.replace(wheel.manifest, launchers=launchers))


def launchers_for(manifest: Manifest, python: str) -> tuple[Launcher, ...]:
    """A wheel's launchers in an environment of this version of Python, such as ``3.12``.

    They are the declared ones, but for two projects whose wheels may declare some that have the
    version of the Python that built them in their names: every installer names those anew.
    """
    versioned = _VERSIONED.get(manifest.name)
    base = next(
        (one for one in manifest.launchers if versioned and one.name == versioned.name), None
    )
    if versioned is None or base is None:
        return manifest.launchers
    names = [form.format(major=python.partition(".")[0], python=python) for form in versioned.forms]
    others = [one for one in manifest.launchers if not versioned.stale.fullmatch(one.name)]
    return (*(msgspec.structs.replace(base, name=name) for name in names), *others)


def script_name_problem(name: str) -> str | None:
    """Why a file of this name may not be put into an environment's scripts folder, if so."""
    if not name or name in {".", ".."}:
        return "is not a file name"
    if "/" in name or "\\" in name:
        return "has a path separator"
    if _CONTROL.search(name) is not None:
        return "has a control character"
    if len(name.encode()) > _NAME_BYTES:
        return f"is longer than {_NAME_BYTES} bytes"
    if _RESERVED.fullmatch(name) is not None:
        return "would take the place of the environment's own file"
    return None


def is_environments_own(path: str, scripts: str) -> bool:
    """Whether a path below an environment's prefix is a file that came with the environment.

    `scripts` is the scripts folder relative to the prefix, with a slash at its end.
    """
    if "/" not in path and path.lower() in _OWN_FILES:
        return True
    return path.startswith(scripts) and _RESERVED.fullmatch(path, len(scripts)) is not None


def _read_launchers(parser: configparser.ConfigParser, problems: list[str]) -> Iterator[Launcher]:
    seen: set[str] = set()
    for section, gui in _SECTIONS:
        if not parser.has_section(section):
            continue
        for name, value in parser.items(section):
            problem = script_name_problem(name)
            if problem is None and name in seen:
                problem = "is both a console and a gui script"
            seen.add(name)
            if problem is not None:
                problems.append(f"the script name {name!r} {problem}")
            reference = _parse_reference(value)
            if reference is None:
                problems.append(f"{name} = {value!r} is not an object reference")
                continue
            module, attribute = reference
            yield Launcher(name=name, module=module, attribute=attribute, gui=gui)


def _parse_reference(value: str) -> tuple[str, str] | None:
    """Module and attribute of ``importable.module:object.attr [extra]``; extras mean nothing today."""
    match = _REFERENCE.fullmatch(value.strip())
    if match is None:
        return None
    module, attribute = match["module"], match["attribute"]
    parts = [*module.split("."), *attribute.split(".")]
    if all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        return module, attribute
    return None
