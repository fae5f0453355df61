import asyncio
import errno
import hashlib
import os
import random
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from linkd.core.progress import Phase, Progress, Silent
from linkd.core.wheel import DistFile
from linkd.errors import AccessDenied, DownloadFailed, HashMismatch, NoSpace
from linkd.fetch.credentials import Credentials
from linkd.fetch.download import Download, Downloader
from linkd.fetch.urls import file_url
from tests.support.index import IndexOptions, RunningIndex, running_index
from tests.unit.fetch.conftest import IMPATIENT

CONTENT = random.Random(7).randbytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "foo-1.0-py3-none-any.whl"


class Log:
    """Keeps what was reported."""

    def __init__(self) -> None:
        self.reports: list[Progress] = []

    def report(self, progress: Progress, /) -> None:
        self.reports.append(progress)


@pytest.fixture
async def downloader(credentials: Credentials) -> AsyncIterator[Downloader]:
    downloader = Downloader(credentials, retry=IMPATIENT)
    yield downloader
    await downloader.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "w"
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    return folder


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "part"


def listed(index: RunningIndex, **fields: object) -> DistFile:
    known: dict[str, object] = {"hashes": {"sha256": SHA256}, "size": len(CONTENT)}
    return DistFile(filename=NAME, url=index.file_url(NAME), **{**known, **fields})  # type: ignore[arg-type]  # the fields are each test's own


def content(path: Path) -> bytes:
    return path.read_bytes()


def exists(path: Path) -> bool:
    return os.path.lexists(path)


def fill(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def size_of(path: Path) -> int:
    return path.stat().st_size


def wait_for_size(path: Path, size: int) -> None:
    while not path.exists() or path.stat().st_size < size:
        time.sleep(0.01)


def whole(part: Path, received: int = len(CONTENT)) -> Download:
    return Download(path=str(part), sha256=SHA256, size=len(CONTENT), received=received)


async def test_a_verified_file_lies_at_part(
    downloader: Downloader, folder: Path, part: Path
) -> None:
    """The file, its hash, its size and what came over the network."""
    with running_index(folder) as index:
        assert await downloader.fetch(listed(index), str(part), Silent()) == whole(part)
        assert content(part) == CONTENT


async def test_progress_is_told(downloader: Downloader, folder: Path, part: Path) -> None:
    """The last report has all bytes; none goes back."""
    log = Log()
    with running_index(folder) as index:
        await downloader.fetch(listed(index, size=None), str(part), log)
    assert log.reports[-1] == Progress(Phase.FETCH, NAME, len(CONTENT), len(CONTENT))
    assert [r.done for r in log.reports] == sorted(r.done for r in log.reports)


async def test_a_truncated_body_is_resumed(
    downloader: Downloader, folder: Path, part: Path
) -> None:
    """What came is kept, and the next request asks for the rest alone."""
    with running_index(folder, IndexOptions(etag=True)) as index:
        index.truncate(NAME, after=2_000_000)
        assert await downloader.fetch(listed(index), str(part), Silent()) == whole(part)
        first, second = index.requests
        assert (first.range, first.status, second.status) == (None, 200, 206)
        received = int((second.range or "").removeprefix("bytes=").removesuffix("-"))
        assert 0 < received <= 2_000_000
        assert content(part) == CONTENT


async def test_a_silent_server_is_asked_again(
    credentials: Credentials, folder: Path, part: Path
) -> None:
    """After a while without bytes the download goes on with another request."""
    downloader = Downloader(credentials, silence=0.5, retry=IMPATIENT)
    with running_index(folder) as index:
        index.stall(NAME, after=1_500_000)
        await downloader.fetch(listed(index), str(part), Silent())
        assert content(part) == CONTENT
    await downloader.close()


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_transient_answers_are_retried(
    downloader: Downloader, folder: Path, part: Path, status: int
) -> None:
    """Overload and server errors are waited out."""
    with running_index(folder) as index:
        index.fail(NAME, times=2, status=status, retry_after="0")
        assert await downloader.fetch(listed(index), str(part), Silent()) == whole(part)


async def test_a_server_without_ranges_starts_over(
    downloader: Downloader, folder: Path, part: Path
) -> None:
    """A 200 to a request for the rest is the file from its beginning."""
    with running_index(folder, IndexOptions(ranges=False)) as index:
        index.truncate(NAME, after=2_000_000)
        await downloader.fetch(listed(index), str(part), Silent())
        assert content(part) == CONTENT


async def test_a_failed_download_goes_on_next_time(
    downloader: Downloader, folder: Path, part: Path
) -> None:
    """A network failure keeps what came, also for another process."""
    with running_index(folder) as index:
        index.truncate(NAME, after=400_000)
        index.fail(NAME, times=2)
        with pytest.raises(DownloadFailed) as caught:
            await downloader.fetch(listed(index), str(part), Silent())
        assert caught.value.reason == "the server answers 500"
        kept = size_of(part)
        assert 0 < kept <= 400_000
        download = await downloader.fetch(listed(index), str(part), Silent())
        assert download == whole(part, received=len(CONTENT) - kept)


@pytest.mark.parametrize("size", [len(CONTENT), None])
async def test_a_whole_part_is_only_hashed(
    downloader: Downloader, folder: Path, part: Path, size: int | None
) -> None:
    """Nothing is transferred again where everything is there."""
    fill(part, CONTENT)
    with running_index(folder) as index:
        download = await downloader.fetch(listed(index, size=size), str(part), Silent())
        assert download == whole(part, received=0)
        assert [request.status for request in index.requests] == ([416] if size is None else [])


@pytest.mark.parametrize(
    "left", [b"x" * 1000, CONTENT[:100] + b"x", b"x" * len(CONTENT), CONTENT + b"more"]
)
async def test_a_damaged_part_is_started_over(
    downloader: Downloader, folder: Path, part: Path, left: bytes
) -> None:
    """What an earlier time left and does not fit is no failure of this time."""
    fill(part, left)
    with running_index(folder) as index:
        await downloader.fetch(listed(index), str(part), Silent())
        assert content(part) == CONTENT


async def test_without_a_hash_nothing_old_is_believed(
    downloader: Downloader, folder: Path, part: Path
) -> None:
    """Where nothing would tell a wrong beginning, the download starts at the beginning."""
    fill(part, CONTENT[:-5])
    with running_index(folder) as index:
        download = await downloader.fetch(listed(index, hashes={}), str(part), Silent())
        assert download == whole(part)
        assert [request.range for request in index.requests] == [None]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_a_wrong_hash_leaves_nothing(
    downloader: Downloader, folder: Path, part: Path, algorithm: str
) -> None:
    """What is not the promised file is removed."""
    promised = {"sha256": SHA256, algorithm: "00"}
    with running_index(folder) as index:
        with pytest.raises(HashMismatch) as caught:
            await downloader.fetch(listed(index, hashes=promised), str(part), Silent())
        assert (caught.value.algorithm, caught.value.expected) == (algorithm, "00")
        assert not exists(part)


async def test_a_wrong_size_leaves_nothing(
    downloader: Downloader, folder: Path, part: Path
) -> None:
    """A file of another size than promised is refused before its body."""
    with running_index(folder) as index:
        with pytest.raises(DownloadFailed, match="its source says 5"):
            await downloader.fetch(listed(index, size=5), str(part), Silent())
        assert not exists(part)


async def test_a_missing_file_fails_at_once(
    downloader: Downloader, folder: Path, part: Path
) -> None:
    """404 is not retried and leaves nothing."""
    with running_index(folder) as index:
        file = DistFile(filename="bar-1-py3-none-any.whl", url=index.file_url("bar.whl"))
        with pytest.raises(DownloadFailed, match="answers 404"):
            await downloader.fetch(file, str(part), Silent())
        assert (len(index.requests), exists(part)) == (1, False)


async def test_credentials_follow_no_redirect_to_another_origin(
    downloader: Downloader, credentials: Credentials, folder: Path, part: Path
) -> None:
    """The server redirected to sees no Authorization, the first one does."""
    with running_index(folder) as other, running_index(folder) as index:
        credentials.remember(index.with_login("me", "secret"))
        index.redirect(NAME, other.file_url(NAME).replace("//", "//thief:x@"))
        await downloader.fetch(listed(index), str(part), Silent())
        assert [request.authorization is None for request in index.requests] == [False]
        assert [request.authorization for request in other.requests] == [None]


async def test_a_guarded_file_is_denied_without_credentials(
    downloader: Downloader, credentials: Credentials, folder: Path, part: Path
) -> None:
    """401 is AccessDenied; with the index's credentials the file comes."""
    with running_index(folder, IndexOptions(auth=("me", "secret"))) as index:
        with pytest.raises(AccessDenied):
            await downloader.fetch(listed(index), str(part), Silent())
        credentials.remember(index.with_login("me", "secret"))
        assert await downloader.fetch(listed(index), str(part), Silent()) == whole(part)


async def test_cancelling_ends_the_thread(
    credentials: Credentials, folder: Path, part: Path
) -> None:
    """A cancelled download stops waiting for bytes, keeps what came, and can go on."""
    downloader = Downloader(credentials, at_once=1, silence=60.0, retry=IMPATIENT)
    with running_index(folder) as index:
        index.stall(NAME, after=2_500_000)
        tasks = [
            asyncio.create_task(downloader.fetch(listed(index), f"{part}{number}", Silent()))
            for number in range(2)
        ]
        await asyncio.to_thread(wait_for_size, Path(f"{part}0"), 2_000_000)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert [task.cancelled() for task in tasks] == [True, True]
        assert not exists(Path(f"{part}1"))
        download = await downloader.fetch(listed(index), f"{part}0", Silent())
        assert download.received < 1_000_000
    await downloader.close()


async def test_nobody_there_is_said_so(downloader: Downloader, part: Path) -> None:
    """A server that cannot be reached is a failed download, and leaves nothing."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/{NAME}"
        with pytest.raises(DownloadFailed) as caught:
            await downloader.fetch(DistFile(filename=NAME, url=url), str(part), Silent())
    assert (caught.value.reason, exists(part)) == ("the server cannot be reached", False)


async def test_a_full_disk_is_no_space(downloader: Downloader, folder: Path, part: Path) -> None:
    """ENOSPC of the file system is told as such, and what came makes room again."""
    os.symlink("/dev/full", part)  # through a link, for the part is removed
    with running_index(folder) as index, pytest.raises(NoSpace) as caught:
        await downloader.fetch(listed(index, hashes={}), str(part), Silent())
    assert caught.value.doing == f"downloading {NAME}"
    assert (exists(part), exists(Path("/dev/full"))) == (False, True)


async def test_a_local_file_is_hashed_in_place(
    downloader: Downloader, folder: Path, part: Path
) -> None:
    """A file: URL gives its own path; a wrong promise is told, and the file stays."""
    path = folder / NAME
    url = file_url(str(path))
    download = await downloader.fetch(DistFile(filename=NAME, url=url), str(part), Silent())
    assert download == whole(path, received=0)
    wrong = DistFile(filename=NAME, url=url, hashes={"sha256": "0" * 64})
    with pytest.raises(HashMismatch):
        await downloader.fetch(wrong, str(part), Silent())
    assert (exists(path), exists(part)) == (True, False)


async def test_a_missing_local_file_is_named(downloader: Downloader, part: Path) -> None:
    """The reason is the system's."""
    file = DistFile(filename=NAME, url=f"file:///nowhere/{NAME}")
    with pytest.raises(DownloadFailed) as caught:
        await downloader.fetch(file, str(part), Silent())
    assert caught.value.reason == os.strerror(errno.ENOENT).lower()


async def test_many_at_once(downloader: Downloader, folder: Path, tmp_path: Path) -> None:
    """More downloads than threads all come to their end."""
    with running_index(folder) as index:
        paths = [tmp_path / f"part{number}" for number in range(12)]
        fetches = [downloader.fetch(listed(index), str(path), Silent()) for path in paths]
        assert await asyncio.gather(*fetches) == [whole(path) for path in paths]
