"""A remembered resolution is given only where resolving anew would give the same."""

import dataclasses
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from linkd.core.formats import Formats, parse_names
from linkd.core.listings import PageState, StatedPages
from linkd.core.source import Built, Source
from linkd.core.target import Interpreter
from linkd.core.wheel import DistFile, ProjectPage
from linkd.errors import IndexUnavailable, InvalidIndexSettings, ProjectNotFound, ResolveError
from linkd.fetch.credentials import Credentials
from linkd.fetch.http import HttpClient, HttpLimits
from linkd.fetch.metadata import MetadataReader
from linkd.fetch.pages import Indexes
from linkd.fetch.retry import RetryPolicy
from linkd.fetch.settings import IndexSettings
from linkd.resolve.remembering import RememberingResolver
from linkd.resolve.resolver import Resolver, ResolveRequest
from tests.support.index import IndexOptions, RunningIndex, running_index
from tests.support.stamps import let_settle
from tests.support.wheels import make_wheel

from .world import INTERPRETER, ask

BAR = NormalizedName("bar")
BAR_2 = "bar-2.0-py3-none-any.whl"


class Wheels:
    """Listings of wheels alone."""

    def __init__(self, pages: StatedPages) -> None:
        self._pages = pages

    @property
    def sources(self) -> tuple[str, ...]:
        return self._pages.sources

    async def look(self) -> None:
        await self._pages.look()

    def known_state(self, name: NormalizedName, /) -> PageState | None:
        return self._pages.known_state(name)

    async def state(self, name: NormalizedName, /) -> PageState:
        return await self._pages.state(name)

    async def project(self, name: NormalizedName, /) -> ProjectPage:
        return await self._pages.project(name)

    async def metadata(
        self, file: DistFile, required: Mapping[str, frozenset[str]] | None = None, /
    ) -> bytes:
        del required
        return await self._pages.metadata(file)

    async def built(
        self,
        source: Source,
        hashes: Mapping[str, frozenset[str]],
        name: NormalizedName | None,
        /,
    ) -> Built:
        raise AssertionError((source, hashes, name))


class Daemon:
    """What of a daemon resolves; another one over the same folder is the next run of it."""

    def __init__(self, folder: Path) -> None:
        credentials = Credentials()
        self.http = HttpClient(
            credentials, limits=HttpLimits(), retry=RetryPolicy(attempts=1, first_delay=0.01)
        )
        metadata = MetadataReader(self.http, folder / "index", self._whole)
        self.indexes = Indexes(self.http, folder / "index", credentials, metadata=metadata)
        self.executor = ThreadPoolExecutor(1)
        self.inner = Resolver()
        self.resolver = RememberingResolver(self.inner, folder / "resolutions", self.executor)

    async def _whole(self, file: DistFile) -> bytes:
        raise AssertionError(file)

    async def close(self) -> None:
        self.executor.shutdown()
        self.inner.close()
        await self.http.close()

    async def resolve(
        self,
        settings: IndexSettings,
        *texts: str,
        interpreter: Interpreter = INTERPRETER,
        constraints: tuple[str, ...] = (),
        installed: Mapping[NormalizedName, Version] | None = None,
        no_binary: tuple[str, ...] = (),
        options: Mapping[str, bool] | None = None,
    ) -> dict[str, str]:
        request = ResolveRequest(
            requirements=ask(*texts),
            constraints=ask(*constraints),
            preferred=installed or {},
            formats=Formats(no_binary=parse_names(no_binary)),
            **(options or {}),
        )
        listings = Wheels(self.indexes.snapshot(settings))
        resolution = await self.resolver.resolve(request, interpreter, listings)
        return {pin.name: str(pin.version) for pin in resolution.pins}

    @property
    def hits(self) -> int:
        return self.resolver.hits


@pytest.fixture(autouse=True)
def _no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    daemon = Daemon(tmp_path / "cache")
    yield daemon
    await daemon.close()


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """foo 1.0, which needs bar, of which there are 1.0 and 2.0."""
    folder = tmp_path / "wheels"
    make_wheel(folder, "foo", "1.0", requires=["bar"], compress=False)
    make_wheel(folder, "bar", "1.0")
    make_wheel(folder, "bar", "2.0")
    let_settle()
    return folder


Serve = Callable[..., RunningIndex]


@pytest.fixture
def serve(wheels: Path) -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(running_index(wheels, IndexOptions(**options)))


def at(index: RunningIndex) -> IndexSettings:
    return IndexSettings(index_url=index.url)


def links(folder: Path) -> IndexSettings:
    return IndexSettings(find_links=(str(folder),), no_index=True)


async def test_the_same_again(daemon: Daemon, serve: Serve) -> None:
    """A fresh index is not asked, and the answer is the same, wherever it was written."""
    index = serve(max_age=600)
    first = await daemon.resolve(at(index), "foo", "bar<3")
    index.clear()
    assert await daemon.resolve(at(index), "foo", "bar<3") == first == {"bar": "2.0", "foo": "1.0"}
    assert (daemon.hits, index.requests) == (1, [])


@pytest.mark.parametrize("etag", [True, False])
async def test_a_page_that_is_asked_for_again(daemon: Daemon, serve: Serve, etag: bool) -> None:
    """Without freshness every page is asked for again; if they are as they were, that is all."""
    index = serve(etag=etag)
    await daemon.resolve(at(index), "foo")
    index.clear()
    await daemon.resolve(at(index), "foo")
    assert daemon.hits == 1
    assert sorted(request.path for request in index.requests) == ["/simple/bar/", "/simple/foo/"]


@pytest.mark.parametrize("etag", [True, False])
async def test_a_new_release(daemon: Daemon, serve: Serve, wheels: Path, etag: bool) -> None:
    """A page that has changed, also that of a dependency, is resolved anew."""
    index = serve(etag=etag)
    await daemon.resolve(at(index), "foo")
    make_wheel(wheels, "bar", "3.0")
    assert await daemon.resolve(at(index), "foo") == {"bar": "3.0", "foo": "1.0"}
    assert daemon.hits == 0


async def test_another_projects_release(daemon: Daemon, serve: Serve, wheels: Path) -> None:
    """A project that was not looked at may change."""
    index = serve()
    await daemon.resolve(at(index), "foo")
    make_wheel(wheels, "other", "3.0")
    await daemon.resolve(at(index), "foo")
    assert daemon.hits == 1


async def test_yanked_meanwhile(daemon: Daemon, serve: Serve) -> None:
    """A release that was yanked since is not chosen any more."""
    index = serve(etag=True)
    await daemon.resolve(at(index), "foo")
    index.options.yanked["bar-2.0-py3-none-any.whl"] = "broken"
    assert await daemon.resolve(at(index), "foo") == {"bar": "1.0", "foo": "1.0"}


async def test_a_project_that_is_gone(daemon: Daemon, serve: Serve, wheels: Path) -> None:
    """What the index does not have any more is not found."""
    index = serve()
    await daemon.resolve(at(index), "foo")
    (wheels / "foo-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ProjectNotFound):
        await daemon.resolve(at(index), "foo")


async def test_a_project_that_was_not_there(daemon: Daemon, serve: Serve, wheels: Path) -> None:
    """That a project is missing is not remembered either."""
    index = serve()
    with pytest.raises(ProjectNotFound):
        await daemon.resolve(at(index), "new")
    make_wheel(wheels, "new")
    assert await daemon.resolve(at(index), "new") == {"new": "1.0"}


async def test_an_index_that_fails(daemon: Daemon, serve: Serve) -> None:
    """A page that cannot be asked for is an error, not a reason to answer from memory."""
    index = serve()
    await daemon.resolve(at(index), "foo")
    index.fail("/simple/bar/", times=10)
    with pytest.raises(IndexUnavailable):
        await daemon.resolve(at(index), "foo")


async def test_a_source_before_it(daemon: Daemon, serve: Serve, tmp_path: Path) -> None:
    """The sources of a request are a part of what it asks."""
    index = serve(max_age=600)
    await daemon.resolve(at(index), "foo")
    make_wheel(tmp_path / "more", "bar", "4.0")
    more = dataclasses.replace(at(index), find_links=(str(tmp_path / "more"),))
    assert await daemon.resolve(more, "foo") == {"bar": "4.0", "foo": "1.0"}


async def test_find_links_again(daemon: Daemon, wheels: Path) -> None:
    """A folder of wheels that stayed as it was gives the same answer."""
    first = await daemon.resolve(links(wheels), "foo")
    assert await daemon.resolve(links(wheels), "foo") == first
    assert daemon.hits == 1


def add(wheels: Path) -> None:
    make_wheel(wheels, "bar", "3.0")


def remove(wheels: Path) -> None:
    (wheels / "bar-2.0-py3-none-any.whl").unlink()


def replace(wheels: Path) -> None:
    """By one of the same size and time, but other requirements."""
    path = wheels / "foo-1.0-py3-none-any.whl"
    before = path.stat()
    make_wheel(wheels / "aside", "foo", "1.0", requires=["baz"], compress=False)
    make_wheel(wheels, "baz", "1.0")
    content = (wheels / "aside" / path.name).read_bytes()
    path.write_bytes(content)
    assert len(content) == before.st_size
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (add, {"bar": "3.0", "foo": "1.0"}),
        (remove, {"bar": "1.0", "foo": "1.0"}),
    ],
)
async def test_find_links_changed(
    daemon: Daemon, wheels: Path, change: Callable[[Path], None], wanted: Mapping[str, str]
) -> None:
    """A wheel that comes or goes among the files is noticed."""
    await daemon.resolve(links(wheels), "foo")
    change(wheels)
    assert await daemon.resolve(links(wheels), "foo") == wanted


async def test_a_wheel_replaced(tmp_path: Path, wheels: Path) -> None:
    """So is one that was replaced in place, even with the size and time of the old one."""
    for number, expected in enumerate(({"bar": "2.0", "foo": "1.0"}, {"baz": "1.0", "foo": "1.0"})):
        daemon = Daemon(tmp_path / "cache")
        try:
            assert await daemon.resolve(links(wheels), "foo") == expected
            assert daemon.hits == 0
        finally:
            await daemon.close()
        if number == 0:
            replace(wheels)


async def test_a_wheel_within_one_tick(daemon: Daemon, wheels: Path) -> None:
    """What rests on a file that was written just now is not remembered: it may be half of it."""
    make_wheel(wheels, "bar", "3.0")
    await daemon.resolve(links(wheels), "foo")
    await daemon.resolve(links(wheels), "foo")
    assert daemon.hits == 0


async def test_find_links_that_are_gone(daemon: Daemon, wheels: Path) -> None:
    """A folder that is not there any more is complained of."""
    await daemon.resolve(links(wheels), "foo")
    os.rename(wheels, wheels.parent / "elsewhere")
    with pytest.raises(InvalidIndexSettings):
        await daemon.resolve(links(wheels), "foo")


async def test_a_wheel_named_by_its_path(daemon: Daemon, wheels: Path) -> None:
    """The file of a direct requirement counts as it is now."""
    text = f"foo @ file://{wheels}/foo-1.0-py3-none-any.whl"
    await daemon.resolve(links(wheels), text)
    await daemon.resolve(links(wheels), text)
    assert daemon.hits == 1
    make_wheel(wheels, "foo", "1.0", requires=["bar<2"])
    assert await daemon.resolve(links(wheels), text) == {"bar": "1.0", "foo": "1.0"}


async def test_another_interpreter(daemon: Daemon, serve: Serve, wheels: Path) -> None:
    """The interpreter's markers and tags are a part of what is asked."""
    make_wheel(wheels, "new", "1.0", requires=["bar==1.0; python_version<'3.13'", "bar"])
    make_wheel(wheels, "bar", "9.0", tag="cp313-cp313-linux_x86_64")
    newer = dataclasses.replace(
        INTERPRETER,
        markers={**INTERPRETER.markers, "python_version": "3.13", "python_full_version": "3.13.0"},
        tags=("cp313-cp313-linux_x86_64", "py3-none-any"),
    )
    index = serve(max_age=600)
    assert await daemon.resolve(at(index), "new") == {"bar": "1.0", "new": "1.0"}
    found = await daemon.resolve(at(index), "new", interpreter=newer)
    assert (found, daemon.hits) == ({"bar": "9.0", "new": "1.0"}, 0)


async def test_everything_that_is_asked_counts(daemon: Daemon, serve: Serve, wheels: Path) -> None:
    """Constraints, what is installed, and each option are a part of what is asked."""
    make_wheel(wheels, "bar", "3.0rc1")
    index = serve(max_age=600)
    found = [
        await daemon.resolve(at(index), "foo"),
        await daemon.resolve(at(index), "foo", constraints=("bar<2",)),
        await daemon.resolve(at(index), "foo", installed={BAR: Version("1.0")}),
        await daemon.resolve(
            at(index), "foo", installed={BAR: Version("1.0")}, options={"upgrade": True}
        ),
        await daemon.resolve(at(index), "foo", options={"no_deps": True}),
        await daemon.resolve(at(index), "foo", options={"prerelease": True}),
    ]
    assert [each.get("bar") for each in found] == ["2.0", "1.0", "1.0", "2.0", None, "3.0rc1"]
    with pytest.raises(ResolveError):
        await daemon.resolve(at(index), "foo", no_binary=(":all:",))
    assert daemon.hits == 0


async def test_a_wheel_without_a_hash(daemon: Daemon, serve: Serve) -> None:
    """What an index promises no hash of may be another one tomorrow: it is not remembered."""
    index = serve(max_age=600, hashes=False)
    await daemon.resolve(at(index), "foo")
    await daemon.resolve(at(index), "foo")
    assert daemon.hits == 0


async def test_the_next_run_of_the_daemon(tmp_path: Path, serve: Serve, wheels: Path) -> None:
    """Answers outlive the process, with all that is in them."""
    index = serve(max_age=600)
    index.options.yanked["foo-1.0-py3-none-any.whl"] = "do not"
    digest = hashlib.sha256((wheels / BAR_2).read_bytes()).hexdigest()
    direct = f"bar @ {index.file_url(BAR_2)}#sha256={digest}"
    resolutions = []
    for hits in (0, 1):
        daemon = Daemon(tmp_path / "cache")
        request = ResolveRequest(requirements=ask("foo==1.0", direct))
        listings = Wheels(daemon.indexes.snapshot(at(index)))
        resolutions.append(await daemon.resolver.resolve(request, INTERPRETER, listings))
        assert daemon.hits == hits
        await daemon.close()
    assert resolutions[0] == resolutions[1]


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 400])
async def test_a_damaged_memory(tmp_path: Path, serve: Serve, damage: bytes) -> None:
    """What is damaged on the disk is ignored, and written anew."""
    index = serve(max_age=600)
    hits = []
    for _ in range(3):
        daemon = Daemon(tmp_path / "cache")
        await daemon.resolve(at(index), "foo")
        await daemon.close()
        hits.append(daemon.hits)
        if len(hits) == 1:
            [path] = [
                path for path in (tmp_path / "cache/resolutions").rglob("*") if path.is_file()
            ]
            path.write_bytes(damage)
    assert hits == [0, 0, 1]


async def test_the_next_run_sees_what_changed(tmp_path: Path, serve: Serve, wheels: Path) -> None:
    """What changed while no daemon ran is noticed."""
    index = serve(etag=True)
    for expected in ("2.0", "3.0"):
        daemon = Daemon(tmp_path / "cache")
        found = await daemon.resolve(at(index), "foo")
        await daemon.close()
        assert found["bar"] == expected
        make_wheel(wheels, "bar", "3.0")
