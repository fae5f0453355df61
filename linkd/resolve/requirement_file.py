"""Requirement and constraint files (pip's requirement file format) with all that they include."""

import os.path
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from linkd.errors import (
    IncludedFileMissing,
    IncludedFileRemote,
    InvalidConstraint,
    InvalidHash,
    InvalidOptionValue,
    InvalidRequirement,
    MisplacedOption,
    MissingVariable,
    RecursiveInclude,
    UnbalancedQuote,
    UnknownFileOption,
)
from linkd.fetch.urls import redacted, redacted_line
from linkd.resolve.requirement import Asked, common_hashes, parse_editable, parse_requirement
from linkd.resolve.source import check_digest

_comment = re.compile(r"(^|\s+)#.*$")
_editable = re.compile(r"(?:-e\s*=?|--editable(?:\s+|=))\s*(?P<project>.*)")
_variable = re.compile(r"\$\{([A-Z0-9_]+)\}")
_option_begins = re.compile(r"(?:^|\s)(-.*)$")

_SHORT: Final = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-i": "--index-url",
    "-f": "--find-links",
}
_ALIASES: Final = {"--pypi-url": "--index-url"}
_FLAGS: Final = frozenset({"--no-index", "--pre", "--require-hashes", "--prefer-binary"})
_VALUED: Final = frozenset(
    {
        *_SHORT.values(),
        "--extra-index-url",
        "--hash",
        "--no-binary",
        "--only-binary",
    }
)
_STRONG_HASHES: Final = frozenset({"sha256", "sha384", "sha512"})


@dataclass(frozen=True, slots=True)
class RequirementFile:
    """A file that the client has read."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementSet:
    """What some requirement files ask for, in their order."""

    requirements: tuple[Asked, ...] = ()
    constraints: tuple[Asked, ...] = ()
    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    no_binary: tuple[str, ...] = ()
    """Values of the option, in their order; so `only_binary`."""
    only_binary: tuple[str, ...] = ()
    prerelease: bool = False
    require_hashes: bool = False


def read_requirement_files(
    roots: Sequence[RequirementFile],
    constraints: Sequence[RequirementFile] = (),
    *,
    directory: str,
) -> RequirementSet:
    """Read the files; those that they include with ``-r`` and ``-c`` are looked up among them.

    A relative path of a wheel is against `directory`, the client's own, as pip has it, and where
    nothing is there, against the folder of its file. Variables (``${NAME}``) are the client's:
    it has put in their values.

    Raises InvalidRequirementFile, InvalidRequirement and HashContradiction.
    """
    texts = {os.path.abspath(file.path): file for file in (*roots, *constraints)}
    reading = _Reading(texts, directory)
    for file in roots:
        reading.read(file, constraint=False)
    for file in constraints:
        reading.read(file, constraint=True)
    return reading.found()


@dataclass(frozen=True, slots=True)
class _Line:
    path: str
    number: int
    text: str

    @property
    def directory(self) -> str:
        return os.path.dirname(os.path.abspath(self.path))

    @property
    def origin(self) -> str:
        return f"{self.path}:{self.number}"

    def shown(self, word: str) -> str:
        """A word of the line for a message, unless it may be a part of a password with blanks."""
        bare = redacted(word)
        return bare if bare in redacted_line(self.text) else "…"

    def misplaced(self, reason: str) -> MisplacedOption:
        return MisplacedOption(path=self.path, line=self.number, reason=reason)

    def wrong_value(self, option: str, reason: str) -> InvalidOptionValue:
        return InvalidOptionValue(path=self.path, line=self.number, option=option, reason=reason)

    def wrong_hash(self, reason: str) -> InvalidHash:
        return InvalidHash(path=self.path, line=self.number, reason=reason)

    def no_constraint(self, reason: str) -> InvalidConstraint:
        return InvalidConstraint(path=self.path, line=self.number, reason=reason)


@dataclass(slots=True)
class _Reading:
    """What was found so far; each file counts once in each of its two roles."""

    texts: Mapping[str, RequirementFile]
    directory: str
    requirements: list[Asked] = field(default_factory=list)
    constraints: list[Asked] = field(default_factory=list)
    index_url: str | None = None
    extra_index_urls: list[str] = field(default_factory=list)
    find_links: list[str] = field(default_factory=list)
    no_binary: list[str] = field(default_factory=list)
    only_binary: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    _seen: set[tuple[str, bool]] = field(default_factory=set)
    _open: list[str] = field(default_factory=list)
    """Paths of the files that are being read, each included by the one before."""

    def read(self, file: RequirementFile, *, constraint: bool) -> None:
        path = os.path.abspath(file.path)
        if (path, constraint) in self._seen:
            return
        self._seen.add((path, constraint))
        self._open.append(path)
        self._read_lines(file, constraint=constraint)
        self._open.pop()

    def _read_lines(self, file: RequirementFile, *, constraint: bool) -> None:
        for line in _logical_lines(file):
            editable = _editable.fullmatch(line.text)
            if editable and not constraint:
                self.requirements.append(_parse_editable(line, editable["project"], self.directory))
            elif line.text.startswith("-"):
                self._take_options(line)
            elif constraint:
                self.constraints.append(_parse_constraint(line, self.directory))
            else:
                self._take_requirement(line)

    def _take_requirement(self, line: _Line) -> None:
        """One that is held to a hash holds all others to theirs (pip's hash-checking mode)."""
        if "--hash" in line.text:
            self.flags.add("--require-hashes")
        self.requirements.append(_parse_line(line, self.directory))

    def found(self) -> RequirementSet:
        return RequirementSet(
            requirements=tuple(self.requirements),
            constraints=tuple(self.constraints),
            index_url=self.index_url,
            extra_index_urls=tuple(self.extra_index_urls),
            find_links=tuple(self.find_links),
            no_index="--no-index" in self.flags,
            no_binary=tuple(self.no_binary),
            only_binary=tuple(self.only_binary),
            prerelease="--pre" in self.flags,
            require_hashes="--require-hashes" in self.flags,
        )

    def _take_options(self, line: _Line) -> None:
        for name, value in _options(line, line.text):
            if name in _FLAGS:
                self.flags.add(name)
            else:
                self._handler(name, line)(value)

    def _handler(self, name: str, line: _Line) -> Callable[[str], None]:
        if name == "--editable":
            raise line.misplaced("-e stands alone in its line, and in no constraint file")
        if name == "--hash":
            raise line.misplaced("--hash belongs behind a requirement")
        handlers: dict[str, Callable[[str], None]] = {
            "--requirement": lambda value: self._include(line, value, constraint=False),
            "--constraint": lambda value: self._include(line, value, constraint=True),
            "--index-url": self._set_index_url,
            "--extra-index-url": self.extra_index_urls.append,
            "--find-links": lambda value: self.find_links.append(
                _find_links(line, value, self.directory)
            ),
            "--only-binary": self.only_binary.append,
            "--no-binary": self.no_binary.append,
        }
        return handlers[name]

    def _set_index_url(self, value: str) -> None:
        self.index_url = value

    def _include(self, line: _Line, value: str, *, constraint: bool) -> None:
        if "://" in value:
            raise IncludedFileRemote(path=line.path, line=line.number)
        path = os.path.normpath(os.path.join(line.directory, value))
        file = self.texts.get(path)
        if path in self._open:
            chain = (*self._open[self._open.index(path) :], path)
            raise RecursiveInclude(path=line.path, line=line.number, included=path, chain=chain)
        if file is None:
            raise IncludedFileMissing(path=line.path, line=line.number, included=path)
        self.read(file, constraint=constraint)


def _logical_lines(file: RequirementFile) -> Iterator[_Line]:
    """Lines with continuations joined and comments removed; none is empty."""
    for number, text in _joined_lines(file.text.removeprefix("\ufeff")):
        bare = _comment.sub("", text).strip()
        if variable := _variable.search(bare):
            # The client has put the values of all others in.
            raise MissingVariable(path=file.path, line=number, variable=variable[1])
        if bare:
            yield _Line(file.path, number, bare)


def _joined_lines(text: str) -> Iterator[tuple[int, str]]:
    """As pip joins them: a comment ends a continued line, though its own end continues nothing."""
    parts: list[str] = []
    begin = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not parts:
            begin = number
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            parts.append(line[:-1])
            continue
        parts.append(f" {line}" if is_comment else line)
        yield begin, "".join(parts)
        parts = []
    if parts:
        yield begin, "".join(parts)


def _options(line: _Line, text: str) -> Iterator[tuple[str, str]]:
    """Options by their long names, with their values (flags have an empty one)."""
    try:
        words = iter(shlex.split(text))
    except ValueError as error:
        reason = str(error).lower()
        raise UnbalancedQuote(path=line.path, line=line.number, reason=reason) from error
    for word in words:
        name, value = _split_option(word)
        name = _ALIASES.get(name, name)
        if not name.startswith("-"):
            raise line.misplaced(f"{line.shown(word)!r} stands where an option is expected")
        if name in _FLAGS:
            if value is not None:
                raise line.wrong_value(name, "takes no value")
            yield name, ""
            continue
        if name not in _VALUED:
            raise UnknownFileOption(path=line.path, line=line.number, option=line.shown(name))
        if value is None:
            value = next(words, None)
        if not value:
            raise line.wrong_value(name, "wants a value")
        yield name, value


def _split_option(word: str) -> tuple[str, str | None]:
    """``--name=value``, ``-rvalue`` or the name alone."""
    if word.startswith("--"):
        name, separator, value = word.partition("=")
        return name, value if separator else None
    long = _SHORT.get(word[:2], word)
    value = word[2:].removeprefix("=")
    return long, (value or None) if long != word else None


def _find_links(line: _Line, value: str, directory: str) -> str:
    """A relative folder is against the file's own, if it is there; otherwise the client's."""
    if "://" in value:
        return value
    beside = os.path.join(line.directory, value)
    return beside if os.path.exists(beside) else os.path.join(directory, value)


def _parse_line(line: _Line, directory: str) -> Asked:
    """One requirement with its ``--hash`` options."""
    text, options = _split_requirement(line.text)
    asked = _parse_against(parse_requirement, line, text, directory)
    if not options:
        return asked
    hashes: dict[str, frozenset[str]] = {}
    for name, value in _options(line, options):
        if name != "--hash":
            raise line.misplaced(f"{name} cannot stand behind a requirement")
        algorithm, digest = _parse_hash(line, value)
        hashes[algorithm] = hashes.get(algorithm, frozenset()) | {digest}
    return replace(asked, hashes=common_hashes((asked, replace(asked, hashes=hashes))))


def _parse_editable(line: _Line, text: str, directory: str) -> Asked:
    return _parse_against(parse_editable, line, text, directory)


class _Parse(Protocol):
    def __call__(self, text: str, /, *, origin: str, directory: str) -> Asked: ...


def _parse_against(parse: _Parse, line: _Line, text: str, directory: str) -> Asked:
    """A relative path is against the client's folder, or where nothing is there, the file's."""
    try:
        return parse(text, origin=line.origin, directory=directory)
    except InvalidRequirement as error:
        try:
            return parse(text, origin=line.origin, directory=line.directory)
        except InvalidRequirement:
            raise error from None


def _split_requirement(text: str) -> tuple[str, str]:
    """The requirement and the options behind it: the first word that begins with a dash."""
    match = _option_begins.search(text)
    if match is None:
        return text, ""
    return text[: match.start()], match[1]


def _parse_hash(line: _Line, value: str) -> tuple[str, str]:
    algorithm, separator, digest = value.partition(":")
    if not separator or algorithm not in _STRONG_HASHES:
        wanted = ", ".join(sorted(_STRONG_HASHES))
        shown = line.shown(value)
        raise line.wrong_hash(f"--hash wants algorithm:digest with one of {wanted}, not {shown!r}")
    try:
        return algorithm, check_digest(algorithm, digest)
    except ValueError as error:
        reason = f"{line.shown(digest)!r} is not a {algorithm} digest in hexadecimal"
        raise line.wrong_hash(reason) from error


def _parse_constraint(line: _Line, directory: str) -> Asked:
    try:
        asked = _parse_line(line, directory)
    except InvalidRequirement as error:
        raise line.no_constraint(error.reason) from error
    if asked.extras:
        raise line.no_constraint("it must not name extras")
    if asked.source is not None:
        raise line.no_constraint("it must not name what has to be built")
    return asked
