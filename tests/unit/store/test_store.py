import asyncio
import hashlib
import os
import time
from pathlib import Path

import pytest

from linkd.core.progress import Phase, Progress
from linkd.core.wheel import DistFile
from linkd.errors import BrokenWheel, DownloadFailed, HashMismatch, NoSpace
from linkd.fetch.urls import file_url
from linkd.store.layout import Layout
from linkd.store.state import State
from linkd.store.store import Store, StoreStats
from tests.support.stamps import let_settle
from tests.support.wheels import Tamper, make_wheel, metadata
from tests.unit.store.surroundings import (
    FolderDownloads,
    dist_file,
    incoming,
    overwrite,
    sha256_of,
    size_of,
    tree_text,
)


class Listener:
    def __init__(self) -> None:
        self.told: list[Progress] = []

    def report(self, progress: Progress, /) -> None:
        self.told.append(progress)


@pytest.fixture
def wheel(index: Path) -> Path:
    return make_wheel(index, "foo")


async def test_ensure(store: Store, wheel: Path) -> None:
    """A wheel that is not there is fetched and unpacked."""
    ensured = await store.ensure(dist_file(wheel))
    assert ensured.downloaded == size_of(wheel)
    assert tree_text(ensured.wheel, "foo/__init__.py") == '__version__ = "1.0"\n'


async def test_ensure_again(store: Store, downloads: FolderDownloads, wheel: Path) -> None:
    """A wheel that is there costs nothing."""
    await store.ensure(dist_file(wheel))
    again = await store.ensure(dist_file(wheel))
    assert (again.downloaded, downloads.asked) == (0, [wheel.name])


async def test_many_waiters(store: Store, downloads: FolderDownloads, wheel: Path) -> None:
    """Sixteen who want one wheel at once have it downloaded once, and all see the progress."""
    downloads.gate.clear()
    listeners = [Listener() for _ in range(16)]
    tasks = [asyncio.create_task(store.ensure(dist_file(wheel), one)) for one in listeners]
    await downloads.begun.wait()
    downloads.gate.set()
    ensured = await asyncio.gather(*tasks)
    assert downloads.asked == [wheel.name]
    assert sorted({one.downloaded for one in ensured}) == [0, size_of(wheel)]
    assert sum(one.downloaded for one in ensured) == size_of(wheel)
    assert {listener.told[-1].phase for listener in listeners} == {Phase.UNPACK}


async def test_another_run(
    store: Store, layout: Layout, downloads: FolderDownloads, state: State, wheel: Path
) -> None:
    """What one run unpacked the next one finds."""
    await store.ensure(dist_file(wheel))
    second = Store(layout, downloads, state)
    found = await second.find(sha256_of(wheel))
    await second.close()
    assert found is not None
    assert found.manifest.name == "foo"


async def test_nothing_left(store: Store, layout: Layout, wheel: Path) -> None:
    """The archive is not kept once it is unpacked."""
    await store.ensure(dist_file(wheel))
    assert incoming(layout) == []


async def test_interrupted_download(
    store: Store, layout: Layout, downloads: FolderDownloads, wheel: Path
) -> None:
    """A download that failed stays under its sha256, so that it can be gone on with."""
    downloads.error = DownloadFailed(filename=wheel.name, url="", reason="reset")
    with pytest.raises(DownloadFailed):
        await store.ensure(dist_file(wheel))
    assert incoming(layout) == [f"{sha256_of(wheel)}.part"]


@pytest.mark.parametrize("promised", [True, False])
async def test_cancelled(
    store: Store, layout: Layout, downloads: FolderDownloads, wheel: Path, promised: bool
) -> None:
    """Of a cancelled download nothing stays but what can be gone on with."""
    downloads.gate.clear()
    task = asyncio.create_task(store.ensure(dist_file(wheel, promised=promised)))
    await downloads.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert incoming(layout) == ([f"{sha256_of(wheel)}.part"] if promised else [])


async def test_full_disk(
    store: Store, layout: Layout, downloads: FolderDownloads, wheel: Path
) -> None:
    """On a full disk not even the partial download stays."""
    downloads.error = NoSpace(path="", doing="downloading")
    with pytest.raises(NoSpace):
        await store.ensure(dist_file(wheel))
    assert incoming(layout) == []


async def test_broken_wheel(store: Store, layout: Layout, index: Path) -> None:
    """Of a wheel that is refused nothing stays."""
    broken = make_wheel(index, "foo", tamper=Tamper(absent=["x"]))
    with pytest.raises(BrokenWheel):
        await store.ensure(dist_file(broken))
    assert (incoming(layout), os.listdir(layout.wheels)) == ([], [])


async def test_without_promise(store: Store, downloads: FolderDownloads, wheel: Path) -> None:
    """A file whose hash nobody promises is fetched each time, and stored once by its content."""
    first = await store.ensure(dist_file(wheel, promised=False))
    second = await store.ensure(dist_file(wheel, promised=False))
    assert second.wheel == first.wheel
    assert len(downloads.asked) == 2


async def test_nonsense_promised(store: Store, layout: Layout, wheel: Path) -> None:
    """What an index promises becomes no path unless it is a digest."""
    file = DistFile(
        filename=wheel.name,
        url=f"http://127.0.0.1/{wheel.name}",
        hashes={"sha256": "../../../evil"},
    )
    ensured = await store.ensure(file)
    assert ensured.wheel.manifest.sha256 == sha256_of(wheel)
    assert incoming(layout) == []


async def test_wrong_promise(store: Store, layout: Layout, index: Path, wheel: Path) -> None:
    """A file that is not the one promised is not kept."""
    file = dist_file(wheel)
    make_wheel(index, "foo", requires=["bar"])
    with pytest.raises(HashMismatch) as caught:
        await store.ensure(file)
    assert caught.value.source == "the index"
    assert (incoming(layout), os.listdir(layout.wheels)) == ([], [])


def sha512_of(path: Path) -> str:
    return hashlib.sha512(path.read_bytes()).hexdigest()


async def test_required_against_promised(
    store: Store, downloads: FolderDownloads, wheel: Path
) -> None:
    """A requirement's sha256 that is not the index's is refused without a download."""
    with pytest.raises(HashMismatch) as caught:
        await store.ensure(dist_file(wheel), required_hashes={"sha256": frozenset(["ab" * 32])})
    error = caught.value
    assert (error.source, error.expected, error.actual) == (
        "the requirement file",
        "ab" * 32,
        sha256_of(wheel),
    )
    assert downloads.asked == []


@pytest.mark.parametrize("promised", [True, False])
async def test_required_sha256(
    store: Store, downloads: FolderDownloads, wheel: Path, promised: bool
) -> None:
    """A requirement's sha256 names the wheel also where no index does."""
    required = {"sha256": frozenset([sha256_of(wheel).upper()])}
    for _ in range(2):
        await store.ensure(dist_file(wheel, promised=promised), required_hashes=required)
    assert downloads.asked == [wheel.name]


async def test_required_one_of_several(store: Store, wheel: Path) -> None:
    """Of several hashes one has to match."""
    required = {"sha256": frozenset(["ab" * 32]), "sha512": frozenset([sha512_of(wheel)])}
    ensured = await store.ensure(dist_file(wheel), required_hashes=required)
    assert ensured.wheel.manifest.sha256 == sha256_of(wheel)


@pytest.mark.parametrize("algorithm", ["sha512", "no-such-algorithm", "shake_128"])
async def test_required_other_algorithm(
    store: Store, layout: Layout, wheel: Path, algorithm: str
) -> None:
    """A hash of another algorithm is compared too, and nothing new is kept of what fails."""
    with pytest.raises(HashMismatch) as caught:
        await store.ensure(dist_file(wheel), required_hashes={algorithm: frozenset(["00"])})
    assert (caught.value.algorithm, caught.value.source) == (algorithm, "the requirement file")
    assert (incoming(layout), os.listdir(layout.wheels)) == ([], [])


async def test_required_of_a_stored_wheel(
    store: Store, downloads: FolderDownloads, wheel: Path
) -> None:
    """The index's word is not enough: the archive is fetched once more, and then it is known."""
    hashes = {"sha256": sha256_of(wheel), "sha512": "00"}
    file = DistFile(filename=wheel.name, url=dist_file(wheel).url, hashes=hashes)
    await store.ensure(file)
    with pytest.raises(HashMismatch):
        await store.ensure(file, required_hashes={"sha512": frozenset(["00"])})
    await store.ensure(file, required_hashes={"sha512": frozenset([sha512_of(wheel)])})
    assert len(downloads.asked) == 2


async def test_local_file(
    store: Store, layout: Layout, downloads: FolderDownloads, wheel: Path
) -> None:
    """A file on a disk is hashed once, left where it is, and hashed again when it changes."""
    let_settle()
    file = DistFile(filename=wheel.name, url=file_url(str(wheel)))
    first = await store.ensure(file)
    await store.ensure(file)
    assert (first.downloaded, len(downloads.asked), os.listdir(wheel.parent)) == (
        0,
        1,
        [wheel.name],
    )
    make_wheel(wheel.parent, "foo", requires=["bar"])
    changed = await store.ensure(file)
    assert changed.wheel.manifest.sha256 == sha256_of(wheel)
    assert incoming(layout) == []


async def test_metadata(store: Store, wheel: Path) -> None:
    """The metadata of a file is that of its wheel."""
    assert await store.metadata(dist_file(wheel)) == metadata("foo", "1.0").encode()


async def test_stats(store: Store, index: Path) -> None:
    """Wheels and bytes are counted as they come and go."""
    one = await store.ensure(dist_file(make_wheel(index, "foo")))
    two = await store.ensure(dist_file(make_wheel(index, "bar")))
    await store.retire(two.wheel.manifest.sha256)
    assert await store.stats() == StoreStats(wheels=1, bytes=one.wheel.manifest.size, unpacked=2)
    assert await store.find(two.wheel.manifest.sha256) is None


async def test_quarantine(store: Store, wheel: Path) -> None:
    """A wheel with a file that was edited, or is gone, is taken out; one that is whole stays, as
    when somebody else has had it fetched anew already."""
    for spoil in (lambda path: path.write_text("edited"), Path.unlink):
        stored = (await store.ensure(dist_file(wheel))).wheel
        spoil(Path(stored.tree, "foo/__init__.py"))
        await store.quarantine(stored.manifest.sha256)
        assert await store.find(stored.manifest.sha256) is None
        assert (await store.stats()).wheels == 0
    stored = (await store.ensure(dist_file(wheel))).wheel
    await asyncio.gather(*(store.quarantine(stored.manifest.sha256) for _ in range(8)))
    assert await store.find(stored.manifest.sha256) is not None
    assert (await store.stats()).wheels == 1


async def test_stats_of_another_run(
    store: Store, layout: Layout, downloads: FolderDownloads, tmp_path: Path, wheel: Path
) -> None:
    """What is there is counted at the start, also with a state that knows nothing."""
    ensured = await store.ensure(dist_file(wheel))
    state = State(str(tmp_path / "other.sqlite"))
    second = Store(layout, downloads, state)
    await second.start()
    stats = await second.stats()
    await second.close()
    state.close()
    assert stats == StoreStats(wheels=1, bytes=ensured.wheel.manifest.size, unpacked=0)


async def test_damaged_manifest(
    store: Store, layout: Layout, downloads: FolderDownloads, state: State, wheel: Path
) -> None:
    """An entry whose manifest does not read is made again."""
    await store.ensure(dist_file(wheel))
    overwrite(layout.manifest(sha256_of(wheel)), b"")
    second = Store(layout, downloads, state)
    ensured = await second.ensure(dist_file(wheel))
    await second.close()
    assert tree_text(ensured.wheel, "foo/__init__.py") == '__version__ = "1.0"\n'
    assert len(os.listdir(layout.trash)) == 1


async def test_start_clears(layout: Layout, downloads: FolderDownloads, state: State) -> None:
    """A start removes what a killed daemon left, but not what can be gone on with."""
    for folder, name in ((layout.incoming, "unpack-x"), (layout.trash, "y")):
        os.makedirs(os.path.join(folder, name, "tree"))
    overwrite(layout.part("ab" * 32), b"half")
    past = time.time() - 60
    os.utime(os.path.join(layout.incoming, "unpack-x"), (past, past))
    store = Store(layout, downloads, state)
    await store.start()
    await store.close()
    assert (incoming(layout), os.listdir(layout.trash)) == ([f"{'ab' * 32}.part"], [])


async def test_bounded_memory(
    layout: Layout, downloads: FolderDownloads, state: State, index: Path
) -> None:
    """Manifests that have left the memory are read again."""
    store = Store(layout, downloads, state, manifest_files=1)
    wheels = [make_wheel(index, name) for name in ("foo", "bar")]
    for wheel in [*wheels, *wheels]:
        await store.ensure(dist_file(wheel))
    await store.close()
    assert len(downloads.asked) == 2


async def test_at_hand(store: Store, wheel: Path, index: Path) -> None:
    """What is in memory is had without waiting; what is not, or is not what is required, is not."""
    file = dist_file(wheel)
    assert store.at_hand(file) is None
    ensured = await store.ensure(file)
    right, wrong = frozenset([sha256_of(wheel).upper()]), frozenset(["0" * 64])
    assert store.at_hand(file) is ensured.wheel
    assert store.at_hand(file, {"sha256": right | wrong}) is ensured.wheel
    assert store.at_hand(file, {"sha256": wrong}) is None
    assert store.at_hand(file, {"sha512": frozenset([sha512_of(wheel)])}) is None
    assert store.at_hand(dist_file(make_wheel(index, "bar"))) is None
    await store.retire(ensured.wheel.manifest.sha256)
    assert store.at_hand(file) is None


async def test_a_local_file_at_hand(store: Store, wheel: Path) -> None:
    """A file on a disk is known by its state: changed, replaced or gone it is not at hand."""
    let_settle()
    file = DistFile(filename=wheel.name, url=file_url(str(wheel)))
    first = await store.ensure(file)
    await store.ensure(file)
    assert store.at_hand(file) is first.wheel
    make_wheel(wheel.parent, "foo", requires=["bar"])
    assert store.at_hand(file) is None
    await store.ensure(file)
    os.unlink(wheel)
    assert store.at_hand(file) is None


async def test_a_local_file_within_one_tick(store: Store, wheel: Path) -> None:
    """One that is changed too soon for its stamp to tell is hashed again."""
    file = DistFile(filename=wheel.name, url=file_url(str(wheel)))
    tick = time.time_ns() + 10**9 | 1  # never older than the looks, however slow they are
    for requirement in ("bar", "baz"):
        made = make_wheel(wheel.parent, "foo", requires=[requirement], compress=False)
        os.utime(made, ns=(tick, tick))
        ensured = await store.ensure(file)
        assert ensured.wheel.manifest.sha256 == sha256_of(made)
        assert store.at_hand(file) is None
