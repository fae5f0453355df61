"""The routes: each one names its use case, its wire types and how it looks in a terminal."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Query, Request, Response

from linkd.api import lines, listed, schema, wire
from linkd.api.answers import Operation, answer
from linkd.core.progress import Reporter
from linkd.service.activity import Activity
from linkd.service.creating import CreateEnvironment
from linkd.service.inspecting import ReadStatus
from linkd.service.install import Install
from linkd.service.listing import ListDistributions
from linkd.service.stopping import Stop
from linkd.service.uninstall import Uninstall
from linkd.service.warm import Warm


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Every use case that the daemon offers."""

    install: Install
    uninstall: Uninstall
    distributions: ListDistributions
    create: CreateEnvironment
    warm: Warm
    status: ReadStatus
    stop: Stop
    activity: Activity


_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"model": schema.Problem, "description": "Refused; the environment is as before"},
    "5XX": {"model": schema.Problem, "description": "Failed; the environment is as before"},
}

_NO_MEMBERS: Final = schema.ShutdownBody()


def make_router(services: Services) -> APIRouter:
    router = APIRouter(responses=_PROBLEMS)
    _add_changing(router, services)
    _add_ahead(router, services)
    _add_looking(router, services)
    _add_daemon(router, services)
    return router


def _add_changing(router: APIRouter, services: Services) -> None:

    @router.post("/v1/install", response_model=schema.Result, tags=["environments"])
    async def install(request: Request, body: schema.InstallBody) -> Response:
        """Install into an environment what is missing of the requirements."""

        async def run(reporter: Reporter) -> schema.Result:
            return wire.result(await services.install(wire.install_request(body), reporter))

        return await answer(request, Operation(run, lines.render_result))

    @router.post("/v1/sync", response_model=schema.Result, tags=["environments"])
    async def sync(request: Request, body: schema.SyncBody) -> Response:
        """Make an environment hold just what requirement files or a lock file name."""

        async def run(reporter: Reporter) -> schema.Result:
            return wire.result(await services.install(wire.sync_request(body), reporter))

        return await answer(request, Operation(run, lines.render_result))

    @router.post("/v1/uninstall", response_model=schema.Result, tags=["environments"])
    async def uninstall(request: Request, body: schema.UninstallBody) -> Response:
        """Remove distributions, all of them or none."""

        async def run(reporter: Reporter) -> schema.Result:
            return wire.result(await services.uninstall(wire.uninstall_request(body), reporter))

        return await answer(request, Operation(run, lines.render_result))

    @router.post("/v1/venv", response_model=schema.VenvAnswer, tags=["environments"])
    async def venv(request: Request, body: schema.VenvBody) -> Response:
        """Create an environment."""

        async def run(_: Reporter) -> schema.VenvAnswer:
            return wire.venv(await services.create(body.path, body.python, body.prompt))

        return await answer(request, Operation(run, lines.render_venv))


def _add_ahead(router: APIRouter, services: Services) -> None:
    @router.post("/v1/warm", response_model=schema.WarmAnswer, tags=["cache"])
    async def warm(request: Request, body: schema.WarmBody) -> Response:
        """Fetch, unpack and stage ahead what an install will want; answer when it is ready."""

        async def run(reporter: Reporter) -> schema.WarmAnswer:
            return wire.warmed(await services.warm(wire.warm_request(body), reporter))

        return await answer(request, Operation(run, lines.render_warm))


def _add_looking(router: APIRouter, services: Services) -> None:
    @router.get(
        "/v1/distributions", response_model=schema.DistributionsAnswer, tags=["environments"]
    )
    async def distributions(
        request: Request, asked: Annotated[schema.DistributionsQuery, Query()]
    ) -> Response:
        """What is installed in an environment."""

        async def run(_: Reporter) -> schema.DistributionsAnswer:
            return wire.distributions(await services.distributions(wire.list_request(asked)))

        return await answer(
            request,
            Operation(run, partial(listed.render, style=asked.format)),
        )

    @router.get("/v1/status", response_model=schema.StatusAnswer, tags=["daemon"])
    async def status(request: Request, asked: Annotated[schema.StatusQuery, Query()]) -> Response:
        """The daemon's state; with `wait_idle`, when all background work is done."""

        async def run(_: Reporter) -> schema.StatusAnswer:
            return wire.status(await services.status(wait_idle=asked.wait_idle))

        return await answer(request, Operation(run, lines.render_status))


def _add_daemon(router: APIRouter, services: Services) -> None:
    @router.post("/v1/shutdown", response_model=schema.ShutdownAnswer, tags=["daemon"])
    async def shutdown(
        request: Request, _body: Annotated[schema.ShutdownBody, Body()] = _NO_MEMBERS
    ) -> Response:
        """Stop the daemon when its work is done."""

        async def run(_: Reporter) -> schema.ShutdownAnswer:
            stopping = services.stop()
            return schema.ShutdownAnswer(pid=stopping.pid, active=stopping.active)

        return await answer(request, Operation(run, lines.render_shutdown))

    @router.get("/docs/errors", tags=["daemon"], include_in_schema=False)
    async def errors() -> Response:
        """What each code means, and what to do: docs/errors.md."""
        from linkd.api.reference import render  # noqa: PLC0415 - hardly anybody asks for it

        return Response(render(), media_type="text/markdown")

    @router.get("/healthz", tags=["daemon"])
    async def healthz(_asked: Annotated[schema.HealthQuery, Query()]) -> schema.HealthAnswer:
        """Whether the daemon answers."""
        return schema.HealthAnswer()
