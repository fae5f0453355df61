import asyncio
import socket
from pathlib import Path

import pytest

from linkd.errors import AccessDenied, IndexUnavailable
from linkd.fetch.credentials import Credentials
from linkd.fetch.http import HttpClient, HttpLimits
from tests.support.index import IndexOptions, running_index
from tests.support.wheels import make_wheel
from tests.unit.fetch.conftest import IMPATIENT


async def test_an_answer_is_whole(tmp_path: Path, http: HttpClient) -> None:
    """Status, lower-case header names, body and URL are there."""
    wheel = make_wheel(tmp_path / "wheels", "foo")
    with running_index(wheel.parent, IndexOptions(max_age=5)) as index:
        answer = await http.get(index.file_url(wheel.name))
        assert (answer.status, answer.body) == (200, wheel.read_bytes())
        assert answer.headers["cache-control"] == "max-age=5"
        assert answer.url == index.file_url(wheel.name)


async def test_a_missing_page_is_an_answer(tmp_path: Path, http: HttpClient) -> None:
    """404 is for the caller to judge, and not asked for again."""
    with running_index(tmp_path) as index:
        answer = await http.get(f"{index.url}/nothing/")
        assert (answer.status, len(index.requests)) == (404, 1)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_transient_answers_are_retried(tmp_path: Path, http: HttpClient, status: int) -> None:
    """Overload and server errors pass unseen while attempts are left."""
    wheel = make_wheel(tmp_path / "wheels", "foo")
    with running_index(wheel.parent) as index:
        index.fail("foo", times=2, status=status, retry_after="0")
        answer = await http.get(index.file_url(wheel.name))
        assert answer.status == 200
        assert [request.status for request in index.requests] == [status, status, 200]


async def test_exhausted_attempts_name_the_index(tmp_path: Path, http: HttpClient) -> None:
    """The error has the URL, without credentials, and the last reason."""
    with running_index(tmp_path) as index:
        index.fail("foo", times=9)
        with pytest.raises(IndexUnavailable) as caught:
            await http.get(index.with_login("me", "secret") + "/foo/")
        assert caught.value.url == f"{index.url}/foo/"
        assert caught.value.reason == "it answers 500"
        assert len(index.requests) == 3


async def test_a_broken_connection_is_retried(tmp_path: Path, http: HttpClient) -> None:
    """A body that ends too early is fetched again."""
    wheel = make_wheel(tmp_path / "wheels", "foo")
    with running_index(wheel.parent) as index:
        index.truncate("foo", after=10)
        answer = await http.get(index.file_url(wheel.name))
        assert answer.body == wheel.read_bytes()
        assert len(index.requests) == 2


async def test_a_silent_server_is_asked_again(tmp_path: Path, credentials: Credentials) -> None:
    """After a while without bytes there is another attempt."""
    wheel = make_wheel(tmp_path / "wheels", "foo")
    http = HttpClient(credentials, limits=HttpLimits(silence=0.5), retry=IMPATIENT)
    with running_index(wheel.parent) as index:
        index.stall("foo", after=10)
        answer = await http.get(index.file_url(wheel.name))
        assert answer.body == wheel.read_bytes()
    await http.close()


async def test_nobody_there_is_said_so(http: HttpClient) -> None:
    """A port without a server is unavailable."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(IndexUnavailable) as caught:
            await http.get(f"http://127.0.0.1:{port}/simple/foo/")
    assert caught.value.reason == "connection refused"


async def test_what_is_no_url_is_unavailable(http: HttpClient) -> None:
    """An invalid URL is not tried again and not a crash."""
    with pytest.raises(IndexUnavailable):
        await http.get("http:///foo")


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_is_access_denied(tmp_path: Path, http: HttpClient, status: int) -> None:
    """401 and 403 are not retried."""
    with running_index(tmp_path) as index:
        index.fail("foo", status=status, times=9)
        with pytest.raises(AccessDenied) as caught:
            await http.get(f"{index.url}/foo/")
        assert (caught.value.status, len(index.requests)) == (status, 1)


async def test_credentials_open_a_guarded_index(
    tmp_path: Path, http: HttpClient, credentials: Credentials
) -> None:
    """What an index's URL held is sent to it and to its files."""
    wheel = make_wheel(tmp_path / "wheels", "foo")
    with running_index(wheel.parent, IndexOptions(auth=("me", "p@ss"))) as index:
        credentials.remember(index.with_login("me", "p@ss"))
        answers = [await http.get(url) for url in (f"{index.url}/foo/", index.file_url(wheel.name))]
        assert [answer.status for answer in answers] == [200, 200]


async def test_credentials_follow_no_redirect_to_another_origin(
    tmp_path: Path, http: HttpClient, credentials: Credentials
) -> None:
    """The second server sees no Authorization, the first one does."""
    wheel = make_wheel(tmp_path / "wheels", "foo")
    with running_index(wheel.parent) as other, running_index(wheel.parent) as index:
        credentials.remember(index.with_login("me", "secret"))
        target = other.file_url(wheel.name).replace("//", "//thief:x@")
        index.redirect("foo", target)
        answer = await http.get(index.file_url(wheel.name))
        assert (answer.status, answer.url) == (200, other.file_url(wheel.name))
        assert [request.authorization is None for request in index.requests] == [False]
        assert [request.authorization for request in other.requests] == [None]


async def test_endless_redirects_end(tmp_path: Path, http: HttpClient) -> None:
    """A server that redirects to itself is unavailable."""
    with running_index(tmp_path) as index:
        index.redirect("foo", f"{index.url}/foo/")
        with pytest.raises(IndexUnavailable) as caught:
            await http.get(f"{index.url}/foo/")
        assert caught.value.reason == "it redirects without end"


async def test_too_large_a_body_is_refused(tmp_path: Path, http: HttpClient) -> None:
    """No answer fills the memory."""
    wheels = tmp_path / "wheels"
    wheel = make_wheel(wheels, "foo", files={"foo.bin": bytes(2 << 20)}, compress=False)
    with running_index(wheels) as index:
        with pytest.raises(IndexUnavailable, match="larger than"):
            await http.get(index.file_url(wheel.name))
        assert len(index.requests) == 1


async def test_a_range_that_is_not_honoured_is_not_read(tmp_path: Path, http: HttpClient) -> None:
    """A partial request answered with the whole file gives the status alone."""
    wheels = tmp_path / "wheels"
    wheel = make_wheel(wheels, "foo", files={"foo.bin": bytes(2 << 20)}, compress=False)
    with running_index(wheels, IndexOptions(ranges=False)) as index:
        url = index.file_url(wheel.name)
        answer = await http.get(url, {"Range": "bytes=-10"}, partial=True)
        assert (answer.status, answer.body) == (200, b"")


async def test_many_requests_at_once(tmp_path: Path, http: HttpClient) -> None:
    """More requests than connections all get their answer."""
    wheel = make_wheel(tmp_path / "wheels", "foo")
    with running_index(wheel.parent) as index:
        answers = await asyncio.gather(*(http.get(f"{index.url}/foo/") for _ in range(80)))
        assert {answer.status for answer in answers} == {200}


async def test_a_prepared_client(tmp_path: Path) -> None:
    """What was begun before the first request serves it; where none comes, nothing is left of it."""
    for asks in (True, False):
        client = HttpClient(Credentials(), retry=IMPATIENT)
        client.prepare()
        client.prepare()
        with running_index(tmp_path) as index:
            if asks:
                answers = await asyncio.gather(*(client.get(f"{index.url}/x/") for _ in range(4)))
                assert [answer.status for answer in answers] == [404] * 4
            await client.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
