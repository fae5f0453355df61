"""Whole files over HTTP into a file on the disk: resumed, retried, hashed on the way (RFC 9110)."""

import asyncio
import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from linkd.core.progress import Reporter
from linkd.core.wheel import DistFile
from linkd.errors import DownloadFailed, reason_of
from linkd.fetch.credentials import Credentials
from linkd.fetch.part import Digests, digest_stream
from linkd.fetch.retry import RetryPolicy
from linkd.fetch.transfer import Stop, Transfer
from linkd.fetch.transport import Transport
from linkd.fetch.urls import file_path, redacted


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file that is whole, and is what was promised where anything was."""

    path: str
    sha256: str
    size: int
    received: int
    """Bytes that came over the network this time."""


class Downloader:
    """A few threads for the daemon's life; each carries one download at a time."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        at_once: int = 8,
        silence: float = 30.0,
        retry: RetryPolicy | None = None,
    ) -> None:
        """`silence` is the longest wait for the next bytes, in seconds."""
        self._transport = Transport(credentials, connections=at_once, silence=silence)
        self._retry = retry or RetryPolicy(attempts=5)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="linkd-download")

    async def fetch(self, file: DistFile, part: str, reporter: Reporter) -> Download:
        """Fetch into the path `part`, going on after what lies there from an earlier time.

        A ``file:`` URL is hashed where it is. One `part` is for one call at a time. A network
        failure or cancellation leaves `part` for the next call; a wrong hash removes it. Raises
        DownloadFailed, AccessDenied, HashMismatch, NoSpace or CacheUnusable.
        """
        stop = Stop()
        path = file_path(file.url)
        if path is None:
            transfer = Transfer(
                file,
                part,
                reporter=reporter,
                transport=self._transport,
                retry=self._retry,
                stop=stop,
            )
            job = self._threads.submit(_carry, transfer)
        else:
            job = self._threads.submit(_hash_local, file, path, stop)
        work = asyncio.wrap_future(job)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            job.cancel()  # where it has not begun
            stop.set()
            await asyncio.wait([work])
            if not work.cancelled():
                work.exception()  # seen: it says no more than that it was stopped
            raise

    async def close(self) -> None:
        """Let what is under way come to its end, and free threads and connections."""
        await asyncio.to_thread(self._threads.shutdown)
        self._transport.close()


def _carry(transfer: Transfer) -> Download:
    transfer.run()
    return Download(
        path=transfer.part.path,
        sha256=transfer.part.digests.sha256,
        size=transfer.part.size,
        received=transfer.received,
    )


def _hash_local(file: DistFile, path: str, stop: Stop) -> Download:
    digests = Digests(file.hashes)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with contextlib.closing(os.fdopen(descriptor, "rb", buffering=0)):
            size = digest_stream(descriptor, digests, stop.is_set)
    except OSError as error:
        raise DownloadFailed(
            filename=file.filename, url=redacted(file.url), reason=reason_of(error)
        ) from error
    stop.check()
    digests.check(file.filename)
    return Download(path=path, sha256=digests.sha256, size=size, received=0)
