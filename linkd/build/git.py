"""Repositories of git: which commit a revision is, and its files in a fresh folder.

git is never asked for a password, runs no hook, and speaks no transport but those allowed; a local
repository is read only where the requirement itself names it.
"""

import os
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from linkd.build.process import Log, Program, clean_environment, run_program
from linkd.core.source import Source
from linkd.errors import VcsFailed, reason_of

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHOWN_LINES: Final = 5
_SETTINGS: Final = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.askPass=",
    "advice.detachedHead=false",
    "init.templateDir=",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """One repository. The methods block."""

    source: Source
    log: Log
    timeout: float
    """Seconds for one command."""
    stop: threading.Event

    def find_commit(self, folder: str) -> str | None:
        """The commit of the revision, if the server names it; None where it has to be fetched.

        `folder` is any one that no repository is in. Raises VcsFailed.
        """
        revision = self.source.revision
        if revision is not None and _COMMIT.fullmatch(revision):
            return revision
        name = revision or "HEAD"
        names: dict[str, str] = {}
        for line in self._git(folder, "ls-remote", "--", self.source.url, name, f"{name}^{{}}"):
            commit, _, ref = line.partition("\t")
            if _COMMIT.fullmatch(commit):
                names[ref] = commit
        for ref in (f"refs/tags/{name}^{{}}", f"refs/tags/{name}", f"refs/heads/{name}", name):
            if ref in names:
                return names[ref]
        return None

    def fetch(self, folder: str, commit: str | None) -> str:
        """Check it out into an empty folder, with its history and submodules; gives the commit.

        The history is there for backends that make a version of its tags. Raises VcsFailed.
        """
        self._git(
            os.path.dirname(folder),
            *("clone", "--quiet", "--no-checkout", "--filter=blob:none", "--template="),
            *("--", self.source.url, folder),
        )
        wanted = commit or self.source.revision or "HEAD"
        found = self._resolve(folder, wanted)
        if found is None:
            self._git(folder, "fetch", "--quiet", "origin", wanted)
            found = self._resolve(folder, "FETCH_HEAD")
        if found is None:
            raise self._failure(f"it has no revision {wanted!r}")
        self._git(folder, "checkout", "--quiet", "--detach", found)
        if os.path.exists(os.path.join(folder, ".gitmodules")):
            self._git(folder, "submodule", "--quiet", "update", "--init", "--recursive")
        return found

    def _resolve(self, folder: str, revision: str) -> str | None:
        for name in (f"refs/remotes/origin/{revision}", revision):
            words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
            status, lines = self._run(folder, words)
            if status == 0 and lines and _COMMIT.fullmatch(lines[-1]):
                return lines[-1]
        return None

    def _git(self, folder: str, *words: str) -> tuple[str, ...]:
        """The lines that it wrote. Raises VcsFailed."""
        status, lines = self._run(folder, words)
        if status:
            raise self._failure(f"git {words[0]} ended with status {status}")
        return lines

    def _run(self, folder: str, words: Sequence[str]) -> tuple[int, tuple[str, ...]]:
        """Its status, and the lines that it wrote."""
        before = self.log.size
        transport = urlsplit(self.source.url).scheme
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        program = Program(
            command=("git", *settings, *words),
            cwd=folder,
            env=clean_environment(
                GIT_TERMINAL_PROMPT="0",
                GIT_SSH_COMMAND="ssh -oBatchMode=yes",
                GIT_ALLOW_PROTOCOL=":".join({"https", "http", "ssh", "git", transport}),
                GIT_CEILING_DIRECTORIES=os.path.dirname(folder),
                LC_ALL="C.UTF-8",
            ),
            timeout=self.timeout,
        )
        try:
            return run_program(program, self.log, self.stop), self.log.lines_from(before)
        except FileNotFoundError as error:
            raise self._failure("git is not installed") from error
        except TimeoutError as error:
            raise self._failure(f"it took longer than {self.timeout:g} seconds") from error
        except OSError as error:
            raise self._failure(f"git cannot be run: {reason_of(error)}") from error

    def _failure(self, reason: str) -> VcsFailed:
        url, bare = self.source.url, bare_url(self.source.url)
        said = tuple(line.replace(url, bare) for line in self.log.last_lines()[-_SHOWN_LINES:])
        return VcsFailed(url=bare, reason=reason, output=said)


def bare_url(url: str) -> str:
    """Without user and password; of SSH the user stays, for it belongs to the address (PEP 610)."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url
    kept = f"{user.partition(':')[0]}@{host}" if parts.scheme == "ssh" else host
    return urlunsplit(parts._replace(netloc=kept))
