"""What an environment is after a command, told in words that are the same for every installer."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

from packaging.utils import canonicalize_name

from tests.support.daemon import Ran

_SITE: Final = "site/"
_PYTHON: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
_PATIENCE_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One environment, and the folder that its commands are run in."""

    prefix: Path
    here: Path

    @property
    def site(self) -> Path:
        """Where its site-packages is, or was: pip removes the folder with what was last in it."""
        return self.prefix / "lib" / _PYTHON / "site-packages"

    def path(self, name: str) -> Path:
        """Where a name of the environment lies."""
        if f"{name}/".startswith(_SITE):
            return self.site / f"{name}/".removeprefix(_SITE)
        return self.prefix / name

    @property
    def installed(self) -> str:
        """``a 1.0, b 2.0``: every distribution that `importlib.metadata` finds, each as often as it does."""
        found = sorted(
            (canonicalize_name(one.metadata["Name"] or "?"), one.version or "?")
            for one in distributions(path=[str(self.site)])
        )
        return ", ".join(f"{name} {version}" for name, version in found) or "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """An environment after a command."""

    environment: Environment
    ran: Ran
    variables: Mapping[str, str]
    """Those that commands are run with."""

    def dist_info(self, stem: str) -> Path:
        return self.environment.site / f"{stem}.dist-info"


@dataclass(frozen=True, slots=True)
class Has:
    """Whether there is something at a path."""

    path: str

    def __call__(self, after: After) -> str:
        there = os.path.lexists(after.environment.path(self.path))
        return f"`{self.path}` is there" if there else f"no `{self.path}`"


@dataclass(frozen=True, slots=True)
class Holds:
    """What is in a file."""

    path: str

    def __call__(self, after: After) -> str:
        path = after.environment.path(self.path)
        return (
            f"`{self.path}` has `{path.read_text().strip()}`"
            if path.is_file()
            else (f"no `{self.path}`")
        )


@dataclass(frozen=True, slots=True)
class Mode:
    """Whether a file may be run."""

    path: str

    def __call__(self, after: After) -> str:
        path = after.environment.path(self.path)
        if not path.is_file():
            return f"no `{self.path}`"
        return f"`{self.path}` is {'' if os.access(path, os.X_OK) else 'not '}executable"


@dataclass(frozen=True, slots=True)
class Lists:
    """What lies in a folder."""

    path: str

    def __call__(self, after: After) -> str:
        path = after.environment.path(self.path)
        if not path.is_dir():
            return f"no `{self.path}`"
        names = sorted(name for name in os.listdir(path) if name != "__pycache__")
        return f"in `{self.path}`: {', '.join(f'`{name}`' for name in names) or 'nothing'}"


@dataclass(frozen=True, slots=True)
class Runs:
    """What a script prints."""

    name: str

    def __call__(self, after: After) -> str:
        path = after.environment.prefix / "bin" / self.name
        if not path.exists():
            return f"no `bin/{self.name}`"
        return f"`{self.name}` {_printed([str(path)], after)}"


@dataclass(frozen=True, slots=True)
class Imports:
    """What a module's `value` is."""

    module: str

    def __call__(self, after: After) -> str:
        python = after.environment.prefix / "bin" / "python"
        code = f"import {self.module}; print({self.module}.value)"
        return f"`{self.module}.value` {_printed([str(python), '-Ic', code], after)}"


@dataclass(frozen=True, slots=True)
class Says:
    """Whether the last command printed a word."""

    word: str

    def __call__(self, after: After) -> str:
        text = after.ran.out + after.ran.err
        return f"{'says' if self.word.lower() in text.lower() else 'does not say'} “{self.word}”"


@dataclass(frozen=True, slots=True)
class Exit:
    """The last command's exit code."""

    def __call__(self, after: After) -> str:
        return f"exit {after.ran.code}"


@dataclass(frozen=True, slots=True)
class Requested:
    """Which distributions are marked as asked for (PEP 376)."""

    def __call__(self, after: After) -> str:
        site = after.environment.site
        names = sorted(path.parent.name.split("-")[0] for path in site.glob("*/REQUESTED"))
        return f"requested: {', '.join(names) or 'none'}"


@dataclass(frozen=True, slots=True)
class Origin:
    """What is recorded of where a distribution came from (PEP 610); hashes only as being there."""

    stem: str

    def __call__(self, after: After) -> str:
        path = after.dist_info(self.stem) / "direct_url.json"
        if not path.is_file():
            return "no origin"
        facts: dict[str, Any] = json.loads(path.read_text())
        place = str(facts.pop("url")).replace(after.environment.here.as_uri(), "file://{here}")
        words = [f"origin `{place}`"]
        if facts.get("dir_info", {}).get("editable"):
            words.append("editable")
        if "archive_info" in facts:
            words.append("with hash" if facts["archive_info"].get("hashes") else "without hash")
        return " ".join(words)


def observe(before: str, after: After, looks: str) -> str:
    """The outcome in one line: what is installed, or that it was refused, and what was looked at."""
    installed = after.environment.installed
    if after.ran.code == 0:
        told = installed
    elif installed == before:
        told = "refused"
    else:
        told = f"failed, with {installed} left"
    return f"{told}; {looks}" if looks else told


def _printed(command: list[str], after: After) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=dict(after.variables),
            cwd=after.environment.here,
            timeout=_PATIENCE_S,
            check=False,
        )
    except OSError:
        return "cannot be run"
    if done.returncode != 0:
        return "fails"
    return f"prints `{done.stdout.strip()}`" if done.stdout.strip() else "runs"
