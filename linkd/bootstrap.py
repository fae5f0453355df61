"""Settings become services: the only place that constructs adapters and puts them together."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final

from linkd.api.app import make_app
from linkd.api.routes import Services
from linkd.build.archives import Archives
from linkd.build.bench import Bench
from linkd.build.builder import Builder
from linkd.build.circumstances import Circumstances
from linkd.core.listings import StatedPages
from linkd.core.progress import Reporter
from linkd.core.receipt import Receipt
from linkd.core.wheel import DistFile
from linkd.fetch.credentials import Credentials
from linkd.fetch.download import Downloader
from linkd.fetch.http import HttpClient, HttpLimits
from linkd.fetch.metadata import MetadataReader
from linkd.fetch.pages import Indexes
from linkd.link.ahead import Ahead, AheadPolicy
from linkd.link.ahead_worker import Worker
from linkd.link.constants import Constants
from linkd.link.ledger import Ledger
from linkd.link.pool import Pool, PoolLimits
from linkd.link.stager import Stager
from linkd.link.workspace import Workspaces
from linkd.resolve.remembering import RememberingResolver
from linkd.resolve.resolver import Resolver
from linkd.resolve.solver import Limits
from linkd.server import DaemonServer
from linkd.service.activity import Activity
from linkd.service.changing import Changer
from linkd.service.creating import CreateEnvironment
from linkd.service.holding import Holdings
from linkd.service.inheritance import Inheritance
from linkd.service.inspecting import ReadStatus
from linkd.service.install import Install
from linkd.service.isolating import Forgetful, IsolateBuild
from linkd.service.listing import ListDistributions
from linkd.service.ports import Probing, Supplying
from linkd.service.recovering import Recovered, Recovery
from linkd.service.request import InstallRequest
from linkd.service.stopping import Stop
from linkd.service.uninstall import Uninstall
from linkd.service.warm import Warm
from linkd.settings import Settings
from linkd.store.layout import Layout
from linkd.store.state import State
from linkd.store.store import Store
from linkd.store.tenancy import tenancy
from linkd.venv.create import create_environment
from linkd.venv.inventory import Inventories
from linkd.venv.placement import Folders
from linkd.venv.probe import Prober

_GRAFTING_THREADS: Final = 8
_STAGING_PATIENCE_S: Final = 300.0
"""How long one tree may take: hardly anything, but on a machine that has no time for it."""


@dataclass(slots=True)
class Daemon:
    """Everything that lives as long as the daemon. Made within its event loop."""

    settings: Settings
    layout: Layout
    held: ExitStack
    """The cache itself, which is ours alone until this is closed."""
    state: State
    http: HttpClient
    downloader: Downloader
    store: Store
    builder: Builder
    resolver: Resolver
    workspaces: Workspaces
    recovery: Recovery
    ahead: Ahead
    grafting: ThreadPoolExecutor
    staging: ThreadPoolExecutor
    sweeping: ThreadPoolExecutor
    services: Services

    def make_server(self, ready: Callable[[], None]) -> DaemonServer:
        """`ready` is called when the server answers."""
        return DaemonServer(
            make_app(self.services, self.start, self.close),
            self.services.activity,
            idle_timeout=self.settings.idle_timeout,
            ready=ready,
        )

    async def start(self) -> None:
        self.http.prepare()
        await self.store.start()
        await self.recovery.start()
        self.ahead.start()

    async def close(self) -> None:
        """Wait for what is under way and let go of everything."""
        await self.http.close()
        await self.downloader.close()
        await self.builder.close()
        await self.recovery.close()
        await self.store.close()
        await asyncio.to_thread(self.resolver.close)
        await self.ahead.close()
        await asyncio.to_thread(self.grafting.shutdown)
        await asyncio.to_thread(self.staging.shutdown)
        await asyncio.to_thread(self.sweeping.shutdown)
        self.state.close()
        self.held.close()


def make_daemon(settings: Settings) -> Daemon:
    """Raises CacheUnusable, CacheOccupied and NoSpace."""
    layout = Layout(settings.cache_dir)
    layout.create()
    held = ExitStack()
    held.enter_context(tenancy(layout, str(settings.socket)))
    state = State(layout.state)
    credentials = Credentials()
    http = HttpClient(credentials, limits=HttpLimits(silence=settings.index_timeout))
    downloader = Downloader(credentials, at_once=settings.downloads, silence=settings.index_timeout)
    store = Store(layout, downloader, state, threads=settings.unpack_threads)

    async def whole(file: DistFile) -> bytes:
        return await store.metadata(file)

    metadata = MetadataReader(http, layout.index, whole)
    indexes = Indexes(http, layout.index, credentials, metadata=metadata)
    grafting = ThreadPoolExecutor(_GRAFTING_THREADS, thread_name_prefix="graft")
    sweeping = ThreadPoolExecutor(1, thread_name_prefix="sweep")
    staging = ThreadPoolExecutor(settings.stage_threads, thread_name_prefix="stage")
    workspaces = Workspaces(pool=layout.pool, trash=layout.trash, background=sweeping)
    limits = PoolLimits(depth=settings.pool_depth, folders=settings.pool_folders)
    pool = Pool(layout.pool, limits, workspaces.sweep)
    ahead = Ahead(
        pool,
        Worker(str(layout.root), min_free=settings.pool_min_free, patience=_STAGING_PATIENCE_S),
        AheadPolicy(busy=lambda: activity.busy, check_every=settings.pool_check),
        quarantine=store.quarantine,
        discard=workspaces.sweep,
    )
    facts = Prober(state)
    recovery = Recovery(
        workspaces,
        grafting,
        prober=facts,
        inheritance=Inheritance(memory=state, store=store),
        fleeting=layout.incoming,
    )
    prober = Recovered(prober=facts, recovery=recovery)
    activity = Activity(lambda: workspaces.pending + ahead.pending + recovery.pending)
    stager = Stager(
        workspaces=workspaces,
        pool=pool,
        constants=Constants(layout.constants),
        executor=staging,
    )
    changer = Changer(Ledger(), stager, ahead, grafting, memory=state, store=store)
    resolver = Resolver(Limits(seconds=settings.resolve_timeout))
    remembering = RememberingResolver(resolver, layout.resolutions, sweeping)
    create = _creator(prober, state, layout)

    async def install_for_build(request: InstallRequest, reporter: Reporter) -> Receipt:
        return await install_for_builds(request, reporter)

    def supply(pages: StatedPages, circumstances: Circumstances, reporter: Reporter) -> Supplying:
        return Bench(builder=builder, pages=pages, circumstances=circumstances, reporter=reporter)

    # Builds install what they need, and installs build what they must.
    builder = Builder(
        layout,
        Archives(layout, downloader),
        store,
        IsolateBuild(create=create.create, install=install_for_build),
        at_once=settings.builds,
        timeout=settings.build_timeout,
    )
    install = Install(
        prober=prober,
        indexes=indexes,
        resolver=remembering,
        holdings=Holdings(Inventories()),
        building=supply,
        changer=changer,
        create=create,
        telling=recovery,
        folders=Folders(),
    )
    fleeting = Changer(changer.ledger, stager, ahead, grafting, memory=Forgetful(), store=store)
    install_for_builds = replace(install, changer=fleeting)
    services = Services(
        install=install,
        uninstall=Uninstall(prober=prober, changer=changer, telling=recovery),
        distributions=ListDistributions(prober=prober, indexes=indexes),
        create=create,
        warm=Warm(
            prober=prober,
            indexes=indexes,
            resolver=resolver,
            building=supply,
            ahead=ahead,
            obstacle=workspaces.obstacle,
            waiting=activity.waiting,
            interpreter=sys.executable,
        ),
        status=ReadStatus(
            activity=activity,
            store=store,
            pool=pool,
            environments=lambda: len(state.environments()),
            warnings=lambda: state.warnings,
            socket=str(settings.socket),
            cache_dir=str(settings.cache_dir),
            started=time.monotonic(),
        ),
        stop=Stop(activity=activity),
        activity=activity,
    )
    return Daemon(
        settings=settings,
        layout=layout,
        held=held,
        state=state,
        http=http,
        downloader=downloader,
        store=store,
        builder=builder,
        resolver=resolver,
        workspaces=workspaces,
        recovery=recovery,
        ahead=ahead,
        grafting=grafting,
        staging=staging,
        sweeping=sweeping,
        services=services,
    )


def _creator(prober: Probing, state: State, layout: Layout) -> CreateEnvironment:
    app_data = os.path.join(layout.version, "virtualenv")

    def create(path: str, python: str | None, prompt: str | None) -> None:
        create_environment(path, python=python, prompt=prompt, app_data=app_data)

    return CreateEnvironment(prober=prober, memory=state, create=create)
