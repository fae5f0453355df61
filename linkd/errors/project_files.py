"""Errors of pyproject.toml as a source of requirements (PEP 621, PEP 735)."""

from linkd.errors.toml_files import InvalidTomlFile


class InvalidProjectFile(InvalidTomlFile, group=True):
    """A pyproject.toml cannot be used."""


class ProjectFileSyntax(InvalidProjectFile):
    """A pyproject.toml is not TOML.

    Such as one with a quotation that does not end.
    """

    advice = "put the line right"


class ProjectFileContent(InvalidProjectFile):
    """A pyproject.toml says what it may not say.

    A table or a list has the wrong type, or a group holds what is neither a requirement nor an
    include-group.
    """

    advice = "write it as the specification of pyproject.toml and dependency groups have it"


class ProjectTableMissing(InvalidProjectFile):
    """A pyproject.toml has no project.

    Without a [project] table and without --group there is nothing that it could need.
    """

    advice = "add a [project] table with its dependencies, or name a dependency group with --group"


class DynamicDependencies(InvalidProjectFile):
    """A project's dependencies are dynamic.

    Only building it would tell them, and nothing of a file of requirements is built.
    """

    advice = "install the project itself: linkd-client install FOLDER, or -e FOLDER"


class UnknownExtra(InvalidProjectFile):
    """A project does not have an extra.

    It was named with --extra, or by another extra.
    """

    advice = "name one of those that the file has: {known:, }"

    extra: str
    known: tuple[str, ...]

    @property
    def hint(self) -> str:
        return str(super().hint) if self.known else "leave out --extra: the project has none"


class UnknownGroup(InvalidProjectFile):
    """A project does not have a dependency group.

    It was named with --group, or by an include-group.
    """

    advice = "name one of those that the file has: {known:, }"

    group: str
    known: tuple[str, ...]

    @property
    def hint(self) -> str:
        return str(super().hint) if self.known else "leave out --group: the file has no groups"


class GroupCycle(InvalidProjectFile):
    """A dependency group includes itself.

    By way of the groups between, where there are some.
    """

    advice = "take out one of the include-group entries that are named"
