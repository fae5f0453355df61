"""How a file of the store comes into a staged tree.

Which link modes there are is decided once for each pair of mounts by trying, not file by file.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from linkd.core.receipt import Fallback, FallbackReason, LinkMode
from linkd.core.wheel import StoredWheel
from linkd.errors import (
    CacheUnusable,
    LinkUnavailable,
    NoSpace,
    WheelDamaged,
    is_no_space,
    reason_of,
)
from linkd.link.beneath import open_folder
from linkd.link.blueprint import Batch

_FICLONE: Final = 0x40049409
"""ioctl_ficlone(2): share the extents of another file."""

_REASONS: Final = {
    errno.EXDEV: FallbackReason.CROSS_DEVICE,
    errno.EPERM: FallbackReason.NOT_PERMITTED,
    errno.EACCES: FallbackReason.NOT_PERMITTED,
    errno.EMLINK: FallbackReason.TOO_MANY_LINKS,
}

_EXPLANATIONS: Final = {
    FallbackReason.CROSS_DEVICE: "the cache and the environment are on different mounts",
    FallbackReason.NOT_PERMITTED: "the kernel does not allow links to the cache's files",
    FallbackReason.NOT_SUPPORTED: "the file system does not know it",
    FallbackReason.TOO_MANY_LINKS: "the file has as many links as the file system allows",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPolicy:
    """What the request wants."""

    wanted: LinkMode | None = None
    """None is automatic: hardlink, else reflink, else copy."""
    required: bool = False
    """Refuse rather than copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChoice:
    """What will be done on one mount."""

    mode: LinkMode
    fallback: Fallback | None = None


def choose_mode(store_fd: int, stage_fd: int, policy: LinkPolicy) -> LinkChoice:
    """Try the wanted mode and then the next best between these two folders.

    What is tried leaves nothing behind. Raises LinkUnavailable where the policy requires a link
    and there is none, NoSpace and CacheUnusable where the store's folder cannot be written, and
    an OSError of the other folder as it is.
    """
    wanted = policy.wanted or LinkMode.HARDLINK
    if policy.required and wanted is LinkMode.COPY:
        raise LinkUnavailable(
            mode=wanted.value,
            reason=FallbackReason.NOT_SUPPORTED.value,
            explanation="a link was required as well, and a copy is no link",
        )
    first: tuple[FallbackReason, str] | None = None
    for mode in _attempts(wanted):
        failure = _try_mode(mode, store_fd, stage_fd)
        if failure is None:
            if first is None:
                return LinkChoice(mode=mode)
            if policy.required and mode is LinkMode.COPY:
                break
            fallback = Fallback(wanted=wanted, used=mode, reason=first[0], detail=first[1])
            return LinkChoice(mode=mode, fallback=fallback)
        first = first or failure
    reason, explanation = first or (FallbackReason.NOT_SUPPORTED, "nothing was possible")
    raise LinkUnavailable(mode=wanted.value, reason=reason.value, explanation=explanation)


def _attempts(wanted: LinkMode) -> Iterator[LinkMode]:
    yield wanted
    for mode in (LinkMode.REFLINK, LinkMode.COPY):
        if mode is not wanted and wanted is not LinkMode.COPY:
            yield mode


def _try_mode(mode: LinkMode, store_fd: int, stage_fd: int) -> tuple[FallbackReason, str] | None:
    if mode in {LinkMode.COPY, LinkMode.SYMLINK}:
        return None
    name = f".linkd-probe-{secrets.token_hex(8)}"
    try:
        # An empty file has no extents: a clone of it would succeed where none is possible. All
        # else is tried with nothing in it, which a full disk has room for.
        _make_probe(name, store_fd, b"linkd" if mode is LinkMode.REFLINK else b"")
        place_by(mode, name, store_fd, name, stage_fd)
    except OSError as error:
        if is_no_space(error):
            raise
        reason = _REASONS.get(error.errno or 0, FallbackReason.NOT_SUPPORTED)
        return reason, f"{_EXPLANATIONS[reason]} ({reason_of(error)})"
    finally:
        for folder in (store_fd, stage_fd):
            # What cannot be written holds nothing of it either.
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=folder)
    return None


def _make_probe(name: str, store_fd: int, content: bytes) -> None:
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    try:
        with open(os.open(name, flags, 0o600, dir_fd=store_fd), "wb") as file:
            file.write(content)
    except OSError as error:
        folder = os.readlink(f"/proc/self/fd/{store_fd}")
        if is_no_space(error):
            raise NoSpace(path=folder, doing="trying how files can be linked") from error
        raise CacheUnusable(path=folder, reason=reason_of(error)) from error


def place_by(mode: LinkMode, source: str, source_fd: int, target: str, target_fd: int) -> None:
    """Make the target a link to, or a copy of, the source. The target must not be there."""
    match mode:
        case LinkMode.HARDLINK:
            os.link(
                source, target, src_dir_fd=source_fd, dst_dir_fd=target_fd, follow_symlinks=False
            )
        case LinkMode.SYMLINK:
            folder = os.readlink(f"/proc/self/fd/{source_fd}")
            os.symlink(os.path.join(folder, source), target, dir_fd=target_fd)
        case LinkMode.REFLINK | LinkMode.COPY:
            _copy(source, source_fd, target, target_fd, clone=mode is LinkMode.REFLINK)


def _copy(source: str, source_fd: int, target: str, target_fd: int, *, clone: bool) -> None:
    """Content, permissions and times: bytecode is valid by its source's mtime."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
    with (
        open(os.open(source, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=source_fd), "rb") as reading,
        open(os.open(target, flags, 0o600, dir_fd=target_fd), "wb") as writing,
    ):
        facts = os.fstat(reading.fileno())
        if clone:
            fcntl.ioctl(writing.fileno(), _FICLONE, reading.fileno())
        else:
            shutil.copyfileobj(reading, writing, 1 << 20)
            writing.flush()
        os.fchmod(writing.fileno(), facts.st_mode & 0o777)
        os.utime(writing.fileno(), ns=(facts.st_atime_ns, facts.st_mtime_ns))


class Placer:
    """Places files of one folder of the store into a staged one, in one mode."""

    def __init__(self, mode: LinkMode, source_fd: int, stage_fd: int) -> None:
        self.mode = mode
        self._source_fd = source_fd
        self._stage_fd = stage_fd

    def place(self, source: str, target: str) -> None:
        """Raises NoSpace, and any other OSError as it is."""
        try:
            place_by(self.mode, source, self._source_fd, target, self._stage_fd)
        except OSError as error:
            if is_no_space(error):
                raise NoSpace(path=target, doing=f"staging {target}") from error
            if error.errno != errno.EMLINK:
                raise
            self._renew(source)
            place_by(self.mode, source, self._source_fd, target, self._stage_fd)

    def place_all(self, batch: Batch, wheel: StoredWheel) -> None:
        """Place a folder's files, each compared with the manifest before it goes anywhere.

        Raises WheelDamaged, and as `place`.
        """
        start = len(batch.source) + 1 if batch.source else 0
        with (
            open_folder(batch.source or os.curdir, self._source_fd) as source_fd,
            open_folder(batch.staged, self._stage_fd) as stage_fd,
        ):
            placer = Placer(self.mode, source_fd, stage_fd)
            for file in batch.files:
                name = file.source[start:]
                facts = os.stat(name, dir_fd=source_fd, follow_symlinks=False)
                if facts.st_size != file.size or facts.st_mtime_ns != file.mtime_ns:
                    raise damage(wheel, os.path.join(wheel.tree, file.source))
                placer.place(name, name)

    def _renew(self, source: str) -> None:
        """Give the store's name a fresh inode; every link to the old one stays as it is."""
        fresh = os.path.join(os.path.dirname(source), f".linkd-{secrets.token_hex(8)}")
        try:
            place_by(LinkMode.COPY, source, self._source_fd, fresh, self._source_fd)
            os.rename(fresh, source, src_dir_fd=self._source_fd, dst_dir_fd=self._source_fd)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(fresh, dir_fd=self._source_fd)
            raise


def damage(wheel: StoredWheel, path: str) -> WheelDamaged:
    """What to raise where a file of a stored wheel is not as it was unpacked."""
    manifest = wheel.manifest
    return WheelDamaged(filename=manifest.filename, sha256=manifest.sha256, path=path)


def mount_of(folder_fd: int) -> tuple[int, int]:
    """(device, mount id): link(2) works within one of these and nowhere else."""
    device = os.fstat(folder_fd).st_dev
    with open(f"/proc/self/fdinfo/{folder_fd}", encoding="ascii") as facts:
        for line in facts:
            if line.startswith("mnt_id:"):
                return device, int(line[len("mnt_id:") :])
    return device, 0
