import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from linkd.core.wheel import DistFile
from linkd.errors import AccessDenied, IndexUnavailable, InvalidIndexSettings
from linkd.fetch.credentials import Credentials
from linkd.fetch.http import HttpClient
from linkd.fetch.pages import Indexes
from linkd.fetch.settings import IndexSettings
from tests.support.index import IndexOptions, RunningIndex, running_index
from tests.support.wheels import make_wheel

FOO = NormalizedName("foo")


class NoMetadata:
    """These tests are about pages."""

    async def read(self, file: DistFile, /) -> bytes:
        return file.filename.encode()


@pytest.fixture
def indexes(http: HttpClient, credentials: Credentials, tmp_path: Path) -> Indexes:
    return Indexes(http, tmp_path / "cache", credentials, metadata=NoMetadata())


@pytest.fixture
def serve() -> Iterator[Callable[..., RunningIndex]]:
    """Starts indexes that end with the test."""
    with ExitStack() as stack:
        yield lambda *args: stack.enter_context(running_index(*args))


Serve = Callable[..., RunningIndex]


def names(files: tuple[DistFile, ...]) -> list[str]:
    return [file.filename.removesuffix("-py3-none-any.whl") for file in files]


async def test_a_project_has_its_files(indexes: Indexes, serve: Serve, tmp_path: Path) -> None:
    """The page has name, files and the source that was asked."""
    make_wheel(tmp_path / "w", "foo", "1.0")
    make_wheel(tmp_path / "w", "foo", "2.0", requires_python=">=3.9")
    index = serve(tmp_path / "w")
    page = await indexes.snapshot(IndexSettings(index_url=index.url)).project(FOO)
    assert (page.name, names(page.files), page.searched) == (
        "foo",
        ["foo-1.0", "foo-2.0"],
        (index.url,),
    )
    assert page.files[1].requires_python == ">=3.9"


async def test_html_and_json_indexes_give_equal_files(
    indexes: Indexes, serve: Serve, tmp_path: Path
) -> None:
    """What an index says does not depend on the form in which it says it."""
    yanked: dict[str, bool | str] = {"foo-1.0-py3-none-any.whl": "a <reason>"}
    make_wheel(tmp_path / "w", "foo", "1.0", requires_python=">=3.9,<4")
    make_wheel(tmp_path / "w", "foo", "2.0")
    index = serve(tmp_path / "w", IndexOptions(yanked=yanked))
    settings = IndexSettings(index_url=index.url)
    as_json = (await indexes.snapshot(settings).project(FOO)).files
    index.options.json = False
    as_html = (await indexes.snapshot(settings).project(FOO)).files
    assert as_json == as_html
    assert as_json[0].yanked == "a <reason>"


async def test_sixteen_askers_cost_one_request(
    indexes: Indexes, serve: Serve, tmp_path: Path
) -> None:
    """Requests for one page that are under way at once are one, over all snapshots."""
    make_wheel(tmp_path / "w", "foo")
    index = serve(tmp_path / "w")
    settings = IndexSettings(index_url=index.url)
    pages = await asyncio.gather(*(indexes.snapshot(settings).project(FOO) for _ in range(16)))
    assert (index.count("/simple/foo/"), len(set(map(id, pages)))) == (1, 1)


async def test_a_snapshot_reads_a_page_once(indexes: Indexes, serve: Serve, tmp_path: Path) -> None:
    """What a request has seen of a project stays so, whatever happens at the index."""
    make_wheel(tmp_path / "w", "foo", "1.0")
    index = serve(tmp_path / "w")
    snapshot = indexes.snapshot(IndexSettings(index_url=index.url))
    before = await snapshot.project(FOO)
    make_wheel(tmp_path / "w", "foo", "2.0")
    assert await snapshot.project(FOO) is before
    assert index.count("foo") == 1


async def test_without_freshness_each_request_asks(
    indexes: Indexes, serve: Serve, tmp_path: Path
) -> None:
    """An index that says nothing is asked each time; an equal page is the same object."""
    make_wheel(tmp_path / "w", "foo", "1.0")
    index = serve(tmp_path / "w")
    settings = IndexSettings(index_url=index.url)
    first = await indexes.snapshot(settings).project(FOO)
    second = await indexes.snapshot(settings).project(FOO)
    make_wheel(tmp_path / "w", "foo", "2.0")
    third = await indexes.snapshot(settings).project(FOO)
    assert second is first
    assert names(third.files) == ["foo-1.0", "foo-2.0"]
    assert [request.status for request in index.requests] == [200, 200, 200]


async def test_an_etag_is_revalidated(indexes: Indexes, serve: Serve, tmp_path: Path) -> None:
    """A 304 leaves the page as it was, the very object."""
    make_wheel(tmp_path / "w", "foo")
    index = serve(tmp_path / "w", IndexOptions(etag=True))
    settings = IndexSettings(index_url=index.url)
    first = await indexes.snapshot(settings).project(FOO)
    second = await indexes.snapshot(settings).project(FOO)
    assert second is first
    assert [request.status for request in index.requests] == [200, 304]


async def test_max_age_is_honoured(indexes: Indexes, serve: Serve, tmp_path: Path) -> None:
    """A fresh page is not asked for again."""
    make_wheel(tmp_path / "w", "foo")
    index = serve(tmp_path / "w", IndexOptions(max_age=600))
    settings = IndexSettings(index_url=index.url)
    first = await indexes.snapshot(settings).project(FOO)
    assert await indexes.snapshot(settings).project(FOO) is first
    assert len(index.requests) == 1


async def another_daemon(
    http: HttpClient, credentials: Credentials, tmp_path: Path, index: RunningIndex
) -> list[str]:
    """What one that starts with the same cache sees."""
    indexes = Indexes(http, tmp_path / "cache", credentials, metadata=NoMetadata())
    page = await indexes.snapshot(IndexSettings(index_url=index.url)).project(FOO)
    return names(page.files)


async def test_the_disk_remembers(
    serve: Serve, tmp_path: Path, http: HttpClient, credentials: Credentials
) -> None:
    """After a restart a fresh page is not asked for, and a stale one only validated."""
    make_wheel(tmp_path / "w", "foo")
    index = serve(tmp_path / "w", IndexOptions(max_age=600, etag=True))
    arguments = (http, credentials, tmp_path, index)
    assert await another_daemon(*arguments) == ["foo-1.0"]
    assert await another_daemon(*arguments) == ["foo-1.0"]
    assert [request.status for request in index.requests] == [200]
    index.options.max_age = None
    for path in (tmp_path / "cache").rglob("*"):
        if path.is_file():
            path.unlink()
    await another_daemon(*arguments)
    assert await another_daemon(*arguments) == ["foo-1.0"]
    assert [request.status for request in index.requests] == [200, 200, 304]


async def test_a_damaged_cache_file_is_replaced(
    serve: Serve, tmp_path: Path, http: HttpClient, credentials: Credentials
) -> None:
    """It is as if it were not there."""
    make_wheel(tmp_path / "w", "foo")
    index = serve(tmp_path / "w", IndexOptions(max_age=600))
    arguments = (http, credentials, tmp_path, index)
    await another_daemon(*arguments)
    [cached] = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    cached.write_bytes(cached.read_bytes()[:-3] + b"???")
    assert await another_daemon(*arguments) == ["foo-1.0"]
    assert await another_daemon(*arguments) == ["foo-1.0"]
    assert len(index.requests) == 2


async def test_no_credentials_are_cached(indexes: Indexes, serve: Serve, tmp_path: Path) -> None:
    """Credentials open the index, and are in no page, no label and no file of the cache."""
    make_wheel(tmp_path / "w", "foo")
    index = serve(tmp_path / "w", IndexOptions(auth=("me", "secret"), json=False))
    settings = IndexSettings(index_url=index.with_login("me", "secret"))
    page = await indexes.snapshot(settings).project(FOO)
    assert names(page.files) == ["foo-1.0"]
    assert "secret" not in repr(page)
    cached = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert [b"secret" in path.read_bytes() for path in cached] == [False]


async def test_sources_are_merged_in_their_order(
    indexes: Indexes, serve: Serve, tmp_path: Path
) -> None:
    """find-links, then the index, then further ones; of one filename the first source's."""
    for folder, versions in {"links": "1", "main": "12", "extra": "123"}.items():
        for version in versions:
            make_wheel(tmp_path / folder, "foo", version, files={"foo.py": folder})
    main, extra = serve(tmp_path / "main"), serve(tmp_path / "extra")
    settings = IndexSettings(
        index_url=main.url,
        extra_index_urls=(extra.url,),
        find_links=(str(tmp_path / "links"),),
    )
    page = await indexes.snapshot(settings).project(FOO)
    assert [file.url.partition("/foo-")[0] for file in page.files] == [
        f"file://{tmp_path}/links",
        f"{main.root}/files",
        f"{extra.root}/files",
    ]
    assert page.searched == (str(tmp_path / "links"), main.url, extra.url)
    assert await indexes.snapshot(settings).project(FOO) is page


async def test_a_project_that_is_nowhere_has_no_files(
    indexes: Indexes, serve: Serve, tmp_path: Path
) -> None:
    """A 404 is an empty page that says where was looked."""
    (tmp_path / "w").mkdir()
    index = serve(tmp_path / "w")
    page = await indexes.snapshot(IndexSettings(index_url=index.url)).project(FOO)
    assert (page.files, page.searched) == ((), (index.url,))


async def test_a_403_is_absence_where_another_has_the_project(
    indexes: Indexes, serve: Serve, tmp_path: Path
) -> None:
    """Static servers answer 403 for what they lack; alone it is a refusal."""
    make_wheel(tmp_path / "w", "foo")
    index, static = serve(tmp_path / "w"), serve(tmp_path / "w")
    static.fail("foo", times=9, status=403)
    both = IndexSettings(index_url=index.url, extra_index_urls=(static.url,))
    assert names((await indexes.snapshot(both).project(FOO)).files) == ["foo-1.0"]
    with pytest.raises(AccessDenied):
        await indexes.snapshot(IndexSettings(index_url=static.url)).project(FOO)


async def test_an_index_that_fails_is_not_passed_over(
    indexes: Indexes, serve: Serve, tmp_path: Path
) -> None:
    """Another index's older version must not be installed because one was down."""
    make_wheel(tmp_path / "w", "foo")
    index, broken = serve(tmp_path / "w"), serve(tmp_path / "w")
    broken.fail("foo", times=9)
    settings = IndexSettings(index_url=index.url, extra_index_urls=(broken.url,))
    with pytest.raises(IndexUnavailable):
        await indexes.snapshot(settings).project(FOO)


async def test_a_failure_is_not_remembered(indexes: Indexes, serve: Serve, tmp_path: Path) -> None:
    """The same snapshot may ask again."""
    make_wheel(tmp_path / "w", "foo")
    index = serve(tmp_path / "w")
    index.fail("foo", times=3)
    snapshot = indexes.snapshot(IndexSettings(index_url=index.url))
    with pytest.raises(IndexUnavailable):
        await snapshot.project(FOO)
    assert names((await snapshot.project(FOO)).files) == ["foo-1.0"]


async def test_a_find_links_page(indexes: Indexes, serve: Serve, tmp_path: Path) -> None:
    """A page of many projects is fetched once for all of them."""
    make_wheel(tmp_path / "w", "foo")
    make_wheel(tmp_path / "w", "bar")
    index = serve(tmp_path / "w")
    snapshot = indexes.snapshot(IndexSettings(no_index=True, find_links=(index.links,)))
    pages = await asyncio.gather(*map(snapshot.project, (FOO, NormalizedName("bar"))))
    assert [names(page.files) for page in pages] == [["foo-1.0"], ["bar-1.0"]]
    assert len(index.requests) == 1


async def test_a_folder_is_looked_at_for_each_request(indexes: Indexes, tmp_path: Path) -> None:
    """An unchanged folder gives the same page; one with a new wheel gives another."""
    make_wheel(tmp_path / "w", "foo", "1.0")
    settings = IndexSettings(no_index=True, find_links=(str(tmp_path / "w"),))
    first = await indexes.snapshot(settings).project(FOO)
    assert await indexes.snapshot(settings).project(FOO) is first
    make_wheel(tmp_path / "w", "foo", "2.0")
    second = await indexes.snapshot(settings).project(FOO)
    assert names(second.files) == ["foo-1.0", "foo-2.0"]


@pytest.mark.parametrize("place", ["{}/absent", "relative/folder", "{}/absent.html"])
async def test_a_missing_folder_of_the_request_is_an_error(
    indexes: Indexes, tmp_path: Path, place: str
) -> None:
    """A place that the request named must be there, one of the configuration need not."""
    place = place.format(tmp_path)
    with pytest.raises(InvalidIndexSettings) as caught:
        await indexes.snapshot(IndexSettings(no_index=True, find_links=(place,))).project(FOO)
    assert caught.value.source == "--find-links"
    configured = IndexSettings(no_index=True, configured_find_links=(place,))
    assert (await indexes.snapshot(configured).project(FOO)).files == ()


async def test_an_index_in_a_folder(indexes: Indexes, tmp_path: Path) -> None:
    """A file: index is read from the disk; one that is not there has no projects."""
    make_wheel(tmp_path / "index" / "foo", "foo")
    settings = IndexSettings(
        index_url=f"file://{tmp_path}/index", extra_index_urls=(f"file://{tmp_path}/absent",)
    )
    page = await indexes.snapshot(settings).project(FOO)
    assert names(page.files) == ["foo-1.0"]
    assert await indexes.snapshot(settings).project(FOO) is page


async def test_metadata_comes_from_its_source(indexes: Indexes) -> None:
    """The snapshot hands metadata on."""
    file = DistFile(filename="foo-1-py3-none-any.whl", url="https://example.org/foo.whl")
    assert await indexes.snapshot(IndexSettings(no_index=True)).metadata(file) == (
        b"foo-1-py3-none-any.whl"
    )


async def test_states(indexes: Indexes, serve: Serve, tmp_path: Path) -> None:
    """A page's state is that of what it says: the same for the same, another one for anything else."""
    folder = tmp_path / "w"
    make_wheel(folder, "foo", "1.0")
    index = serve(folder)
    for settings in (
        IndexSettings(index_url=index.url),
        IndexSettings(index_url=folder.as_uri()),
        IndexSettings(find_links=(str(folder),), no_index=True),
        IndexSettings(find_links=(index.links,), no_index=True),
    ):
        states = [await indexes.snapshot(settings).state(FOO) for _ in range(2)]
        added = make_wheel(folder, "foo", "2.0")
        states += [await indexes.snapshot(settings).state(FOO) for _ in range(2)]
        added.unlink()
        states.append(await indexes.snapshot(settings).state(FOO))
        first, second = states[0], states[2]
        assert states == [first, first, second, second, first]
        assert first != second


async def test_the_state_of_a_request(indexes: Indexes, serve: Serve, tmp_path: Path) -> None:
    """Within a request a state is that of the page that it sees, whatever happens meanwhile."""
    make_wheel(tmp_path / "w", "foo", "1.0")
    index = serve(tmp_path / "w")
    snapshot = indexes.snapshot(IndexSettings(index_url=index.url))
    assert snapshot.known_state(FOO) is None
    state = await snapshot.state(FOO)
    make_wheel(tmp_path / "w", "foo", "2.0")
    page = await snapshot.project(FOO)
    assert (names(page.files), snapshot.known_state(FOO)) == (["foo-1.0"], state)


async def test_an_index_on_a_disk(indexes: Indexes, tmp_path: Path) -> None:
    """Its folder is listed once a request; what has a folder of its own there is looked at."""
    make_wheel(tmp_path / "w", "flat")
    make_wheel(tmp_path / "w" / "foo", "foo")
    snapshot = indexes.snapshot(IndexSettings(index_url=(tmp_path / "w").as_uri()))
    await snapshot.look()
    make_wheel(tmp_path / "w", "flat", "2.0")
    flat = await snapshot.project(NormalizedName("flat"))
    assert names(flat.files) == ["flat-1.0"]
    assert snapshot.known_state(NormalizedName("none")) == (b"",)
    assert snapshot.known_state(FOO) is None
    assert names((await snapshot.project(FOO)).files) == ["foo-1.0"]
    gone = indexes.snapshot(IndexSettings(index_url=(tmp_path / "gone").as_uri()))
    assert (await gone.project(FOO)).files == ()
