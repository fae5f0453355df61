"""A store with real wheels in it and an environment to put them into, for tests of linking.

The environment is folders alone: no interpreter is needed to link.
"""

import asyncio
import base64
import contextlib
import hashlib
import os
import sys
import sysconfig
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from packaging.utils import NormalizedName, canonicalize_name

from linkd.core.installed import InstalledDistribution
from linkd.core.progress import Silent
from linkd.core.record import parse_record
from linkd.core.target import Interpreter, Scheme, SchemeKey, Target
from linkd.core.wheel import StoredWheel
from linkd.link.blueprint import Shape
from linkd.link.change import Addition, Change, Outcome
from linkd.link.collisions import find_collisions
from linkd.link.constants import Constants
from linkd.link.footprint import RecordedFootprint, Roots, StayingFootprint, WheelFootprint
from linkd.link.ledger import Ledger, Standing
from linkd.link.modes import LinkPolicy
from linkd.link.pool import Pool, PoolLimits
from linkd.link.rename import Rename
from linkd.link.settling import contested, find_wrong, settle
from linkd.link.shared import Shared
from linkd.link.stage import Marks, StagedTree, Staging, complete, prepare
from linkd.link.stager import Stager
from linkd.link.transaction import Course, carry_out
from linkd.link.workspace import Workspace, Workspaces
from linkd.store.bytecode import BytecodeShelf
from linkd.store.compiling import Compiler
from linkd.store.ingest import Arrival, Crew, ingest
from linkd.store.layout import Layout
from linkd.venv.installed import read_installed
from tests.support.wheels import make_wheel

VERSION: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
SITE: Final = f"lib/{VERSION}/site-packages"


def stage(
    wheel: StoredWheel, target: Target, where: str, *, staging: Staging, marks: Marks
) -> StagedTree:
    """The staged tree of a wheel, made and completed in the new folder `where`."""
    shape = Shape.of(target, requested=marks.requested)
    prepare(wheel, shape, where, staging=staging)
    return complete(wheel, target, where, staging=staging, marks=marks)


def make_target(prefix: Path) -> Target:
    """A new environment: empty folders, laid out as `venv` does."""
    scheme = {
        SchemeKey.PURELIB: SITE,
        SchemeKey.PLATLIB: SITE,
        SchemeKey.HEADERS: f"include/site/{VERSION}",
        SchemeKey.SCRIPTS: "bin",
        SchemeKey.DATA: "",
    }
    for folder in (SITE, "bin"):
        (prefix / folder).mkdir(parents=True)
    facts = (prefix / SITE).stat()
    return Target(
        prefix=prefix,
        python=Path(sys.executable),
        interpreter=make_interpreter(scheme),
        scheme=Scheme(**{key.value: prefix / folder for key, folder in scheme.items()}),
        identity=(facts.st_dev, facts.st_ino),
    )


def make_interpreter(scheme: Mapping[SchemeKey, str] | None = None) -> Interpreter:
    """The one that runs the tests."""
    return Interpreter(
        executable=os.path.realpath(sys.executable),
        implementation="cpython",
        version=sysconfig.get_python_version(),
        cache_tag=sys.implementation.cache_tag or "",
        markers={"python_version": sysconfig.get_python_version()},
        tags=("py3-none-any",),
        scheme=scheme or {},
    )


class FixedRename(Workspaces):
    """Workspaces whose rename the test has chosen."""

    rename: Rename | None = None

    def open(self, target: Target, policy: LinkPolicy) -> Workspace:
        workspace = super().open(target, policy)
        if self.rename is None:
            return workspace
        return replace(workspace, rename=self.rename)


@dataclass(slots=True)
class Store:
    """A cache with the parts that linking needs."""

    root: Path
    layout: Layout = field(init=False)
    workspaces: FixedRename = field(init=False)
    stager: Stager = field(init=False)
    bytecode: BytecodeShelf = field(init=False)
    background: ThreadPoolExecutor = field(init=False)
    making: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self.layout = Layout(self.root / "cache")
        self.layout.create()
        self.background = ThreadPoolExecutor(1)
        self.workspaces = FixedRename(
            pool=self.layout.pool, trash=self.layout.trash, background=self.background
        )
        self.making = ThreadPoolExecutor(2)
        self.bytecode = BytecodeShelf(self.layout)
        self.stager = Stager(
            workspaces=self.workspaces,
            pool=Pool(self.layout.pool, PoolLimits(), self.workspaces.sweep),
            constants=Constants(self.layout.constants),
            bytecode=self.bytecode,
            executor=self.making,
        )

    def close(self) -> None:
        """Wait for what is removed in the background."""
        self.making.shutdown()
        self.background.shutdown()

    def add(self, wheel: Path) -> StoredWheel:
        sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
        arrival = Arrival(path=str(wheel), filename=wheel.name, sha256=sha256)
        manifest = ingest(arrival, self.layout, Crew(self.background, threads=1))
        return StoredWheel(manifest=manifest, tree=self.layout.tree(sha256))

    def wheel(
        self,
        name: str,
        version: str = "1.0",
        files: Mapping[str, str | bytes] | None = None,
        *,
        data: Mapping[str, str | bytes] | None = None,
        entry_points: str = "",
    ) -> StoredWheel:
        """A wheel of these files, in the store."""
        folder = self.root / "wheels"
        path = make_wheel(folder, name, version, files=files, data=data, entry_points=entry_points)
        return self.add(path)

    def compile(self, *wheels: StoredWheel) -> None:
        """Have the bytecode of these ready."""

        async def ensure() -> None:
            async with running_compiler(self.layout, self.bytecode) as compiler:
                await compiler.ensure(wheels, make_interpreter())

        asyncio.run(ensure())

    def leftovers(self) -> list[str]:
        """What is left of workspaces."""
        return sorted(os.listdir(self.layout.pool) + os.listdir(self.layout.trash))


@contextlib.asynccontextmanager
async def running_compiler(
    layout: Layout, shelf: BytecodeShelf, processes: int = 1
) -> AsyncIterator[Compiler]:
    """A compiler that nobody disturbs, until the end of the block."""
    compiler = Compiler(
        layout,
        shelf,
        processes=processes,
        busy=lambda: False,
        ready=lambda *_: None,
        sync_soon=lambda: None,
    )
    await compiler.start()
    try:
        yield compiler
    finally:
        await compiler.close()


@dataclass(slots=True)
class Environment:
    """An environment, and requests that change it."""

    store: Store
    target: Target
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def site(self) -> Path:
        return self.target.site_packages

    def installed(self) -> dict[NormalizedName, InstalledDistribution]:
        return read_installed(self.target)

    def plan(
        self,
        wheels: Sequence[StoredWheel] = (),
        remove: Sequence[str] = (),
        policy: LinkPolicy | None = None,
    ) -> tuple[Change, Standing]:
        """What a request does, as a service would have it: what comes replaces its namesake."""
        roots = Roots.of(self.target)
        installed = self.installed()
        coming = {wheel.manifest.name: wheel for wheel in wheels}
        going = sorted((coming.keys() | set(map(canonicalize_name, remove))) & installed.keys())
        standing = Standing(
            coming={name: WheelFootprint(it.manifest, roots) for name, it in coming.items()},
            going={name: RecordedFootprint(installed[name], self.target, roots) for name in going},
            staying={
                name: StayingFootprint(installed[name], self.target, roots)
                for name in installed.keys() - coming.keys() - {*going}
            },
            wheels=coming,
        )
        change = Change(
            target=self.target,
            additions=tuple(
                Addition(
                    wheel=coming[name],
                    marks=Marks(requested=True),
                    bytecode=self._ready(coming[name]),
                )
                for name in sorted(coming)
            ),
            removals=tuple(installed[name] for name in going),
            collisions=find_collisions(standing.coming, standing.staying),
            policy=policy or LinkPolicy(),
        )
        return change, standing

    def _ready(self, wheel: StoredWheel) -> str | None:
        cache_tag = self.target.interpreter.cache_tag
        ready = self.store.bytecode.is_ready(wheel.manifest.sha256, cache_tag)
        return cache_tag if ready else None

    def change(
        self,
        *wheels: StoredWheel,
        remove: Sequence[str] = (),
        policy: LinkPolicy | None = None,
    ) -> Outcome:
        """One request, with nobody else at work."""
        return asyncio.run(self.request(*wheels, remove=remove, policy=policy))

    async def request(
        self,
        *wheels: StoredWheel,
        remove: Sequence[str] = (),
        policy: LinkPolicy | None = None,
        before: Callable[[Standing], None] = lambda _standing: None,
    ) -> Outcome:
        """One request among others; `before` is called in its thread when it may begin."""

        def work(change: Change, standing: Standing) -> Outcome:
            before(standing)
            return carry_out(change, standing, self.store.stager, Silent(), course)

        course = Course()
        identity = self.target.identity
        names = {wheel.manifest.name for wheel in wheels} | set(map(canonicalize_name, remove))
        async with self.ledger.turn(identity, names):
            change, standing = await asyncio.to_thread(self.plan, wheels, remove, policy)
            async with self.ledger.stand(identity, standing):
                committed = False
                try:
                    outcome = await asyncio.to_thread(work, change, standing)
                    committed = True
                finally:
                    async with self.ledger.settling(
                        identity, standing, committed=committed
                    ) as shared:
                        await asyncio.to_thread(self._put_right, change, standing, shared)
                    if course.workspace is not None:
                        self.store.workspaces.discard(course.workspace)
        return outcome

    def _put_right(self, change: Change, standing: Standing, shared: Sequence[Shared]) -> None:
        """With the wheels that came at the same time; what was there before has no other source."""
        corrections = {
            one.path: one.wheel
            for one in find_wrong(self.target, shared)
            if one.owner is None or one.wheel is not None
        }
        settle(change, standing, corrections, self.store.workspaces, contested(shared))

    def files(self) -> dict[str, bytes | str]:
        """Every file below the prefix with its content, every link with what it points at, and
        every folder that is empty."""
        return dict(_content(self.target.prefix))

    def problems(self) -> list[str]:
        """Where RECORD and what lies in site-packages and bin differ, and what nobody recorded."""
        found: list[str] = []
        claimed: set[Path] = set()
        for distribution in self.installed().values():
            record = self.site / distribution.dist_info / "RECORD"
            for row in parse_record(record.read_text()):
                path = Path(os.path.normpath(self.site / row.path))
                claimed.add(path)
                if not path.is_file():
                    found.append(f"{distribution.name}: {row.path} is missing")
                elif row.sha256 is not None and row.sha256 != hash_of(path):
                    found.append(f"{distribution.name}: {row.path} is another")
        present = {
            Path(root, name) for root, _, names in os.walk(self.target.prefix) for name in names
        }
        found += [f"nobody recorded {path}" for path in sorted(present - claimed)]
        return found


def hash_of(path: Path) -> str:
    """As RECORD has it."""
    digest = hashlib.sha256(path.read_bytes()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _content(prefix: Path) -> Iterator[tuple[str, bytes | str]]:
    for root, folders, names in os.walk(prefix):
        for name in [*names, *(one for one in folders if os.path.islink(os.path.join(root, one)))]:
            path = Path(root, name)
            content = os.readlink(path) if path.is_symlink() else path.read_bytes()
            yield str(path.relative_to(prefix)), content
        if not folders and not names:
            yield f"{Path(root).relative_to(prefix)}/", ""
