"""Requirement and constraint files, read with those that they name (pip's requirements format).

The client reads them, because the daemon may see another file system, standard input is the
client's own, and so is the environment that ``${VARIABLE}`` is taken from. Everything else in them
is the daemon's to understand.

`re` and `shlex`, which take longer to import than a file takes to read, are imported for those few
files that need them.
"""

from __future__ import annotations

import codecs
import os
import sys

from linkd_client.errors import UndecodableFile, UnreadableFile, reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from linkd_client.wire import Json

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING = rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)"  # PEP 263
_VARIABLE = r"\$\{([A-Z0-9_]+)\}"  # the one form that pip expands
_URLS = ("http:", "https:", "file:")
_COMMAND_LINE = "the command line"

_REQUIREMENTS, _CONSTRAINTS = "requirement_files", "constraint_files"
_LISTS = {
    "-r": _REQUIREMENTS,
    "--requirement": _REQUIREMENTS,
    "-c": _CONSTRAINTS,
    "--constraint": _CONSTRAINTS,
}


def read_requirement_files(
    requirements: Sequence[str], constraints: Sequence[str], directory: str
) -> dict[str, list[Json]]:
    """The request's members for ``-r`` and ``-c``. Raises ClientError with its place."""
    reader = _Reader(directory)
    for option, names in (("-r", requirements), ("-c", constraints)):
        for name in names:
            if _is_url(name):
                reader.leave_to_daemon(option, name)
            else:
                reader.read(name, _LISTS[option], directory, _COMMAND_LINE)
    return reader.members()


def read_group_files(groups: Mapping[str, Sequence[str]], directory: str) -> list[Json]:
    """The request's member for dependency groups, by the paths of their projects.

    Raises ClientError with its place.
    """
    reader = _Reader(directory)
    return [
        {**reader.load(path, f"--group {names[0]}"), "groups": names}
        for path, names in groups.items()
    ]


class _Reader:
    """Collects each file once for each of the two lists."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._stdin = os.path.join(directory, "-")
        """What standard input is called: what it names lies where the command was given."""
        self._command_line = os.path.join(directory, "<command line>")
        self._texts: dict[str, str] = {}
        self._lists: dict[str, list[str]] = {_REQUIREMENTS: [], _CONSTRAINTS: []}

    def members(self) -> dict[str, list[Json]]:
        return {
            name: [{"path": path, "text": self._texts[path]} for path in paths]
            for name, paths in self._lists.items()
            if paths
        }

    def leave_to_daemon(self, option: str, url: str) -> None:
        """Have the URL read by the daemon, as if a file of requirements had named it."""
        if self._command_line not in self._texts:
            self._lists[_REQUIREMENTS].append(self._command_line)
        text = self._texts.get(self._command_line, "")
        self._texts[self._command_line] = f"{text}{option} {url}\n"

    def read(self, name: str, into: str, folder: str, wanted_by: str) -> None:
        path = self._stdin if name == "-" else os.path.abspath(os.path.join(folder, name))
        if path in self._lists[into]:
            return
        if path not in self._texts:
            self._texts[path] = self._load(path, name, wanted_by)
        self._lists[into].append(path)
        if _is_toml(path):
            return
        for number, option, nested in _nested(self._texts[path]):
            if not _is_url(nested):
                role = into if _LISTS[option] == _REQUIREMENTS else _CONSTRAINTS
                self.read(nested, role, os.path.dirname(path), f"{path}:{number}")

    def load(self, name: str, wanted_by: str) -> dict[str, Json]:
        """One file by itself."""
        path = os.path.abspath(os.path.join(self._directory, name))
        return {"path": path, "text": self._load(path, name, wanted_by)}

    def _load(self, path: str, name: str, wanted_by: str) -> str:
        try:
            text = _decode(self._bytes(path))
        except OSError as error:
            reason = f"{name} cannot be read: {reason_of(error)} (wanted by {wanted_by})"
            raise UnreadableFile(reason) from error
        except (UnicodeError, LookupError) as error:
            raise _undecodable(name, error, wanted_by) from error
        return text if _is_toml(path) else _expanded(text)

    def _bytes(self, path: str) -> bytes:
        if path == self._stdin:
            return sys.stdin.buffer.read() if sys.stdin else b""
        with open(path, "rb") as file:
            return file.read()


def _is_url(name: str) -> bool:
    return name.lower().startswith(_URLS)


def _expanded(text: str) -> str:
    if "${" not in text:
        return text
    import re  # noqa: PLC0415 - see the module's head

    return re.sub(_VARIABLE, lambda match: os.environ.get(match[1], match[0]), text)


def _is_toml(path: str) -> bool:
    """A lock file or a project: neither includes other files nor knows ``${VARIABLE}``."""
    return path.endswith(".toml")


def _undecodable(name: str, error: Exception, wanted_by: str) -> UndecodableFile:
    reason = f"{name} cannot be decoded: {error}"
    if isinstance(error, UnicodeDecodeError):
        line = error.object.count(b"\n", 0, error.start) + 1
        reason = f"{name}:{line} cannot be decoded as {error.encoding}: {error.reason}"
    remedy = "save it as UTF-8, or say what it is: # coding: latin-1"
    return UndecodableFile(f"{reason} (wanted by {wanted_by}); {remedy}")


def _decode(data: bytes) -> str:
    """By its byte order mark, its PEP 263 comment, as UTF-8, else as Latin-1."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding)
    coding = _coding(data)
    if coding is not None:
        return data.decode(coding)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _coding(data: bytes) -> str | None:
    for line in data.split(b"\n", 2)[:2]:
        if b"coding" in line:
            import re  # noqa: PLC0415 - see the module's head

            match = re.match(_CODING, line)
            if match:
                return match[1].decode("ascii", "replace")
    return None


def _nested(text: str) -> Iterator[tuple[int, str, str]]:
    """The files that a file names: the line's number, the option, the name."""
    for number, line in _logical_lines(text):
        if not line.startswith("-"):
            continue
        import shlex  # noqa: PLC0415 - see the module's head

        try:
            words = shlex.split(line)
        except ValueError:  # an open quotation: the daemon says so, with the line
            continue
        while words:
            option, name = _option_and_value(words)
            if option in _LISTS and name:
                yield number, option, name


def _option_and_value(words: list[str]) -> tuple[str, str]:
    """Take an option with its value off the words: ``-r a``, ``-ra``, ``--opt a``, ``--opt=a``."""
    word = words.pop(0)
    option, equals, value = word.partition("=")
    if not word.startswith("--") and word[:2] in _LISTS and len(word) > 2:
        return word[:2], word[2:].lstrip("=")
    if option in _LISTS and not equals:
        return option, words.pop(0) if words else ""
    return option, value


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their continuations and without comments, and the number each begins at."""
    parts: list[str] = []
    begin = 1
    for number, line in enumerate(text.splitlines(), 1):
        if not parts:
            begin = number
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            parts.append(line[:-1])
            continue
        parts.append("" if is_comment else line)
        yield begin, _without_comment("".join(parts)).strip()
        parts = []
    if parts:
        yield begin, _without_comment("".join(parts)).strip()


def _without_comment(line: str) -> str:
    """A comment begins with the line or after a blank."""
    start = line.find("#")
    while start > 0 and not line[start - 1].isspace():
        start = line.find("#", start + 1)
    return line if start < 0 else line[:start]
