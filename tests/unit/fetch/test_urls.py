import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkd.fetch.urls import (
    file_path,
    file_url,
    local_path,
    origin_of,
    quoted,
    redacted,
    without_credentials,
)


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://u:p%40@example.org:8/simple", "https://example.org:8/simple"),
        ("https://token@example.org/a@b", "https://example.org/a@b"),
        ("https://u:p@[broken/simple", "https://[broken/simple"),
        ("https://u:p/w@example.org/simple", "https://example.org/simple"),
        ("https://u:p@w@example.org/simple", "https://example.org/simple"),
        ("https://example.org/x", "https://example.org/x"),
    ],
)
def test_credentials_are_taken_out(url: str, bare: str) -> None:
    """User and password go, an @ of the path stays; also from what is no valid URL."""
    assert without_credentials(url) == bare


PASSWORDS = st.text(st.sampled_from("pw@:/?#[]%'\"\\&=;,~"), min_size=1)


@given(PASSWORDS, st.sampled_from(["{}", "'{}'", "foo @ {}", "see {}, or a@b", "-r {} --pre"]))
def test_messages_have_no_passwords(password: str, sentence: str) -> None:
    """Whatever a password is made of, nothing of it is left in any text with its URL."""
    text = sentence.format(f"https://user:{password}@example.org/x.txt")
    assert redacted(text) == sentence.format("https://example.org/x.txt")


def test_text_without_credentials_stays() -> None:
    """What has no @ in a URL is shown as it is; each URL of a text is treated by itself."""
    assert redacted("a@b: https://example.org/x y@z") == "a@b: https://example.org/x y@z"
    assert redacted("https://u:p@a.org http://v@b.org") == "https://a.org http://b.org"


def test_default_ports_are_the_same_origin() -> None:
    """An origin is the scheme, the host in lower case and the port."""
    assert origin_of("https://Example.org/a") == origin_of("https://u@example.org:443/b")
    assert origin_of("http://example.org") != origin_of("https://example.org")


def test_quoting_twice_is_quoting_once() -> None:
    """What is quoted stays so, what must be quoted is."""
    assert quoted(quoted("https://example.org/a b%2Bc+d?x=%20")) == (
        "https://example.org/a%20b%2Bc+d?x=%20"
    )


def test_paths_and_file_urls_are_each_other() -> None:
    """A path with blanks and other signs survives being a URL."""
    assert file_path(file_url("/a b/ü#?.whl")) == "/a b/ü#?.whl"


def test_local_places() -> None:
    """Absolute paths and file URLs are local, relative paths and other hosts' files are not."""
    places = ["/x", "file:///x%20y", "file://example.org/x", "x/y", "https://example.org/x"]
    assert [local_path(place) for place in places] == ["/x", "/x y", None, None, None]
