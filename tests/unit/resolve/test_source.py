from pathlib import Path

import pytest

from linkd.core.source import Source, SourceKind
from linkd.errors import InvalidRequirement
from linkd.resolve.requirement import parse_editable, parse_requirement
from linkd.resolve.source import parse_source

ONE = "1" * 64


@pytest.mark.parametrize(
    ("url", "source"),
    [
        (
            "git+https://example.org/a.git",
            Source(kind=SourceKind.GIT, url="https://example.org/a.git"),
        ),
        (
            "git+ssh://git@example.org/a.git@v1.0#subdirectory=lib/x&egg=a",
            Source(
                kind=SourceKind.GIT,
                url="ssh://git@example.org/a.git",
                revision="v1.0",
                subdirectory="lib/x",
            ),
        ),
        (
            "git+file:///src/a@feature/b",
            Source(kind=SourceKind.GIT, url="file:///src/a", revision="feature/b"),
        ),
        (
            f"https://example.org/a-1.0.tar.gz#sha256={ONE}",
            Source(kind=SourceKind.ARCHIVE, url="https://example.org/a-1.0.tar.gz"),
        ),
    ],
)
def test_urls(url: str, source: Source) -> None:
    """What has to be built is known by its URL, without the fragment."""
    parsed = parse_source(url)

    assert parsed is not None
    assert parsed.source == source


def test_fragment() -> None:
    """The fragment of a URL tells the project's name, its extras and the archive's hash."""
    parsed = parse_source(f"https://example.org/a.zip#egg=Some_Name[x,y]&sha256={ONE}")

    assert parsed is not None
    assert (parsed.name, parsed.extras) == ("Some_Name", ("x", "y"))
    assert parsed.hashes == {"sha256": frozenset({ONE})}


def test_wheel() -> None:
    """A wheel's URL is none of a source."""
    assert parse_source("https://example.org/a-1.0-py3-none-any.whl") is None


def test_folder(tmp_path: Path) -> None:
    """A folder's path, relative or with extras, is a source whose name is not known yet."""
    (tmp_path / "app").mkdir()

    asked = parse_requirement("./app[dev]", origin="command line", directory=tmp_path)

    assert asked.source == Source(kind=SourceKind.TREE, url=(tmp_path / "app").as_uri())
    assert (asked.name, set(asked.extras)) == ("", {"dev"})


def test_editable(tmp_path: Path) -> None:
    """An editable requirement is a folder, named without a slash too."""
    (tmp_path / "app").mkdir()

    asked = parse_editable("app", origin="command line", directory=tmp_path)

    assert asked.source == Source(
        kind=SourceKind.TREE, url=(tmp_path / "app").as_uri(), editable=True
    )


def test_editable_repository(tmp_path: Path) -> None:
    """Nothing but a folder can be editable."""
    with pytest.raises(InvalidRequirement) as caught:
        parse_editable("git+https://example.org/a", origin="command line", directory=tmp_path)

    assert "clone it and name the folder" in caught.value.reason
    with pytest.raises(InvalidRequirement) as caught:
        parse_editable("https://example.org/a.zip", origin="command line", directory=tmp_path)
    assert "only a folder" in caught.value.reason
