from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkd.errors import InvalidRequirement
from linkd.resolve.requirement import Asked, direct_file, direct_url, parse_requirement

DIGEST = "a" * 64


def parse(text: str, directory: Path | str = "/") -> Asked:
    return parse_requirement(text, origin="command line", directory=directory)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "Foo_Bar-1.0-py3-none-any.whl"
    path.write_bytes(b"")
    return path


class TestNamed:
    def test_dependency_specifier(self) -> None:
        """A PEP 508 requirement keeps all its parts, names normalized."""
        asked = parse('Foo.Bar[Ex_1]>=1,<2; python_version > "3"')

        assert asked.name == "foo-bar"
        assert asked.extras == {"ex-1"}
        assert str(asked.specifier) == "<2,>=1"
        assert str(asked.marker) == 'python_version > "3"'
        assert asked.url is None

    def test_named_url(self) -> None:
        """name @ URL keeps the credentials for fetching, not for messages."""
        asked = parse("foo @ https://u:p@example.org/foo-1.0-py3-none-any.whl")

        assert asked.url == "https://u:p@example.org/foo-1.0-py3-none-any.whl"
        assert asked.text == "foo @ https://example.org/foo-1.0-py3-none-any.whl"

    def test_named_relative_file(self, wheel: Path) -> None:
        """name @ file:./relative is against the folder given."""
        asked = parse(f"foo-bar @ file:./{wheel.name}", wheel.parent)

        assert asked.url == wheel.as_uri()

    def test_variables_stay(self) -> None:
        """Environment variables are not expanded here."""
        asked = parse("foo @ https://${TOKEN}@example.org/foo-1.0-py3-none-any.whl")

        assert asked.url == "https://${TOKEN}@example.org/foo-1.0-py3-none-any.whl"


class TestLocations:
    @pytest.mark.parametrize("form", ["./{}", "{}", "../here/{}"])
    def test_relative(self, tmp_path: Path, form: str) -> None:
        """A wheel's path is against the folder given."""
        folder = tmp_path / "here"
        folder.mkdir()
        path = folder / "foo-1.0-py3-none-any.whl"
        path.write_bytes(b"")

        assert parse(form.format(path.name), folder).url == path.as_uri()

    def test_absolute_with_extra(self, wheel: Path) -> None:
        """Extras may stand behind a path, and a marker behind them."""
        asked = parse(f"{wheel}[X,y] ; os_name == 'posix'")

        assert asked.name == "foo-bar"
        assert asked.extras == {"x", "y"}
        assert asked.url == wheel.as_uri()
        assert asked.marker is not None

    def test_url_without_name(self) -> None:
        """A wheel's URL says the name itself; its fragment is a hash."""
        asked = parse(f"https://example.org/d/foo-1.0-py3-none-any.whl#sha256={DIGEST}&x=y")

        assert asked.name == "foo"
        assert asked.url == "https://example.org/d/foo-1.0-py3-none-any.whl"
        assert asked.hashes == {"sha256": frozenset({DIGEST})}

    def test_local_version(self) -> None:
        """What is quoted in a URL is read as what it means."""
        asked = parse("https://example.org/foo-1.0%2Bcpu-py3-none-any.whl")

        assert asked.url is not None
        assert direct_file(asked.url, {}).filename == "foo-1.0+cpu-py3-none-any.whl"

    def test_file_url(self, wheel: Path) -> None:
        """A file URL is taken if the file is there."""
        assert parse(wheel.as_uri()).url == wheel.as_uri()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("foo bar", "Expected"),
        ("./gone-1.0-py3-none-any.whl", "there is no file /gone-1.0-py3-none-any.whl"),
        ("hg+https://example.org/foo", "only those of git"),
        ("foo @ git+ftp://example.org/foo", "'git+ftp' are not supported"),
        ("git+https://example.org/foo@", "no revision"),
        ("git+https://example.org/foo@-x", "'-x' is not a revision"),
        (".#subdirectory=../up", "not within the source"),
        ("https://example.org/download", "neither a wheel (.whl) nor a source"),
        ("ftp://example.org/foo-1.0-py3-none-any.whl", "scheme 'ftp'"),
        ("https://example.org/foo-1.0.whl", "wrong number of parts"),
        ("bar @ https://example.org/foo-1.0-py3-none-any.whl", "the wheel there is of foo"),
        ("https://example.org/foo-1.0-py3-none-any.whl#sha256=12", "not a sha256 digest"),
        ("https://example.org/foo-1.0-py3-none-any.whl ; nope", "marker cannot be read"),
        ("file://elsewhere/foo-1.0-py3-none-any.whl", "must not name the host"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    """What cannot be taken is refused with its reason and origin."""
    with pytest.raises(InvalidRequirement) as caught:
        parse(text)

    assert reason in caught.value.reason
    assert caught.value.origin == "command line"


def test_direct_url() -> None:
    """What is recorded of a URL has no credentials."""
    file = direct_file("https://u:p@example.org/foo-1.0-py3-none-any.whl", {})

    assert direct_url(file).url == "https://example.org/foo-1.0-py3-none-any.whl"


@given(st.text(st.sampled_from("QZ@:/?#[]%'"), min_size=1), st.sampled_from(["whl", "zip"]))
def test_messages_have_no_passwords(password: str, kind: str) -> None:
    """Neither what a requirement is called nor why it is refused tells its password."""
    url = f"https://user:{password}@example.org/foo-1.0-py3-none-any.{kind}"
    for text in (f"foo @ {url}", url):
        try:
            told = parse_requirement(text, origin="here", directory="/").text
        except InvalidRequirement as error:
            told = error.detail
        assert not set("QZ") & set(told)
