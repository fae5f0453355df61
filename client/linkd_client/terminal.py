"""Standard output and standard error: text to people and pipes, and the one live progress line.

Bytes go to the descriptors at once and in order, past Python's own buffers: those keep what a
closed pipe did not take and complain about it when the interpreter ends.
"""

from __future__ import annotations

import os
import sys

from linkd_client.errors import ClientError, reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from linkd_client.arguments import Arguments

_ERASE = "\r\x1b[K"


class Stream:
    """One of the two standard streams."""

    def __init__(self, stream: TextIO | None, descriptor: int) -> None:
        """`stream` is Python's own; None if the descriptor was closed when Python started."""
        self._descriptor = descriptor
        self._encoding = stream.encoding if stream else "utf-8"
        self._is_open = stream is not None
        self.is_terminal = self._is_open and os.isatty(descriptor)

    def write(self, text: str) -> None:
        """Write text; what the encoding has not is replaced."""
        self.write_bytes(text.encode(self._encoding, "replace"))

    def write_bytes(self, data: bytes) -> None:
        """Write all of it. A reader that has gone ends the output, not the command.

        Raises ClientError if it cannot be written for another reason.
        """
        while data and self._is_open:
            data = data[self._write_some(data) :]

    def _write_some(self, data: bytes) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            self._wait()
        except BrokenPipeError:
            self._is_open = False
        except OSError as error:
            self._is_open = False
            raise ClientError(f"the output cannot be written: {reason_of(error)}") from error
        return 0

    def _wait(self) -> None:
        """Wait where another process has made the terminal or pipe non-blocking, and it is full."""
        import select  # noqa: PLC0415

        select.select([], [self._descriptor], [])


class Terminal:
    """The two streams, and what the daemon has to know of them to render for them."""

    def __init__(self) -> None:
        self.out = Stream(sys.stdout, 1)
        self.err = Stream(sys.stderr, 2)
        self._is_drawn = False

    def describe(self, arguments: Arguments) -> str:
        """The value of the header ``Linkd-Terminal``; no columns if there is no terminal."""
        smart = os.environ.get("TERM") != "dumb" and not arguments.wants_json
        color = smart and self.out.is_terminal and not os.environ.get("NO_COLOR")
        verbosity = arguments.count("--verbose") - arguments.count("--quiet")
        silent = "--no-progress" in arguments or "--quiet" in arguments
        progress = smart and self.err.is_terminal and not silent
        columns = self._columns()
        width = f"columns={columns}," if columns else ""
        return f"{width}color={color:d},progress={progress:d},verbosity={verbosity}"

    def print(self, stream: Stream, text: str) -> None:
        """Print a line, past the progress line if there is one."""
        self.show_progress("")
        stream.write(text + "\n")

    def complain(self, text: str) -> None:
        """Tell what is wrong, on standard error."""
        self.print(self.err, f"linkd: {text}")

    def show_progress(self, text: str) -> None:
        """Draw the progress line anew; without text, take it away."""
        if text or self._is_drawn:
            self._is_drawn = True  # said before it is true: Ctrl-C may come in between
            self.err.write(_ERASE + text)
            self._is_drawn = bool(text)

    def _columns(self) -> int:
        for stream, descriptor in ((self.out, 1), (self.err, 2)):
            if stream.is_terminal:
                try:
                    return os.get_terminal_size(descriptor).columns
                except OSError:
                    continue
        return 0
