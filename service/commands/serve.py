"""`serve`: the HTTP service."""

import logging
import os
import socket
import sys
from ipaddress import ip_address
from typing import Annotated

import typer

from service.commands.options import OWN_STORE, StoreOption
from service.listener import bind
from service.server import Options
from service.server import serve as serve_alone
from service.settings import Settings
from service.supervisor import Supervisor
from service.telemetry.metric_files import MetricFiles
from service.worker import Worker

log = logging.getLogger("namesmith")
_OPEN_WARNING = (
    "ANYONE who can reach this address may use the service: it listens beyond this machine, and no API keys are set. "
    "Set NAMESMITH_KEYS_FILE (`python -m service key NAME` makes a key), or put a proxy in front that knows clients."
)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
    store_dir: StoreOption = OWN_STORE,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Print a line for each request, which costs speed.")
    ] = False,
) -> None:
    """Start the HTTP service."""
    os.environ["NAMESMITH_STORE"] = str(store_dir.resolve())  # worker processes read their settings there
    settings = Settings()
    sys.exit(_serve(host, port, workers, Options(access_log), settings))


def _serve(host: str, port: int, workers: int, options: Options, settings: Settings) -> int:
    options.config(None, settings)  # sets logging up
    try:
        listener = bind(host, port)
    except OSError as error:
        why = str(error.strerror).lower()
        print(f"error: cannot listen on {host}, port {port}: {why}", file=sys.stderr)  # noqa: T201
        return 1
    address = f"[{host}]" if ":" in host else host
    if not settings.has_keys and not _is_loopback(listener):
        log.warning(_OPEN_WARNING)
    log.info("Listening on http://%s:%d (Ctrl-C ends it)", address, listener.getsockname()[1])
    if workers == 1:
        return serve_alone(listener, options)
    files = MetricFiles()
    try:
        return Supervisor(
            lambda: Worker(listener, options, files), listener, workers, settings.health_seconds, settings.drain_seconds
        ).run()
    finally:
        files.close()


def _is_loopback(listener: socket.socket) -> bool:
    return ip_address(listener.getsockname()[0]).is_loopback
