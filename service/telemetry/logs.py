"""Logs: one line each, as JSON unless somebody watches at a terminal. Nothing that a client sends can begin a line.

The code logs through the standard library; structlog writes what it, uvicorn and other libraries log, with the id of
the request that they were about.
"""

import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request that is being answered."""
_MULTILINE = ("exception",)
_LOGGERS = ("namesmith", "uvicorn", "uvicorn.error")
"""Of others only warnings are written."""
Event = MutableMapping[str, Any]


def set_up(form: str, level: str) -> None:
    """Logs go to standard error from now on. `form` is "json", "console", or "auto": console at a terminal."""
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    renderer: list[Any] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=False)]
    if not as_json:
        renderer = [_printable, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_common(),
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(level.upper())


def _send_to_logging() -> None:
    """structlog's own loggers hand their events to the standard library's, which filter and write them."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_common(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _common() -> list[Any]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_request_id,
    ]


def _with_request_id(_: Any, __: str, event: Event) -> Event:
    current = request_id.get()
    if current:
        event.setdefault("request_id", current)
    return event


def _printable(_: Any, __: str, event: Event) -> Event:
    """Escapes what could move a terminal's cursor, or look like another line."""
    for key, value in event.items():
        if isinstance(value, str) and key not in _MULTILINE and not value.isprintable():
            event[key] = value.encode("unicode_escape").decode("ascii")
    return event


_send_to_logging()
