"""One request's view of everything that it may install: pages as they are, sources built for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.direct_url import ArchiveInfo, DirectUrl, DirInfo, VcsInfo
from packaging.utils import (
    InvalidSdistFilename,
    NormalizedName,
    parse_sdist_filename,
    parse_wheel_filename,
)

from linkd.build.builder import Builder
from linkd.build.circumstances import Circumstances
from linkd.build.git import bare_url
from linkd.build.waiting import Task
from linkd.core.listings import PageState, StatedPages
from linkd.core.progress import Reporter
from linkd.core.source import Built, Source, SourceKind, is_wheel
from linkd.core.wheel import DistFile, ProjectPage, StoredWheel
from linkd.errors import BuildForbidden, InvalidRequirement
from linkd.fetch.single_flight import SingleFlight
from linkd.fetch.urls import redacted, without_credentials
from linkd.store.store import Ensured

Hashes = Mapping[str, frozenset[str]]
_NONE: Hashes = {}


@dataclass(slots=True, kw_only=True)
class Bench:
    """The listings that are resolved against, and the store that the pins are fetched into."""

    builder: Builder
    pages: StatedPages
    circumstances: Circumstances
    reporter: Reporter
    origins: dict[str, Built] = field(default_factory=dict)
    """What was built of direct sources, by the URL of its wheel."""
    _built: dict[tuple[Source, str], Built] = field(default_factory=dict)
    _flights: SingleFlight[tuple[Source, str], Built] = field(default_factory=SingleFlight)

    @property
    def sources(self) -> tuple[str, ...]:
        """What backends are told is one more: the metadata of sources may depend on it."""
        return (*self.pages.sources, *map(repr, self.circumstances.told))

    async def look(self) -> None:
        await self.pages.look()

    def known_state(self, name: NormalizedName, /) -> PageState | None:
        return self.pages.known_state(name)

    async def state(self, name: NormalizedName, /) -> PageState:
        return await self.pages.state(name)

    async def project(self, name: NormalizedName, /) -> ProjectPage:
        return await self.pages.project(name)

    async def metadata(self, file: DistFile, required: Hashes | None = None, /) -> bytes:
        if file.url in self.origins:
            return await self.builder.store.metadata(file)
        if is_wheel(file.filename):
            return await self.pages.metadata(file)
        task = self._candidate(file)
        self._check_hashed(required, task.subject)
        archive = await self.builder.archives.fetch(file, required or _NONE, self.reporter)
        return await self.builder.archive_metadata(
            task, archive, self.circumstances, self.reporter
        )

    async def built(
        self, source: Source, hashes: Hashes, name: NormalizedName | None, /
    ) -> Built:
        key = (source, repr(sorted((each, sorted(hashes[each])) for each in hashes)))
        built = self._built.get(key)
        if built is None:
            built = await self._flights.run(key, lambda: self._build(source, hashes, name))
            self._built[key] = built
            self.origins[built.wheel.url] = built
        if name is not None and built.name != name:
            raise InvalidRequirement(
                requirement=redacted(source.url), reason=f"what is there is {built.name}"
            )
        self._check_allowed(built.name, built.name)
        return built

    def at_hand(
        self, file: DistFile, required_hashes: Hashes | None = None
    ) -> StoredWheel | None:
        if file.url in self.origins or not is_wheel(file.filename):
            return None
        return self.builder.store.at_hand(file, required_hashes)

    async def ensure(
        self,
        file: DistFile,
        reporter: Reporter | None = None,
        *,
        required_hashes: Hashes | None = None,
    ) -> Ensured:
        """The wheel of a file, or of a source archive; the hashes required are those of the file."""
        if file.url in self.origins:
            return await self.builder.store.ensure(file, reporter)
        if is_wheel(file.filename):
            return await self.builder.store.ensure(
                file, reporter, required_hashes=required_hashes
            )
        reporter = reporter or self.reporter
        task = self._candidate(file)
        archive = await self.builder.archives.fetch(file, required_hashes or _NONE, reporter)
        wheel = await self.builder.archive_wheel(task, archive, None, self.circumstances, reporter)
        ensured = await self.builder.store.ensure(wheel, reporter)
        return Ensured(wheel=ensured.wheel, downloaded=archive.downloaded)

    def _candidate(self, file: DistFile) -> Task:
        """Of an sdist that is listed. Raises BuildForbidden."""
        try:
            name, version = parse_sdist_filename(file.filename)
        except InvalidSdistFilename:
            return Task(file.url, file.filename)
        subject = f"{name}=={version}"
        self._check_allowed(name, subject)
        return Task(file.url, subject)

    def _check_allowed(self, name: NormalizedName, subject: str) -> None:
        if not self.circumstances.formats.allows_source(name):
            raise BuildForbidden(subject=subject)

    def _check_is_file(self, source: Source, subject: str) -> None:
        """What a hash is said of is a file: nobody could check that of a folder or a commit."""
        if self.circumstances.require_hashes and source.kind is not SourceKind.ARCHIVE:
            raise InvalidRequirement(
                requirement=subject,
                reason="hashes are required, and a folder or a repository has none to be checked",
            )

    def _check_hashed(self, required: Hashes | None, subject: str) -> None:
        """Before anything of a source is run, not when everything is resolved."""
        if self.circumstances.require_hashes and not required:
            raise InvalidRequirement(
                requirement=subject,
                reason="hashes are required, it has none, and it would have to be built",
            )

    async def _build(self, source: Source, hashes: Hashes, name: NormalizedName | None) -> Built:
        shown = bare_url(source.url)
        self._check_is_file(source, shown)
        self._check_hashed(hashes, shown)
        subject = name or (shown.removeprefix("file://"))
        if name is not None:
            self._check_allowed(name, subject)
        elif self.circumstances.formats.only_binary.every:
            raise BuildForbidden(subject=subject)
        key = " ".join((source.url, source.revision or "", source.subdirectory or ""))
        task = Task(key, subject)
        match source.kind:
            case SourceKind.ARCHIVE:
                return await self._build_archive(task, source, hashes)
            case SourceKind.TREE:
                wheel = await self.builder.tree_wheel(
                    task, source, self.circumstances, self.reporter
                )
                info = DirInfo(editable=source.editable or None)
                direct = DirectUrl(url=shown, dir_info=info, subdirectory=source.subdirectory)
            case SourceKind.GIT:
                made = await self.builder.git_wheel(
                    task, source, self.circumstances, self.reporter
                )
                wheel = made.wheel
                direct = DirectUrl(
                    url=shown,
                    vcs_info=VcsInfo(
                        vcs="git", commit_id=made.commit, requested_revision=source.revision
                    ),
                    subdirectory=source.subdirectory,
                )
        return Built(name=_name(wheel), wheel=wheel, direct_url=direct)

    async def _build_archive(self, task: Task, source: Source, hashes: Hashes) -> Built:
        filename = source.url.partition("?")[0].rpartition("/")[2]
        file = DistFile(filename=filename, url=source.url)
        archive = await self.builder.archives.fetch(file, hashes, self.reporter)
        wheel = await self.builder.archive_wheel(
            task, archive, source.subdirectory, self.circumstances, self.reporter
        )
        direct = DirectUrl(
            url=without_credentials(source.url),
            archive_info=ArchiveInfo(hashes={"sha256": archive.sha256}),
            subdirectory=source.subdirectory,
        )
        return Built(name=_name(wheel), wheel=wheel, direct_url=direct)


def _name(wheel: DistFile) -> NormalizedName:
    return parse_wheel_filename(wheel.filename)[0]
