"""The command line, parsed by a table of options (POSIX utility conventions, GNU long options).

Long options cannot be abbreviated: a script must not change its meaning, or break, because a
later version has one more option. Nothing given is dropped: an option that takes one value and is
given twice is an error, and so is a value that looks like an option or is empty.
"""

from __future__ import annotations

from linkd_client.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from linkd_client.wire import Json, Request


class Option:
    """One option: what it is called, what it takes, and what it becomes."""

    def __init__(
        self,
        names: str,
        summary: str,
        *,
        member: str = "",
        metavar: str = "",
        choices: tuple[str, ...] = (),
        repeatable: bool = False,
    ) -> None:
        self.names = tuple(names.split("/"))
        """Short before long, as people write them: ``-r``, ``--requirement``."""
        self.summary = summary
        self.member = member
        """The request's member that it becomes as it stands; empty if the client uses it."""
        self.metavar = metavar
        """What its value is called in the help; empty for a flag."""
        self.choices = choices
        self.repeatable = repeatable

    @property
    def key(self) -> str:
        return self.names[-1]

    @property
    def takes_value(self) -> bool:
        return bool(self.metavar)

    def json(self, values: Sequence[str]) -> Json:
        """Its occurrences as the request's member has them."""
        if not self.takes_value:
            return True
        return list(values) if self.repeatable else values[0]


class Command:
    """One command: its words, its options, and how they become a request."""

    def __init__(
        self,
        name: str,
        words: str,
        summary: str,
        options: tuple[Option, ...],
        request: Callable[[Arguments], Request],
        *,
        starts_daemon: bool = True,
    ) -> None:
        self.name = name
        self.words = words
        """What it takes besides options, as the usage line shows it."""
        self.summary = summary
        self.options = options
        self.request = request
        self.starts_daemon = starts_daemon


class Arguments:
    """What a command line says: its words, and each option's values in their order."""

    def __init__(self) -> None:
        self.command: Command | None = None
        self.words: list[str] = []
        self.values: dict[str, list[str]] = {}

    def count(self, key: str) -> int:
        """How often the option was given."""
        return len(self.values.get(key, ()))

    def all(self, key: str) -> list[str]:
        return self.values.get(key, [])

    def one(self, key: str) -> str | None:
        return self.values[key][0] if key in self.values else None

    def __contains__(self, key: str) -> bool:
        return key in self.values

    @property
    def wants_json(self) -> bool:
        return "--json" in self


def parse(
    argv: Sequence[str], commands: Mapping[str, Command], common: Iterable[Option]
) -> Arguments:
    """Parse up to the end, or up to a ``--help`` or ``--version``. Raises UsageError.

    The common options may stand before the command as well as after it.
    """
    return _Parser(argv, commands, common).parse()


class _Parser:
    def __init__(
        self, argv: Sequence[str], commands: Mapping[str, Command], common: Iterable[Option]
    ) -> None:
        self.pending = list(reversed(argv))
        self.commands = commands
        self.options = {name: option for option in common for name in option.names}
        self.arguments = Arguments()

    def parse(self) -> Arguments:
        only_words = False
        while self.pending and not self._is_answered_at_once():
            argument = self.pending.pop()
            if only_words or argument == "-" or not argument.startswith("-"):
                self._take_word(argument)
            elif argument == "--":
                only_words = True
            elif argument.startswith("--"):
                self._take_long(argument)
            else:
                self._take_short(argument)
        return self.arguments

    def _is_answered_at_once(self) -> bool:
        return "--help" in self.arguments or "--version" in self.arguments

    def _take_word(self, word: str) -> None:
        if not word:
            raise self._error("an argument is empty")
        if self.arguments.command is not None:
            self.arguments.words.append(word)
            return
        command = self.commands.get(word)
        if command is None:
            raise UsageError(f"unknown command {word!r}", word=word, known=self.commands)
        self.arguments.command = command
        for option in command.options:
            self.options.update(dict.fromkeys(option.names, option))

    def _take_long(self, argument: str) -> None:
        name, equals, value = argument.partition("=")
        option = self._option(name)
        if not option.takes_value:
            if equals:
                raise self._error(f"{name} takes no value, but was given {value!r}")
            self._add(option, name, "")
        else:
            self._add(option, name, value if equals else self._next_value(name))

    def _take_short(self, argument: str) -> None:
        """``-qv`` is ``-q -v``; ``-rfile`` is ``-r file``."""
        letters = argument[1:]
        while letters:
            name, letters = f"-{letters[0]}", letters[1:]
            option = self._option(name)
            if option.takes_value:
                self._add(option, name, letters or self._next_value(name))
                return
            self._add(option, name, "")

    def _option(self, name: str) -> Option:
        option = self.options.get(name)
        if option is None:
            command = self.arguments.command
            of = f" of {command.name}" if command else ""
            raise self._error(f"unknown option {name!r}{of}", word=name, known=self.options)
        return option

    def _next_value(self, name: str) -> str:
        if not self.pending:
            raise self._error(f"{name} needs a value")
        value = self.pending.pop()
        if value.startswith("-") and value != "-":
            raise self._error(f"{name} needs a value, but {value!r} follows it")
        return value

    def _add(self, option: Option, name: str, value: str) -> None:
        if option.takes_value and not value:
            raise self._error(f"the value of {name} is empty")
        if option.choices and value not in option.choices:
            choices = ", ".join(option.choices)
            raise self._error(
                f"{name} is one of {choices}, not {value!r}", word=value, known=option.choices
            )
        values = self.arguments.values.setdefault(option.key, [])
        if values and option.takes_value and not option.repeatable:
            raise self._error(f"{name} was given twice: {values[0]!r} and {value!r}")
        values.append(value)

    def _error(self, reason: str, *, word: str = "", known: Iterable[str] = ()) -> UsageError:
        return UsageError(reason, self.arguments.command, word=word, known=tuple(known))
