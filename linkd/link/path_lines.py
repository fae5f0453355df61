"""Lines of ``easy-install.pth``, by which setuptools makes eggs and linked sources importable.

All of an environment's eggs share the file. A line is taken out, and put back if the request
fails, by putting a new file in the place of the old one: never in place, so that an interpreter
that starts sees it whole, and line by line, so that what others changed meanwhile stays.
"""

import contextlib
import os
import secrets
import stat
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from linkd.core.installed import InstalledDistribution
from linkd.errors import LinkdError
from linkd.link.beneath import Beneath, open_regular
from linkd.link.journal import TakesLine

_FILE: Final = "easy-install.pth"
_EDITING: Final = threading.Lock()
"""Held while a file is read and replaced: every editor of this process sees what the others did."""


@dataclass(slots=True)
class PathLines:
    """The lines that one request takes out."""

    beneath: Beneath
    workspace: str
    """Absolute path of a folder on the environment's mount."""
    replaced: int = 0
    """How often a file was replaced."""
    _taken: list[TakesLine] = field(default_factory=list)

    def take_out(self, gone: InstalledDistribution) -> None:
        """Raises OSError, also where the file is none that could be replaced; then it is as it was."""
        if gone.path_entry is None:
            return
        folder = os.path.normpath(os.path.relpath(gone.location, self.beneath.prefix))
        wanted = _normalized(gone.location, os.fsencode(gone.path_entry))
        with _EDITING, self.beneath.opened(folder) as folder_fd:
            if folder_fd is None:
                return
            lines, mode = _read_lines(folder_fd)
            kept: list[bytes] = []
            taken: list[TakesLine] = []
            for line in lines:
                if _normalized(gone.location, line) == wanted:
                    taken.append(TakesLine(folder, len(kept), line, mode))
                else:
                    kept.append(line)
            if taken:
                self.beneath.tell(taken)
                self._replace(folder_fd, kept, mode)
                self._taken += taken

    def put_back(self, crashed: Sequence[TakesLine] = ()) -> tuple[str, ...]:
        """Undo, or what was `crashed`; the files for which that was not possible.

        A line that is there is not put there again.
        """
        left: list[str] = []
        pending = [*crashed, *self._taken]
        self._taken.clear()
        while pending:
            taken = pending.pop()
            try:
                self._put_back(taken)
            except (OSError, LinkdError):
                left.append(f"{taken.folder}/{_FILE}")
        return tuple(left)

    def _put_back(self, taken: TakesLine) -> None:
        with _EDITING, self.beneath.opened(taken.folder) as folder_fd:
            if folder_fd is None:
                raise FileNotFoundError(taken.folder)
            lines, _ = _read_lines(folder_fd)
            if taken.line.strip() in (line.strip() for line in lines):
                return
            if taken.number >= len(lines) > 0 and not lines[-1].endswith(b"\n"):
                lines[-1] += b"\n"
            elif taken.number < len(lines) and not taken.line.endswith(b"\n"):
                taken = replace(taken, line=taken.line + b"\n")
            self._replace(
                folder_fd, [*lines[: taken.number], taken.line, *lines[taken.number :]], taken.mode
            )

    def _replace(self, folder_fd: int, lines: list[bytes], mode: int) -> None:
        """A file of which nothing is left goes, as setuptools has it."""
        self.replaced += 1
        staged = os.path.join(self.workspace, f"path-lines-{secrets.token_hex(8)}")
        if not any(line.strip() for line in lines):
            os.rename(_FILE, staged, src_dir_fd=folder_fd)
            return
        with open(staged, "xb") as file:
            os.fchmod(file.fileno(), mode)
            file.writelines(lines)
        os.rename(staged, _FILE, dst_dir_fd=folder_fd)


def _read_lines(folder_fd: int) -> tuple[list[bytes], int]:
    with contextlib.suppress(FileNotFoundError):
        descriptor = open_regular(_FILE, os.O_RDONLY, follow=False, dir_fd=folder_fd)
        with open(descriptor, "rb") as file:
            mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
            return file.read().splitlines(keepends=True), mode
    return [], 0o644


def _normalized(location: str, line: bytes) -> bytes:
    """The folder or file that a line names, however it is written; other lines stay themselves."""
    entry = line.strip()
    if not entry or entry.startswith((b"import ", b"import\t", b"#")):
        return entry
    return os.path.normpath(os.path.join(os.fsencode(location), entry))
