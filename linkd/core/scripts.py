"""Makes the executable scripts of an environment (binary distribution format, entry points).

All of them are for POSIX systems. An interpreter's path is text that UTF-8 can encode: Python
reads a script's first lines as UTF-8 too.
"""

import re
from collections.abc import Sequence
from typing import Final

from linkd.core.manifest import Launcher

_LINE_BYTES: Final = 127
"""What Linux before 5.1 reads of the first line, its end included."""

_BLANK: Final = re.compile(r"\s")

# "If the first line of a file in scripts/ starts with exactly b'#!python', rewrite to point to
# the correct interpreter." Published wheels have versions and options behind it too.
_PLACEHOLDER: Final = re.compile(
    rb"\A#!pythonw?[0-9.]*(?:[ \t]+(?P<options>[^\r\n]*))?(?:\r\n|\r|\n|\Z)"
)

# PEP 263: in the first or second line.
_CODING: Final = re.compile(
    rb"\A[ \t\f]*#[^\r\n]*?coding[:=][ \t]*[-\w.]+[^\r\n]*(?:\r\n|\r|\n|\Z)"
)


def shebang(python: str) -> bytes:
    """The line or lines that make the kernel run a script with this interpreter.

    Where the kernel cannot be told in one line, `/bin/sh` is asked to: it executes the second
    line, which to Python is the first half of a string.
    """
    return _first_lines(python, [], b"")


def launcher_script(launcher: Launcher, python: str) -> bytes:
    """The script of an entry point. It imports nothing that the interpreter has not at its start."""
    first = launcher.attribute.partition(".")[0]
    body = (
        "import sys\n"
        f"from {launcher.module} import {first}\n"
        'if __name__ == "__main__":\n'
        f"    sys.exit({launcher.attribute}())\n"
    )
    return shebang(python) + body.encode()


def rewrite_shebang(content: bytes, python: str) -> bytes:
    """A wheel's script with its placeholder replaced; one that has none comes back as it is.

    Options behind the placeholder stay. Several of them become words of their own, which a first
    line alone cannot express.
    """
    match = _PLACEHOLDER.match(content)
    if match is None:
        return content
    rest = content[match.end() :]
    options = (match["options"] or b"").decode("utf-8", "replace").split()
    if not _fits_one_line(python, options):
        coding = _CODING.match(rest)
        if coding is not None:
            # It counts in the second line only, and is a comment to the shell.
            return _first_lines(python, options, coding[0].rstrip() + b"\n") + rest[coding.end() :]
    return _first_lines(python, options, b"") + rest


def _first_lines(python: str, options: Sequence[str], coding: bytes) -> bytes:
    if _fits_one_line(python, options):
        return f"#!{' '.join([python, *options])}\n".encode()
    words = " ".join(_quote(word) for word in [python, *options])
    return b"#!/bin/sh\n" + coding + f"'''exec' {words} \"$0\" \"$@\"\n' '''\n".encode()


def _fits_one_line(python: str, options: Sequence[str]) -> bool:
    """Whether the kernel can be told: it takes one option at most and knows no quoting."""
    if len(options) > 1 or _BLANK.search(python) is not None:
        return False
    return len(f"#!{' '.join([python, *options])}\n".encode()) <= _LINE_BYTES


def _quote(word: str) -> str:
    """A word that is itself to the shell and harmless within Python's triple quotes.

    A backslash begins an escape in one of them, so it is doubled where both take the pair for
    one; three apostrophes in a row never come about.
    """
    quoted = word.replace("'", "'\"'\"'").replace("\\", "'\"\\\\\"'")
    return f"'{quoted}'"
