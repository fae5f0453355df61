import json

from packaging.direct_url import ArchiveInfo, DirectUrl, DirInfo

from linkd.service.receipts import direct_url_json

URL = "https://example.org/foo-1.0-py3-none-any.whl"


def told(direct_url: DirectUrl, sha256: str | None) -> object:
    return json.loads(direct_url_json(direct_url, sha256))


def test_the_hash_of_an_archive() -> None:
    """The hash of the archive that came is recorded, beside those that were known before."""
    bare = DirectUrl(url=URL, archive_info=ArchiveInfo())
    known = DirectUrl(url=URL, archive_info=ArchiveInfo(hashes={"sha512": "b"}))
    assert told(bare, "a") == {"url": URL, "archive_info": {"hashes": {"sha256": "a"}}}
    assert told(known, "a") == {
        "url": URL,
        "archive_info": {"hashes": {"sha512": "b", "sha256": "a"}},
    }


def test_no_hash() -> None:
    """Without one the archive is recorded all the same; what is none has no hash."""
    bare = DirectUrl(url=URL, archive_info=ArchiveInfo())
    tree = DirectUrl(url="file:///src/foo", dir_info=DirInfo())
    assert told(bare, None) == {"url": URL, "archive_info": {}}
    assert told(tree, "a") == {"url": "file:///src/foo", "dir_info": {}}
