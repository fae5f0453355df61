import pytest
from packaging.requirements import InvalidRequirement, Requirement

from linkd.resolve.metadata import parse_metadata
from linkd.resolve.target_view import target_view

from .world import INTERPRETER

TARGET = target_view(INTERPRETER)
RAW = b"""\
Metadata-Version: 2.1\r
Name: Foo.Bar\r
Version: 1.0\r
Requires-Python: >=3.8\r
Provides-Extra: Some_Extra\r
Requires-Dist: always\r
Requires-Dist: folded >=1,\r
    <2\r
Requires-Dist: never ; os_name == "nt"\r
requires-dist: sometimes[x] ; extra == "some-extra"\r
\r
Requires-Dist: not-a-header\r
"""


def test_fields() -> None:
    """Names are normalized; only what stands before the empty line counts."""
    metadata = parse_metadata(RAW)

    assert metadata.name == "foo-bar"
    assert metadata.version == "1.0"
    assert metadata.requires_python == ">=3.8"
    assert metadata.extras == {"some-extra"}
    assert metadata.problem is None


def test_dependencies() -> None:
    """An extra's dependencies are those that it adds to the distribution's own."""
    metadata = parse_metadata(RAW)

    assert [each.text for each in metadata.dependencies(TARGET)] == ["always", "folded<2,>=1"]
    assert [each.text for each in metadata.dependencies(TARGET, "some-extra")] == ["sometimes[x]"]


def test_invalid_line() -> None:
    """An unreadable line makes the distribution unusable, and says why."""
    metadata = parse_metadata(b"Name: foo\nRequires-Dist: a b c\n")

    assert metadata.problem == "its metadata has an invalid Requires-Dist: 'a b c'"


@pytest.mark.parametrize(
    "line",
    [
        'dep; extra == "x"',
        "dep ; extra == 'x'",
        'dep[a, b] >=1.0,<2, !=1.5;extra=="x"',
        'dep~=1.4 ; extra == "X"',
        'dep==1.* ; extra == "x"',
        'dep (>=1) ; extra == "x"',
        'dep>=1.0rc1 ; extra == "x"',
        'dep @ https://example.org/dep-1-py3-none-any.whl ; extra == "x"',
        'dep; extra == "x" and os_name == "posix"',
    ],
)
def test_dependencies_of_an_extra(line: str) -> None:
    """However it is written, it is the extra's, and what packaging makes of it."""
    metadata = parse_metadata(f"Name: foo\nRequires-Dist: {line}\n".encode())
    requirement = Requirement(line)
    requirement.marker = None

    assert metadata.problem is None
    assert metadata.dependencies(TARGET) == ()
    assert metadata.dependencies(TARGET, "y") == ()
    assert [each.text for each in metadata.dependencies(TARGET, "x")] == [str(requirement)]


@pytest.mark.parametrize(
    "line",
    [
        'dep>=; extra == "x"',
        'dep~=1; extra == "x"',
        'dep>1.*; extra == "x"',
        'dep- ; extra == "x"',
        'dep>=1 <2; extra == "x"',
        'dep[a; extra == "x"',
        "dep; extra == \"x'",
        'dep>=1,; extra = "x"',
    ],
)
def test_an_invalid_dependency_of_an_extra(line: str) -> None:
    """It makes the distribution unusable, as any other would."""
    with pytest.raises(InvalidRequirement):
        Requirement(line)

    assert parse_metadata(f"Name: foo\nRequires-Dist: {line}\n".encode()).problem is not None
