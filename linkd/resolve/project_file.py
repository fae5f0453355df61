"""Requirements of a project: `pyproject.toml`'s dependencies, extras (PEP 621) and groups (PEP 735)."""

import os
import tomllib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from packaging.dependency_groups import CyclicDependencyGroup, resolve_dependency_groups
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from linkd.errors import (
    DynamicDependencies,
    GroupCycle,
    InvalidProjectFile,
    ProjectFileContent,
    ProjectFileSyntax,
    ProjectTableMissing,
    UnknownExtra,
    UnknownGroup,
)
from linkd.resolve.requirement import Asked, parse_requirement
from linkd.resolve.requirement_file import RequirementFile
from linkd.resolve.toml_syntax import toml_line, toml_reason


def is_project_file(path: str) -> bool:
    return os.path.basename(path) == "pyproject.toml"


def read_project_file(
    file: RequirementFile, *, extras: Collection[str] = (), groups: Collection[str] = ()
) -> tuple[Asked, ...]:
    """What the project needs, with what the extras and groups need. Nothing of it is built.

    Raises InvalidProjectFile, also for an extra or group that it does not have, and
    InvalidRequirement.
    """
    content = _parse(file)
    if "project" not in content and not groups:
        raise ProjectTableMissing(path=file.path, reason="it has no [project] table")
    return tuple(
        _asked(file, place, text)
        for place, text in (
            *_dependencies(file, content.get("project"), extras),
            *_groups(file, content.get("dependency-groups"), groups),
        )
    )


def read_dependency_groups(file: RequirementFile, groups: Collection[str]) -> tuple[Asked, ...]:
    """What the groups need, and nothing of what the project does. Raises as `read_project_file`."""
    table = _parse(file).get("dependency-groups")
    return tuple(_asked(file, place, text) for place, text in _groups(file, table, groups))


def _parse(file: RequirementFile) -> dict[str, Any]:
    try:
        return tomllib.loads(file.text)
    except tomllib.TOMLDecodeError as error:
        line = toml_line(error, file.text)
        raise ProjectFileSyntax(path=file.path, within=line, reason=toml_reason(error)) from error


def _asked(file: RequirementFile, place: str, text: str) -> Asked:
    directory = os.path.dirname(file.path)
    return parse_requirement(text, origin=f"{file.path} {place}", directory=directory)


def _dependencies(
    file: RequirementFile, project: Any, extras: Collection[str]
) -> Iterator[tuple[str, str]]:
    table = _table(file, project, "project")
    if {"dependencies", "optional-dependencies"} & set(
        _texts(file, table.get("dynamic"), "dynamic")
    ):
        raise DynamicDependencies(
            path=file.path,
            within="[project.dynamic]",
            reason="its dependencies are dynamic: only building it would tell them",
        )
    for text in _texts(file, table.get("dependencies"), "project.dependencies"):
        yield "[project.dependencies]", text
    optional = {
        canonicalize_name(name): texts
        for name, texts in _table(
            file, table.get("optional-dependencies"), "project.optional-dependencies"
        ).items()
    }
    own = canonicalize_name(str(table.get("name", "")))
    pending = [canonicalize_name(extra) for extra in extras]
    seen: set[str] = set()
    while pending:
        extra = pending.pop(0)
        if extra in seen:
            continue
        seen.add(extra)
        if extra not in optional:
            raise UnknownExtra(
                path=file.path,
                within="[project.optional-dependencies]",
                reason=f"it has no extra {extra!r}",
                extra=extra,
                known=tuple(sorted(optional)),
            )
        place = f"project.optional-dependencies.{extra}"
        for text in _texts(file, optional[extra], place):
            further = _own_extras(text, own)
            if further is None:
                yield f"[{place}]", text
            else:
                pending += further


def _own_extras(text: str, own: str) -> list[NormalizedName] | None:
    """The extras of a requirement that names the project itself; None for any other."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    if canonicalize_name(requirement.name) != own:
        return None
    return [canonicalize_name(extra) for extra in requirement.extras]


def _groups(
    file: RequirementFile, groups: Any, wanted: Collection[str]
) -> Iterator[tuple[str, str]]:
    table = _table(file, groups, "dependency-groups")
    for name in wanted:
        try:
            texts = resolve_dependency_groups(table, name)
        except (LookupError, ValueError, TypeError, ExceptionGroup) as error:
            raise _group_error(file, table, name, error) from error
        for text in texts:
            yield f"[dependency-groups.{name}]", text


def _group_error(
    file: RequirementFile, table: Mapping[str, Any], name: str, error: Exception
) -> InvalidProjectFile:
    """What is wrong with a group, or with one that it includes."""
    cause = error
    while isinstance(cause, ExceptionGroup):
        cause = cause.exceptions[0]
    within = f"[dependency-groups.{name}]"
    reason = f"group {name!r}: {cause.args[0] if isinstance(cause, LookupError) else cause}"
    if isinstance(cause, LookupError):
        return UnknownGroup(
            path=file.path, within=within, reason=reason, group=name, known=tuple(sorted(table))
        )
    kind = GroupCycle if isinstance(cause, CyclicDependencyGroup) else ProjectFileContent
    return kind(path=file.path, within=within, reason=reason)


def _table(file: RequirementFile, value: Any, place: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ProjectFileContent(path=file.path, within=f"[{place}]", reason="it is not a table")
    return value


def _texts(file: RequirementFile, value: Any, place: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        reason = "it is not a list of strings"
        raise ProjectFileContent(path=file.path, within=f"[{place}]", reason=reason)
    return value
