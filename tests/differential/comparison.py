"""Compares what three installers did, and sorts the differences into those that are known and others."""

import enum
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.differential.trees import Entry, Tree

TOOLS: Final = ("linkd", "pip", "uv")
NOBODY: Final = "nobody"
"""In place of the one that stands alone, where no two agree."""


class Aspect(enum.StrEnum):
    """What can differ."""

    PRESENCE = "presence"
    """Whether there is something, and whether it is a file, a folder or a link."""
    CONTENT = "content"
    MODE = "mode"
    RECORD = "record"
    """Whether a path is in RECORD, and what is said of it there."""
    OUTCOME = "outcome"
    """Whether a wheel was installed or refused."""
    RUN = "run"
    """What a script did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that is not the same in all three."""

    aspect: Aspect
    project: str
    """Empty where no RECORD has the path."""
    path: str
    values: Mapping[str, str]
    """By tool."""

    @property
    def alone(self) -> str:
        """The tool that the other two disagree with."""
        for tool in TOOLS:
            others = {self.values[other] for other in TOOLS if other != tool}
            if len(others) == 1:
                return tool
        return NOBODY

    def __str__(self) -> str:
        values = ", ".join(f"{tool}: {value}" for tool, value in self.values.items())
        return f"{self.project or '(nobody)'}: {self.aspect} of {self.path}: {values}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """A kind of difference that may be, and why."""

    name: str
    reason: str
    aspects: tuple[Aspect, ...]
    path: str
    """Regular expression for all of the path; the names in RECORD are as they are written."""
    alone: tuple[str, ...]
    """Who may differ from the other two."""
    projects: tuple[str, ...] = ()
    """The only ones that it is allowed for; all of them if there is none."""
    oddity: bool = False
    """Whether only made wheels show it, so that it need not occur among published ones."""

    def covers(self, difference: Difference) -> bool:
        return (
            difference.aspect in self.aspects
            and difference.alone in self.alone
            and (not self.projects or difference.project in self.projects)
            and re.fullmatch(self.path, difference.path, re.DOTALL) is not None
        )


@dataclass(slots=True)
class Verdict:
    """The differences of any number of comparisons."""

    allowed: Counter[str] = field(default_factory=Counter)
    """How often each kind of allowed difference was seen, by its name."""
    unexpected: list[Difference] = field(default_factory=list)

    def judge(self, differences: Iterable[Difference], rules: Iterable[Allowed]) -> None:
        known = tuple(rules)
        for difference in differences:
            rule = next((rule for rule in known if rule.covers(difference)), None)
            if rule is None:
                self.unexpected.append(difference)
            else:
                self.allowed[rule.name] += 1

    def stale(self, rules: Iterable[Allowed]) -> list[str]:
        """Names of what is allowed and was never seen."""
        return [rule.name for rule in rules if not self.allowed[rule.name]]


def compare(trees: Mapping[str, Tree]) -> Iterator[Difference]:
    """Every difference between what the three tools left."""
    owners = {path: name for tool in reversed(TOOLS) for path, name in trees[tool].owners.items()}
    for path in sorted(set().union(*(tree.entries for tree in trees.values()))):
        entries = {tool: trees[tool].entries.get(path) for tool in TOOLS}
        for aspect, values in _aspects(entries):
            if len(set(values.values())) > 1:
                project = owners.get(path, "")
                yield Difference(aspect=aspect, project=project, path=path, values=values)
    for project in sorted(set().union(*(tree.records for tree in trees.values()))):
        rows = {tool: trees[tool].records.get(project, {}) for tool in TOOLS}
        for path in sorted(set().union(*rows.values())):
            values = {tool: rows[tool].get(path, "not there") for tool in TOOLS}
            if len(set(values.values())) > 1:
                yield Difference(aspect=Aspect.RECORD, project=project, path=path, values=values)


def _aspects(entries: Mapping[str, Entry | None]) -> Iterator[tuple[Aspect, dict[str, str]]]:
    there = {tool: entry for tool, entry in entries.items() if entry is not None}
    kinds = {tool: there[tool].kind if tool in there else "not there" for tool in entries}
    yield Aspect.PRESENCE, kinds
    if len(set(kinds.values())) > 1:
        return
    yield Aspect.MODE, {tool: entry.mode for tool, entry in there.items()}
    yield Aspect.CONTENT, {tool: entry.content for tool, entry in there.items()}
