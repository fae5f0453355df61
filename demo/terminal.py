"""How the demo looks: colours only on a terminal, no line wider than it, one live line."""

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import Final

_WIDEST: Final = 100
_NARROWEST: Final = 72
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"
"""Holds a figure and its unit together while lines are broken."""
_PLAIN: Final = str.maketrans("·━█●○—…", ".-#@o-~")
"""For a terminal that cannot show the others."""


class Terminal:
    """Standard output, and what it can do."""

    def __init__(self) -> None:
        is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self.is_live: Final = is_terminal
        self._colors = is_terminal and not os.environ.get("NO_COLOR")
        self._plain = not _can_show("·━█●○—…")
        columns = shutil.get_terminal_size((80, 24)).columns
        self.width: Final = min(max(columns, _NARROWEST), _WIDEST)

    def say(self, text: str = "") -> None:
        self.show("")
        sys.stdout.write(f"{self._spelled(text.rstrip())}\n")
        sys.stdout.flush()

    def head(self, title: str, note: str = "") -> None:
        """Begin a part of the report."""
        self.say()
        self.say(f"{self.bold(title)}  {self.dim(note)}" if note else self.bold(title))

    def wrap(self, text: str, indent: str = "  ", hanging: str | None = None) -> None:
        for line in textwrap.wrap(
            text,
            self.width,
            initial_indent=indent,
            subsequent_indent=indent if hanging is None else hanging,
            break_long_words=False,
            break_on_hyphens=False,
        ):
            self.say(line)

    def show(self, text: str) -> None:
        """Draw the live line anew; without text, take it away."""
        if self.is_live:
            sys.stdout.write(f"\r\x1b[K{self._spelled(self.dim(text)) if text else ''}")
            sys.stdout.flush()

    def bold(self, text: str) -> str:
        return self._paint(text, "1")

    def dim(self, text: str) -> str:
        return self._paint(text, "2")

    def red(self, text: str) -> str:
        return self._paint(text, "1;31")

    def green(self, text: str) -> str:
        return self._paint(text, "32")

    def blue(self, text: str) -> str:
        return self._paint(text, "34")

    def bar(self, parts: Sequence[tuple[str, float]], scale: float, width: int) -> str:
        """Glyphs, as many as each one's value is of `scale`, which is `width` cells.

        What is there at all gets a cell.
        """
        cells = ""
        total = 0.0
        present = [(glyph, value) for glyph, value in parts if value > 0]
        for number, (glyph, value) in enumerate(present):
            total += value
            most = width - (len(present) - 1 - number)
            end = min(max(round(total / scale * width), len(cells) + 1), most)
            cells = cells[:end].ljust(end, glyph)
        return self._painted(cells) + " " * (width - len(cells))

    def _painted(self, cells: str) -> str:
        paints = {"·": self.dim, "━": self.blue, "█": self.green}
        runs = (("".join(run), paints.get(glyph, str)) for glyph, run in groupby(cells))
        return "".join(paint(run) for run, paint in runs)

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colors else text

    def _spelled(self, text: str) -> str:
        text = text.replace(_NO_BREAK, " ")
        return text.translate(_PLAIN) if self._plain else text


def _can_show(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def seconds(value: float) -> str:
    figure = f"{value * 1000:.0f} ms" if value < 0.9995 else f"{value:.2f} s"
    return figure.replace(" ", _NO_BREAK)


def size(count: float) -> str:
    """Bytes in powers of 1,024."""
    if count < 1024:
        return f"{count:.0f}{_NO_BREAK}B"
    for unit in ("KiB", "MiB"):
        count /= 1024
        if count < 1024:
            return f"{count:.1f}{_NO_BREAK}{unit}"
    return f"{count / 1024:.2f}{_NO_BREAK}GiB"
