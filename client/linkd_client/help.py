"""Help, usage and hints, made from the table of commands; imported only when they are printed."""

from __future__ import annotations

import difflib
import os
import textwrap

from linkd_client import __version__
from linkd_client.commands import COMMANDS
from linkd_client.options import COMMON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from linkd_client.arguments import Arguments, Command, Option
    from linkd_client.errors import UsageError

_PROGRAM = "linkd-client"
_WIDEST = 100
_INDENT = 2
_LEFT_COLUMN = 30

_EXIT_CODES = (
    ("0", "done"),
    ("1", "refused or failed, the environment as before"),
    ("2", "wrong usage"),
    ("3", "no daemon"),
)


def answer(arguments: Arguments) -> str:
    """What ``--version`` or ``--help`` prints."""
    if "--version" in arguments:
        return f"{_PROGRAM} {__version__}"
    return _command_help(arguments.command) if arguments.command else _overview()


def explain(error: UsageError) -> str:
    """The reason with a hint, and how it is done right, in two lines."""
    reason = f"linkd: {error}"
    alike = difflib.get_close_matches(error.word, error.known, 1)
    if alike:
        reason += f"; did you mean {alike[0]!r}?"
    asked = f"{_PROGRAM} {error.command.name}" if error.command else _PROGRAM
    return f"{reason}\nusage: {_usage(error.command)}  (more: {asked} --help)"


def _usage(command: Command | None) -> str:
    if command is None:
        return f"{_PROGRAM} COMMAND [OPTION...]"
    return f"{_PROGRAM} {command.name} [OPTION...] {command.words}".rstrip()


def _overview() -> str:
    commands = [(command.name, command.summary) for command in COMMANDS.values()]
    return "\n\n".join(
        (
            f"usage: {_usage(None)}",
            "Makes Python environments appear from linkd's cache.",
            _section("Commands", commands),
            _section("Options of every command", map(_row, COMMON)),
            _section("Exit codes", _EXIT_CODES),
            f"More on a command: {_PROGRAM} COMMAND --help",
        )
    )


def _command_help(command: Command) -> str:
    parts = [f"usage: {_usage(command)}", command.summary]
    if command.options:
        parts.append(_section("Options", map(_row, command.options)))
    parts.append(_section("Options of every command", map(_row, COMMON)))
    return "\n\n".join(parts)


def _row(option: Option) -> tuple[str, str]:
    """How the option is written, and what it does; long names stand below one another."""
    names = ", ".join(option.names)
    written = f"    {names}" if names.startswith("--") else names
    summary = option.summary
    if option.choices:
        summary += f": {', '.join(option.choices)}"
    if option.takes_value:
        written += f" {option.metavar}"
    if option.takes_value and option.repeatable:
        summary += " (repeatable)"
    return written, summary


def _section(title: str, rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join([f"{title}:", *(_two_columns(left, right) for left, right in rows)])


def _two_columns(left: str, right: str) -> str:
    """The right column begins on a line of its own where the left one is too wide for it."""
    margin = " " * (_INDENT + _LEFT_COLUMN)
    first = f"{' ' * _INDENT}{left:<{_LEFT_COLUMN}}"
    if len(left) >= _LEFT_COLUMN:
        first += f"\n{margin}"
    lines = textwrap.wrap(right, max(_width() - len(margin), 20))
    return first + f"\n{margin}".join(lines)


def _width() -> int:
    try:
        columns = os.get_terminal_size(1).columns
    except OSError:
        columns = 0
    return min(columns or _WIDEST, _WIDEST)
