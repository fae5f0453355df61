"""What the store's tests stand on: a source of downloads that is a folder, and short ways."""

import asyncio
import hashlib
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from linkd.core.manifest import Manifest
from linkd.core.progress import Phase, Progress, Reporter
from linkd.core.wheel import DistFile, StoredWheel
from linkd.errors import LinkdError
from linkd.fetch.urls import file_path
from linkd.store.ingest import Arrival, Crew, ingest
from linkd.store.layout import Layout


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    path: str
    sha256: str
    received: int


@dataclass(slots=True)
class FolderDownloads:
    """Serves ``http://127.0.0.1/<file>`` from a folder, and counts what is asked."""

    folder: Path
    asked: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    error: LinkdError | None = None
    """Raised when half of the file is there."""

    async def fetch(self, file: DistFile, part: str, reporter: Reporter, /) -> Fetched:
        self.asked.append(file.filename)
        self.parts.append(part)
        local = file_path(file.url)
        if local is not None:
            return Fetched(path=local, sha256=sha256_of(Path(local)), received=0)
        source = self.folder / file.filename
        reporter.report(Progress(Phase.FETCH, file.filename))
        _copy_half(source, part)
        self.begun.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return _copy(source, part)


def _copy(source: Path, part: str) -> Fetched:
    shutil.copyfile(source, part)
    return Fetched(path=part, sha256=sha256_of(source), received=os.path.getsize(part))


def _copy_half(source: Path, part: str) -> None:
    content = source.read_bytes()
    Path(part).write_bytes(content[: len(content) // 2])


def dist_file(wheel: Path, *, promised: bool = True) -> DistFile:
    """The wheel as an index lists it."""
    return DistFile(
        filename=wheel.name,
        url=f"http://127.0.0.1/{wheel.name}",
        hashes={"sha256": sha256_of(wheel)} if promised else {},
    )


def take_in(wheel: Path, layout: Layout, crew: Crew) -> Manifest:
    """Ingest a wheel as it is."""
    arrival = Arrival(path=str(wheel), filename=wheel.name, sha256=sha256_of(wheel))
    return ingest(arrival, layout, crew)


def size_of(path: Path) -> int:
    return path.stat().st_size


def tree_text(wheel: StoredWheel, source: str) -> str:
    """A file of a stored wheel."""
    return Path(wheel.tree, source).read_text()


def overwrite(path: str, content: bytes) -> None:
    Path(path).write_bytes(content)


def incoming(layout: Layout) -> list[str]:
    return sorted(os.listdir(layout.incoming))
