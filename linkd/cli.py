"""The command `linkd`: arguments become settings, settings become a server."""

import argparse
import contextlib
import gc
import os
import sys
from pathlib import Path
from typing import Final

import structlog
import uvloop

from linkd import __version__
from linkd.bootstrap import make_daemon
from linkd.errors import LinkdError
from linkd.logs import configure_logs
from linkd.memory import limit_arenas
from linkd.server import Post, take_post, take_post_or_wait
from linkd.settings import Settings, load_settings

PATIENCE_S: Final = 25.0
"""For a daemon that holds the place and does not answer yet, or not any more. Less than a client
waits for the daemon that it starts, so that the client learns the reason."""

STARTED_IDLE_S: Final = 900.0
"""The idle timeout of a daemon that a client has started, unless anything says otherwise."""

_log = structlog.get_logger(__name__)


def main(argv: list[str] | None = None) -> int:
    arguments = make_parser().parse_args(argv)
    ready = _Ready(arguments.ready_fd)
    try:
        settings = settings_of(arguments)
        configure_logs(settings.log_level, as_json=settings.log_json)
        return _serve(settings, ready)
    except LinkdError as error:
        return ready.fail(error)


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings that the command line and its surroundings make. Raises InvalidSettings."""
    settings = load_settings(
        arguments.config,
        socket=arguments.socket and Path(os.path.abspath(arguments.socket)),
        cache_dir=arguments.cache_dir and Path(os.path.abspath(arguments.cache_dir)),
        idle_timeout=arguments.idle_timeout,
        log_level=arguments.log_level,
        log_json=True if arguments.log_json else None,
    )
    if arguments.ready_fd is not None and "idle_timeout" not in settings.model_fields_set:
        return settings.model_copy(update={"idle_timeout": STARTED_IDLE_S})
    return settings


def _serve(settings: Settings, ready: "_Ready") -> int:
    path = str(settings.socket)
    post = take_post_or_wait(path, PATIENCE_S) if ready.parent_waits else take_post(path)
    if post is None:
        ready.tell("another daemon is ready")
        return 0
    # Whoever started the daemon may want to remove the folder it was started in.
    os.chdir("/")
    try:
        uvloop.run(_run(settings, post, ready))
    finally:
        post.leave()
    return 0


async def _run(settings: Settings, post: Post, ready: "_Ready") -> None:
    limit_arenas()
    daemon = make_daemon(settings)
    server = daemon.make_server(
        lambda: ready.tell(f"linkd {__version__} serves {post.path}, cache {settings.cache_dir}")
    )
    # What is there now stays until the end: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    await server.serve(sockets=[post.listener])
    _log.info("ended")


class _Ready:
    """Tells that the daemon answers, or why it does not: to the parent's pipe, else in words."""

    def __init__(self, ready_fd: int | None) -> None:
        self._ready_fd = ready_fd

    @property
    def parent_waits(self) -> bool:
        return self._ready_fd is not None

    def tell(self, words: str) -> None:
        if self._ready_fd is None:
            print(words, flush=True)  # noqa: T201 - the one line that serve prints
        else:
            self._answer("ready")

    def fail(self, error: LinkdError) -> int:
        hint = f" ({error.hint})" if error.hint else ""
        self._answer(f"error: {error.detail}{hint}")
        print(f"linkd: {error.detail}{hint}", file=sys.stderr)  # noqa: T201
        return 1

    def _answer(self, line: str) -> None:
        if self._ready_fd is not None:
            # The client may have gone; who comes next still wants the daemon.
            with contextlib.suppress(BrokenPipeError):
                os.write(self._ready_fd, f"{' '.join(line.split())}\n".encode())
            os.close(self._ready_fd)
            self._ready_fd = None


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="linkd", description="Makes Python environments appear from one wheel cache."
    )
    parser.add_argument("--version", action="version", version=f"linkd {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve", help="run the daemon in the foreground", description="Run the daemon."
    )
    serve.add_argument("--socket", metavar="PATH", help="the unix socket to serve")
    serve.add_argument("--cache-dir", metavar="DIR", help="the folder of the cache")
    serve.add_argument("--config", metavar="FILE", type=Path, help="the settings file (TOML)")
    serve.add_argument(
        "--idle-timeout",
        metavar="SECONDS",
        type=float,
        help="end after so many seconds without work; 0 is never (the default)",
    )
    serve.add_argument("--log-level", choices=("debug", "info", "warning", "error"))
    serve.add_argument("--log-json", action="store_true", help="log lines as JSON objects")
    serve.add_argument("--ready-fd", type=int, metavar="FD", help=argparse.SUPPRESS)
    return parser
