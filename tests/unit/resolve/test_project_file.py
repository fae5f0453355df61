import pytest

from linkd.errors import InvalidProjectFile, InvalidRequirement
from linkd.resolve.project_file import is_project_file, read_project_file
from linkd.resolve.requirement_file import RequirementFile

PROJECT = """
[project]
name = "My.Project"
dependencies = ["base>=1"]

[project.optional-dependencies]
Http_Client = ["client"]
all = ["my-project[http-client]", "more"]

[dependency-groups]
dev = ["linter", {include-group = "test"}]
test = ["runner"]
"""


def read(
    text: str, *, extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()
) -> list[tuple[str, str]]:
    file = RequirementFile("/app/pyproject.toml", text)
    return [
        (asked.text, asked.origin)
        for asked in read_project_file(file, extras=extras, groups=groups)
    ]


def names(found: list[tuple[str, str]]) -> list[str]:
    return [text for text, _ in found]


def test_name() -> None:
    """A project is known by its file's name."""
    assert is_project_file("/app/pyproject.toml")
    assert not is_project_file("/app/other.toml")


def test_dependencies() -> None:
    """A project needs its dependencies, each with the place where it stands."""
    assert read(PROJECT) == [("base>=1", "/app/pyproject.toml [project.dependencies]")]


def test_extras() -> None:
    """Extras come on top, those of the project itself in an extra too, however they are spelt."""
    assert names(read(PROJECT, extras=("ALL",))) == ["base>=1", "more", "client"]


def test_groups() -> None:
    """Groups come on top of the project's dependencies, with those that they include."""
    assert names(read(PROJECT, groups=("dev",))) == ["base>=1", "linter", "runner"]


@pytest.mark.parametrize(
    ("text", "extras", "groups", "reason"),
    [
        ("[project\n", (), (), "pyproject.toml:1: "),
        (PROJECT, ("nope",), (), "no extra 'nope'"),
        (PROJECT, (), ("nope",), "group 'nope'"),
        ('[project]\nname = "x"\ndynamic = ["dependencies"]\n', (), (), "dynamic"),
        (
            '[project]\nname = "x"\ndependencies = "a"\n',
            (),
            (),
            "[project.dependencies]: it is not a list",
        ),
        ('project = "x"\n', (), (), "[project]: it is not a table"),
        ('[dependency-groups]\na = [{include-group = "a"}]\n', (), ("a",), "group 'a'"),
    ],
)
def test_refused(text: str, extras: tuple[str, ...], groups: tuple[str, ...], reason: str) -> None:
    """What is malformed or not there is refused, with the place."""
    with pytest.raises(InvalidProjectFile, match=r"^/app/pyproject\.toml") as caught:
        read(text, extras=extras, groups=groups)

    assert reason in caught.value.detail


def test_malformed_requirement() -> None:
    """A requirement that cannot be read is told with its table."""
    with pytest.raises(InvalidRequirement) as caught:
        read('[project]\nname = "x"\ndependencies = ["a b"]\n')

    assert caught.value.origin == "/app/pyproject.toml [project.dependencies]"
