"""Errors of fetching: bytes could not be had, or are not what they should be."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from linkd.errors.base import LinkdError


class FetchError(LinkdError, group=True):
    """Something could not be fetched."""


class IndexUnavailable(FetchError):
    """An index does not answer.

    It cannot be reached, fails at each try, or answers with something that is no page of an index.
    """

    sentence = "{url} cannot be read: {reason}"
    advice = (
        "check the address and the network, or name another source with --index-url or --find-links"
    )

    url: str
    reason: str


class DownloadFailed(FetchError):
    """A download failed.

    At each of several tries, each of which went on where the one before had ended.
    """

    sentence = "{filename} could not be downloaded from {url}: {reason}"
    advice = "run the command again: what was received is kept and the download goes on from there"

    filename: str
    url: str
    reason: str


class HashMismatch(FetchError):
    """A file is not the one that was promised.

    Its hash is not what the requirement, the lock file, the index or the URL says.
    """

    sentence = "{filename} has {algorithm} {actual}, but {source} says {expected}"
    advice = "nothing of it was kept; if the file was replaced on purpose, renew the recorded hash"

    filename: str
    algorithm: str
    expected: str
    actual: str
    source: str
    """Who promised the hash: ``requirements.txt:12``, the index, RECORD, …"""

    def required_by(
        self, hashes: Mapping[str, Collection[str]], source: str | None
    ) -> "HashMismatch":
        """The same, told as what `source` says if it is one of its hashes that was missed."""
        mine = any(digest in self.expected for digest in hashes.get(self.algorithm, ()))
        return replace(self, source=source) if source and mine else self


class AccessDenied(FetchError):
    """The server wants other credentials.

    It answers 401 or 403 with those from the URL, netrc and the keyring, or there are none.
    """

    sentence = "{url} answers {status}: access denied"
    advice = "put credentials into the URL, ~/.netrc or the keyring"

    url: str
    status: int
