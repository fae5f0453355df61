"""What was parsed is not parsed again, unless a disk may say something else by now."""

import dataclasses
from pathlib import Path

import pytest

from linkd.errors import InvalidRequirement
from linkd.fetch.settings import IndexSettings
from linkd.resolve.requirement_file import RequirementFile
from linkd.service.asked import Asked, read_asked
from linkd.service.request import InstallRequest
from tests.support.wheels import make_wheel

REQUEST = InstallRequest(
    environment="/env",
    directory="/work",
    requirements=("foo>=1",),
    requirement_files=(RequirementFile("/project/r.txt", "bar==2\n--pre\n"),),
    index=IndexSettings(no_index=True),
)


def asked(**changes: object) -> Asked:
    return read_asked(dataclasses.replace(REQUEST, **changes), lambda url: url)  # type: ignore[arg-type]  # members by name


def test_the_same_objects() -> None:
    """Equal texts give the very same requirements, for another environment too."""
    one, other = asked(), asked(environment="/other", dry_run=True)
    assert [each.text for each in one.resolving.requirements] == ["foo>=1", "bar==2"]
    assert one.resolving.requirements is other.resolving.requirements
    assert one.resolving.prerelease


@pytest.mark.parametrize(
    "changes",
    [
        {"requirements": ("foo>=2",)},
        {"requirement_files": (RequirementFile("/project/r.txt", "bar==3\n"),)},
        {"requirement_files": (RequirementFile("/project/other.txt", "bar==2\n--pre\n"),)},
        {"constraint_files": (RequirementFile("/project/c.txt", "bar<9\n"),)},
        {"origin": "elsewhere"},
    ],
)
def test_other_texts(changes: dict[str, object]) -> None:
    """What else is asked is read as what it is, with its own places for messages."""
    before = asked().resolving
    after = asked(**changes).resolving
    assert (before.requirements, before.constraints) != (after.requirements, after.constraints)


def test_options_are_not_remembered() -> None:
    """What is not in the texts counts as each request has it."""
    assert [asked(no_deps=no_deps).resolving.no_deps for no_deps in (True, False)] == [True, False]


def test_a_path_is_looked_at_again(tmp_path: Path) -> None:
    """A wheel that is not there any more is refused, though its requirement was read before."""
    wheel = make_wheel(tmp_path, "foo")
    asked(requirements=(str(wheel),))
    wheel.unlink()
    with pytest.raises(InvalidRequirement):
        asked(requirements=(str(wheel),))


def test_a_folder_of_links_is_looked_at_again(tmp_path: Path) -> None:
    """Against which folder --find-links is relative depends on which of them is there."""
    (tmp_path / "files").mkdir()
    file = RequirementFile(str(tmp_path / "files" / "r.txt"), "foo\n--find-links wheels\n")
    request = {"requirement_files": (file,), "directory": str(tmp_path)}
    before = asked(**request).index.find_links
    (tmp_path / "files" / "wheels").mkdir()
    after = asked(**request).index.find_links
    assert (before, after) == ((f"{tmp_path}/wheels",), (f"{tmp_path}/files/wheels",))
