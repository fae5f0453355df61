import asyncio
import hashlib
import io
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from linkd.core.wheel import DistFile
from linkd.errors import BrokenWheel, DownloadFailed, HashMismatch
from linkd.fetch.archive import read_metadata
from linkd.fetch.http import HttpClient
from linkd.fetch.metadata import MetadataReader
from linkd.fetch.urls import file_url
from tests.support.index import IndexOptions, RunningIndex, metadata_of, running_index
from tests.support.wheels import make_wheel

NAME = "foo-1.0-py3-none-any.whl"


async def never(file: DistFile) -> bytes:
    raise AssertionError(f"{file.filename} need not be fetched whole")


def reader(
    http: HttpClient, tmp_path: Path, whole: Callable[[DistFile], Awaitable[bytes]] = never
) -> MetadataReader:
    return MetadataReader(http, tmp_path / "cache", whole)


def listed(index: RunningIndex, wheel: Path, **fields: object) -> DistFile:
    """The wheel as a page of the index has it, or as the test wants it."""
    known: dict[str, object] = {
        "hashes": {"sha256": index.sha256(wheel)},
        "metadata": {"sha256": hashlib.sha256(metadata_of(wheel)).hexdigest()},
    }
    url = index.file_url(wheel.name)
    return DistFile(filename=wheel.name, url=url, **{**known, **fields})  # type: ignore[arg-type]  # the fields are each test's own


def wide_wheel(folder: Path) -> Path:
    """A wheel of which the central directory alone is larger than one read of its end."""
    files = {f"foo/module_with_a_rather_long_name_{number:05}.py": "" for number in range(1500)}
    return make_wheel(folder, "foo", files=files)


async def test_a_metadata_file_is_one_request(tmp_path: Path, http: HttpClient) -> None:
    """PEP 658: the wheel itself is not touched, and a second read costs nothing."""
    wheel = make_wheel(tmp_path / "w", "foo", requires=["bar"])
    with running_index(wheel.parent) as index:
        metadata = reader(http, tmp_path)
        file = listed(index, wheel)
        assert [await metadata.read(file) for _ in range(2)] == [metadata_of(wheel)] * 2
        assert [request.path for request in index.requests] == [f"/files/{NAME}.metadata"]


async def test_sixteen_askers_cost_one_request(tmp_path: Path, http: HttpClient) -> None:
    """Reads of one wheel's metadata that are under way at once are one."""
    wheel = make_wheel(tmp_path / "w", "foo")
    with running_index(wheel.parent) as index:
        metadata = reader(http, tmp_path)
        await asyncio.gather(*(metadata.read(listed(index, wheel)) for _ in range(16)))
        assert len(index.requests) == 1


async def test_a_wrong_metadata_file_is_refused(tmp_path: Path, http: HttpClient) -> None:
    """Its promised hash is checked, and nothing of it is kept."""
    wheel = make_wheel(tmp_path / "w", "foo")
    with running_index(wheel.parent) as index:
        metadata = reader(http, tmp_path)
        with pytest.raises(HashMismatch) as caught:
            await metadata.read(listed(index, wheel, metadata={"sha256": "0" * 64}))
        assert caught.value.filename == f"{NAME}.metadata"
        assert await metadata.read(listed(index, wheel)) == metadata_of(wheel)


async def test_an_announced_file_that_is_missing_falls_through(
    tmp_path: Path, http: HttpClient
) -> None:
    """A 404 for the metadata file leads to the wheel's end."""
    wheel = make_wheel(tmp_path / "w", "foo")
    with running_index(wheel.parent, IndexOptions(metadata=False)) as index:
        content = await reader(http, tmp_path).read(listed(index, wheel))
        assert content == metadata_of(wheel)
        assert [request.status for request in index.requests] == [404, 206]


@pytest.mark.parametrize("sized", [True, False])
async def test_the_end_of_a_wheel_is_enough(tmp_path: Path, http: HttpClient, sized: bool) -> None:
    """One range holds the metadata of most wheels; a suffix range where the size is unknown."""
    files = {"foo/data.bin": bytes(300_000)}
    wheel = make_wheel(tmp_path / "w", "foo", files=files, compress=False)
    size = wheel.stat().st_size
    with running_index(wheel.parent) as index:
        file = listed(index, wheel, metadata=False, size=size if sized else None)
        assert await reader(http, tmp_path).read(file) == metadata_of(wheel)
        expected = f"bytes={size - 65536}-{size - 1}" if sized else "bytes=-65536"
        assert [request.range for request in index.requests] == [expected]


async def test_a_large_central_directory_is_read(tmp_path: Path, http: HttpClient) -> None:
    """A directory above 64 KiB takes more ranges, not the whole wheel."""
    wheel = wide_wheel(tmp_path / "w")
    with zipfile.ZipFile(wheel) as archive:
        directory = wheel.stat().st_size - archive.start_dir
    assert directory > 65_536
    with running_index(wheel.parent) as index:
        file = listed(index, wheel, metadata=False)
        assert await reader(http, tmp_path).read(file) == metadata_of(wheel)
        assert {request.status for request in index.requests} == {206}
        assert len(index.requests) <= 4


async def test_metadata_at_the_front_is_read(tmp_path: Path, http: HttpClient) -> None:
    """Where METADATA is the first member, its own part is asked for."""
    path = tmp_path / "w" / NAME
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("foo-1.0.dist-info/METADATA", "Name: foo\n")
        archive.writestr("foo/data.bin", bytes(300_000))
    with running_index(path.parent) as index:
        file = listed(index, path, metadata=False)
        assert await reader(http, tmp_path).read(file) == b"Name: foo\n"
        assert sum(len(request.range or "") > 0 for request in index.requests) == 2


async def test_without_ranges_the_wheel_is_fetched_whole(tmp_path: Path, http: HttpClient) -> None:
    """A server that gives no parts leads to the injected way."""
    wheel = make_wheel(tmp_path / "w", "foo")
    fetched: list[str] = []

    async def whole(file: DistFile) -> bytes:
        fetched.append(file.filename)
        return b"whole"

    with running_index(wheel.parent, IndexOptions(ranges=False)) as index:
        file = listed(index, wheel, metadata=False)
        assert await reader(http, tmp_path, whole).read(file) == b"whole"
        assert fetched == [NAME]


@pytest.mark.parametrize("status", [400, 404, 405, 416])
async def test_a_refused_range_leads_to_the_whole(
    tmp_path: Path, http: HttpClient, status: int
) -> None:
    """Whatever a server answers instead of a part, the whole wheel is tried."""
    wheel = make_wheel(tmp_path / "w", "foo")

    async def whole(file: DistFile) -> bytes:
        return b"whole"

    with running_index(wheel.parent) as index:
        index.fail(NAME, status=status)
        file = listed(index, wheel, metadata=False)
        assert await reader(http, tmp_path, whole).read(file) == b"whole"


async def test_the_disk_remembers_what_has_a_hash(tmp_path: Path, http: HttpClient) -> None:
    """After a restart a wheel with a promised hash costs no request, one without costs one."""
    wheel = make_wheel(tmp_path / "w", "foo")
    with running_index(wheel.parent) as index:
        promised, unpromised = listed(index, wheel), listed(index, wheel, hashes={})
        for file in (promised, promised, unpromised, unpromised):
            assert await reader(http, tmp_path).read(file) == metadata_of(wheel)
        assert len(index.requests) == 3


async def test_no_index_speaks_for_anothers_wheels(tmp_path: Path, http: HttpClient) -> None:
    """The same promised hash at another URL is other metadata."""
    wheel = make_wheel(tmp_path / "w", "foo")
    other = make_wheel(tmp_path / "other", "foo", requires=["evil"])
    metadata = reader(http, tmp_path)
    with running_index(wheel.parent) as index, running_index(other.parent) as liar:
        hashes = {"sha256": index.sha256(wheel)}
        await metadata.read(listed(liar, other, hashes=hashes))
        assert await metadata.read(listed(index, wheel)) == metadata_of(wheel)


async def test_a_local_wheel_is_read_in_place(tmp_path: Path, http: HttpClient) -> None:
    """A replaced file is read again; a missing one is an error that names it."""
    wheel = make_wheel(tmp_path / "w", "foo")
    metadata = reader(http, tmp_path)
    file = DistFile(filename=wheel.name, url=file_url(str(wheel)))
    assert await metadata.read(file) == metadata_of(wheel)
    make_wheel(tmp_path / "w", "foo", requires=["bar"])
    assert b"Requires-Dist: bar" in await metadata.read(file)
    wheel.unlink()
    with pytest.raises(DownloadFailed) as caught:
        await metadata.read(file)
    assert caught.value.reason == "no such file or directory"


def archive_of(members: dict[str, str]) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"foo/__init__.py": ""}, "it has no METADATA"),
        ({"x/foo-1.0.dist-info/METADATA": ""}, "it has no METADATA"),
        (
            {"foo-1.0.dist-info/METADATA": "", "bar-1.0.dist-info/METADATA": ""},
            "it has more than one METADATA",
        ),
        ({"bar-1.0.dist-info/METADATA": ""}, "its metadata is that of bar 1.0"),
        ({"foo-2.0.dist-info/METADATA": ""}, "its metadata is that of foo 2.0"),
    ],
)
def test_a_wheel_has_one_metadata(members: dict[str, str], reason: str) -> None:
    """Exactly one dist-info with METADATA, that of the file's name and version."""
    with pytest.raises(BrokenWheel) as caught:
        read_metadata(archive_of(members), NAME)
    assert caught.value.reasons == (reason,)


def test_names_and_versions_are_compared_normalized() -> None:
    """Older tools spelled the dist-info in other ways."""
    archive = archive_of({"Foo.Bar-1.0.0.dist-info/METADATA": "x"})
    assert read_metadata(archive, "foo_bar-1.0-py3-none-any.whl") == b"x"


def test_what_is_no_archive_is_broken() -> None:
    """Other bytes are a broken wheel."""
    with pytest.raises(BrokenWheel):
        read_metadata(io.BytesIO(b"no zip"), NAME)
