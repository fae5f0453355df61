import json

import pytest

from linkd.core.wheel import DistFile
from linkd.errors import IndexUnavailable
from linkd.fetch.simple import parse_html_page, parse_json_page, parse_page

URL = "https://example.org/simple/foo/"
A, B = "a" * 64, "b" * 64
WHEEL = "foo-1.0-py3-none-any.whl"
FILES = (
    DistFile(
        filename=WHEEL,
        url=f"https://example.org/files/{WHEEL}",
        hashes={"sha256": A},
        requires_python=">=3.8",
        metadata={"sha256": B},
    ),
    DistFile(
        filename="foo-1.0+cu1.tar.gz",
        url="https://files.example.org/foo-1.0%2Bcu1.tar.gz",
        yanked="broken <b>",
    ),
    DistFile(
        filename="foo-0.9.zip",
        url="https://example.org/simple/foo/foo-0.9.zip?x=1",
        yanked=True,
        metadata=True,
    ),
)
HTML = f"""<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.4"></head>
<body><a href="../">up</a> <a>nothing</a> <a href="foo-1.0.exe#sha256={A}">foo-1.0.exe</a>
<a href="/files/{WHEEL}#sha256={A.upper()}" data-requires-python="&gt;=3.8"
   data-dist-info-metadata="true" data-core-metadata="sha256={B}">{WHEEL}</a>
<A HREF="https://files.example.org/foo-1.0%2Bcu1.tar.gz#md5=123" data-yanked="broken &lt;b&gt;">x</A>
<a href="foo-0.9.zip?x=1" data-yanked data-core-metadata="true" data-requires-python="">y</a>
<a href="https://example.org/other/{WHEEL}">twice</a>
<a href="file:///etc/foo-6-py3-none-any.whl">local</a>
"""
JSON = {
    "meta": {"api-version": "1.1", "_more": 1},
    "name": "foo",
    "versions": ["1.0"],
    "files": [
        {"filename": "foo-1.0.exe", "url": "foo-1.0.exe", "hashes": {}},
        {
            "filename": WHEEL,
            "url": f"/files/{WHEEL}",
            "hashes": {"sha256": A.upper(), "blake2b_256": "1", "md5": "2"},
            "requires-python": ">=3.8",
            "dist-info-metadata": True,
            "core-metadata": {"sha256": B},
            "upload-time": "2024-01-01T00:00:00Z",
            "yanked": False,
        },
        {
            "filename": "foo-1.0+cu1.tar.gz",
            "url": "https://u:p@files.example.org/foo-1.0%2Bcu1.tar.gz#md5=123",
            "hashes": {"md5": "123"},
            "yanked": "broken <b>",
        },
        {
            "filename": "foo-0.9.zip",
            "url": "foo-0.9.zip?x=1",
            "hashes": {},
            "requires-python": None,
            "core-metadata": {"md5": "1"},
            "yanked": True,
        },
        {"filename": WHEEL, "url": f"/other/{WHEEL}", "hashes": {}},
        {"filename": "foo-6-py3-none-any.whl", "url": "file:///etc/foo-6.whl", "hashes": {}},
    ],
}


def test_html_and_json_say_the_same() -> None:
    """Both forms of a page give equal files."""
    assert parse_html_page(HTML.encode(), url=URL) == FILES
    assert parse_json_page(json.dumps(JSON).encode(), url=URL) == FILES


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/vnd.pypi.simple.v1+json", json.dumps(JSON)),
        ("application/json; charset=utf-8", json.dumps(JSON)),
        ("text/html", HTML),
        ("application/vnd.pypi.simple.v1+html", HTML),
        ("", HTML),
    ],
)
def test_the_content_type_tells_the_form(content_type: str, body: str) -> None:
    """What is not called JSON is read as HTML."""
    assert parse_page(body.encode(), content_type=content_type, url=URL) == FILES


def test_a_base_of_the_page_counts() -> None:
    """Relative links start from the base element, which may be relative itself."""
    body = f'<base href="/down/"><a href="{WHEEL}">x</a>'
    [file] = parse_html_page(body.encode(), url=URL)
    assert file.url == f"https://example.org/down/{WHEEL}"


def test_links_are_quoted() -> None:
    """Blanks and other letters in a link become a URL that can be sent."""
    [file] = parse_html_page('<a href="ü x/foo-1.zip">x</a>'.encode(), url=URL)
    assert file.url == "https://example.org/simple/foo/%C3%BC%20x/foo-1.zip"


def test_sizes_are_read() -> None:
    """PEP 700's size is the file's."""
    page = {"files": [{"filename": WHEEL, "url": WHEEL, "hashes": {}, "size": 17}]}
    [file] = parse_json_page(json.dumps(page).encode(), url=URL)
    assert file.size == 17


def test_a_local_page_may_name_local_files() -> None:
    """Files beside a page on a disk are its files."""
    [file] = parse_html_page(f'<a href="{WHEEL}">'.encode(), url="file:///wheels/index.html")
    assert file.url == f"file:///wheels/{WHEEL}"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"files": [{"url": "x"}]}', b'{"files": [{"filename": "\xff"}]}']
)
def test_a_broken_json_page_is_unavailable(body: bytes) -> None:
    """What cannot be decoded names the page, without credentials."""
    with pytest.raises(IndexUnavailable) as caught:
        parse_json_page(body, url="https://u:p@example.org/simple/foo/")
    assert caught.value.url == URL


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ('{"meta": {"api-version": "2.0"}, "files": []}', "application/json"),
        ('<meta name="pypi:repository-version" content="2.0">', "text/html"),
    ],
)
def test_another_major_version_is_refused(body: str, content_type: str) -> None:
    """PEP 629: a page of version 2 is not guessed at."""
    with pytest.raises(IndexUnavailable, match="version 2"):
        parse_page(body.encode(), content_type=content_type, url=URL)
