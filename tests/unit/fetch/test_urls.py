import pytest

from linkd.fetch.urls import file_path, file_url, local_path, origin_of, quoted, without_credentials


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://u:p%40@example.org:8/simple", "https://example.org:8/simple"),
        ("https://token@example.org/a@b", "https://example.org/a@b"),
        ("https://u:p@[broken/simple", "https://[broken/simple"),
        ("https://example.org/x", "https://example.org/x"),
    ],
)
def test_credentials_are_taken_out(url: str, bare: str) -> None:
    """User and password go, an @ of the path stays; also from what is no valid URL."""
    assert without_credentials(url) == bare


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
