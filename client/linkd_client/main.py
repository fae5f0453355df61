"""From the command line to the exit code: one request to the daemon, its answer printed."""

from __future__ import annotations

import sys

from linkd_client.arguments import parse
from linkd_client.commands import COMMANDS
from linkd_client.connection import exchange, socket_path
from linkd_client.errors import ClientError, NoDaemon, UsageError
from linkd_client.options import COMMON
from linkd_client.terminal import Terminal
from linkd_client.wire import DAEMON_ENDED, JSON, LINES, NOT_LINKD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from linkd_client.arguments import Arguments, Command
    from linkd_client.wire import Answer

_DONE, _FAILED, _WRONG_USAGE, _INTERRUPTED = 0, 1, 2, 130


def main() -> int:
    """Carry out the process's own command line; the exit code, as INTERFACE fixes them."""
    terminal = Terminal()
    try:
        return _run(sys.argv[1:], terminal)
    except UsageError as error:
        from linkd_client.help import explain  # noqa: PLC0415

        terminal.print(terminal.err, explain(error))
        return error.exit_code
    except ClientError as error:
        terminal.complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        terminal.show_progress("")
        return _INTERRUPTED


def _run(argv: list[str], terminal: Terminal) -> int:
    arguments = parse(argv, COMMANDS, COMMON)
    if "--help" in arguments or "--version" in arguments:
        from linkd_client.help import answer  # noqa: PLC0415

        terminal.print(terminal.out, answer(arguments))
        return _DONE
    if arguments.command is None:
        raise UsageError("a command is missing", known=COMMANDS)
    return _ask(arguments.command, arguments, terminal)


def _ask(command: Command, arguments: Arguments, terminal: Terminal) -> int:
    request = command.request(arguments).to_bytes(
        JSON if arguments.wants_json else LINES, terminal.describe(arguments)
    )
    autostart = command.starts_daemon and "--no-autostart" not in arguments
    answer = exchange(request, socket_path(arguments.one("--socket")), autostart=autostart)
    try:
        if arguments.wants_json:
            return _print_json(answer, terminal)
        if answer.content_type == LINES:
            return _print_lines(answer, terminal)
        return _print_problem(answer, terminal)
    finally:
        answer.close()


def _print_lines(answer: Answer, terminal: Terminal) -> int:
    """Each line goes where its first character says; the last one is the exit code."""
    for line in answer.lines():
        channel, text = line[:1], line[1:].decode("utf-8", "replace")
        if channel == b"o":
            terminal.print(terminal.out, text)
        elif channel == b"e":
            terminal.print(terminal.err, text)
        elif channel == b"p":
            terminal.show_progress(text)
        elif channel == b"x" and text.isdigit():
            terminal.show_progress("")
            return int(text)
        else:
            raise NoDaemon(NOT_LINKD)
    raise NoDaemon(DAEMON_ENDED)


def _print_json(answer: Answer, terminal: Terminal) -> int:
    terminal.out.write_bytes(_body(answer) + b"\n")
    return _exit_code(answer)


def _print_problem(answer: Answer, terminal: Terminal) -> int:
    """An answer that nobody rendered: a problem document (RFC 9457), or nothing known."""
    from linkd_client.problem import describe  # noqa: PLC0415

    terminal.complain(describe(_body(answer), answer.reason))
    return _exit_code(answer) or _FAILED


def _body(answer: Answer) -> bytes:
    body = b"".join(answer.pieces())
    if not answer.is_complete:
        raise NoDaemon(DAEMON_ENDED)
    return body


def _exit_code(answer: Answer) -> int:
    """What the daemon says, else what follows from the status."""
    said = answer.headers.get("linkd-exit", "")
    if said.isdigit():
        return int(said)
    if answer.status == 200:
        return _DONE
    return _WRONG_USAGE if answer.status in {400, 422} else _FAILED
