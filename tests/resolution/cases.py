"""The resolution cases: universes of releases, what is asked of them, and what uv answers.

Each file of ``tests/cases/resolution/`` is a topic. Its head and the cases are written by hand;
``uv`` in the head and the table ``[case.uv]`` at the end of each case by ``make resolutions``.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

FOLDER: Final = Path(__file__).parents[1] / "cases" / "resolution"


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a project; its key is ``name version``, and tags or ``sdist`` where it matters."""

    requires: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = {}
    python: str | None = None
    yanked: bool | str = False
    at: str = "index"
    """The index, or the folder, that has it."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a resolver says: pins, sorted, or why there are none."""

    pins: tuple[str, ...] = ()
    """``name==version``, or ``name @ url``."""
    error: str = ""


class Difference(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What linkd answers where it is not, on purpose, what uv does."""

    because: str


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    name: str
    about: str
    """One claim."""
    releases: Mapping[str, tuple[str, ...] | Release]
    """By key; those with requirements alone are lists of them."""
    require: tuple[str, ...] = ()
    """Lines of a requirement file. ``{index}`` stands for an index's root."""
    constrain: tuple[str, ...] = ()
    project: str = ""
    """A pyproject.toml whose requirements are wanted, too."""
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    preferred: Mapping[str, str] = {}
    """What is there already, by project: installed for linkd, in the output file for uv."""
    upgrade: bool | tuple[str, ...] = False
    prerelease: bool = False
    no_deps: bool = False
    no_index: bool = False
    no_binary: tuple[str, ...] = ()
    only_binary: tuple[str, ...] = ()
    extra_indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    uv_options: tuple[str, ...] = ()
    """What uv has to be told besides, for its question to be the same."""
    clash: tuple[str, ...] = ()
    """What linkd's explanation has to name, where there is no answer."""
    linkd: Difference | None = None
    uv: Answer | None = None

    @property
    def expected(self) -> Answer:
        """What linkd has to answer."""
        answer = self.linkd or self.uv
        assert answer is not None, f"{self.name} is not recorded: make resolutions"
        return answer

    def files(self) -> Iterator[tuple[str, str, str, Release]]:
        """(name, version, tags, release) of each file."""
        for key, release in self.releases.items():
            name, version, *tags = key.split()
            whole = release if isinstance(release, Release) else Release(requires=release)
            yield name, version, tags[0] if tags else "py3-none-any", whole


class Topic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file."""

    case: tuple[Case, ...]
    uv: str = ""
    """The version of uv that answered."""


def topic_files() -> list[Path]:
    return sorted(FOLDER.glob("*.toml"))


def read_topic(path: Path) -> Topic:
    return msgspec.toml.decode(path.read_bytes(), type=Topic)


def with_answers(text: str, version: str, answers: Mapping[str, Answer]) -> str:
    """A topic's text with the answers of a version of uv in place of those that it had."""
    head, *blocks = re.split(r"(?m)^(?=\[\[case\]\]$)", text)
    head = re.sub(r'(?m)^uv = ".*"\n', "", head).rstrip("\n")
    renewed = [f'{head}\nuv = "{version}"\n']
    for block in blocks:
        name = msgspec.toml.decode(block)["case"][0]["name"]
        written = re.split(r"(?m)^\[case\.uv\]$", block)[0].rstrip("\n")
        renewed.append(f"{written}\n\n[case.uv]\n{_lines(answers[name])}")
    return "\n".join(renewed)


def _lines(answer: Answer) -> str:
    if answer.error:
        return f"error = '''\n{answer.error}'''\n"
    one = ", ".join(f'"{pin}"' for pin in answer.pins)
    if len(one) < 90:
        return f"pins = [{one}]\n"
    return "pins = [\n" + "".join(f'    "{pin}",\n' for pin in answer.pins) + "]\n"
