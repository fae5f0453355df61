"""The daemon's log: structured, to stderr, for people or as JSON lines."""

import contextlib
import logging
import os
import sys
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

from linkd.fetch.urls import redacted
from linkd.settings import LogLevel


def configure_logs(level: LogLevel, *, as_json: bool) -> None:
    number = getattr(logging, level.upper())
    stream = cast("TextIO", _Unfailing())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            _redact,
            structlog.processors.JSONRenderer()
            if as_json
            else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    # Libraries speak through the standard library; of them only complaints are of interest.
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Redacting("%(name)s: %(message)s"))
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler])


def _redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Whatever is told, and by whichever library: no line has a password in it."""
    return {
        name: redacted(value) if isinstance(value, str) else value for name, value in event.items()
    }


class _Unfailing:
    """Standard error, which loses what it cannot write: a full disk below it stops nobody's work."""

    def write(self, text: str) -> int:
        # Python's own stream would keep what it could not write, and try again at the end.
        with contextlib.suppress(OSError):
            os.write(2, text.encode(errors="backslashreplace"))
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


class _Redacting(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))
