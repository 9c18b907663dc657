"""`serve`: the HTTP service."""

import logging
import os
import socket
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from service.commands.options import OWN_STORE, StoreOption
from service.server.listener import bind, bind_path
from service.server.options import Options
from service.server.process_limits import allow_descriptors
from service.server.supervisor import Supervisor
from service.server.uvicorn_version import check_uvicorn
from service.server.worker import Worker
from service.settings import Settings
from service.telemetry import logs
from service.telemetry.metric_files import MetricFiles

log = logging.getLogger("namesmith")
_LEAST_DESCRIPTORS = 128
"""Of which a worker has some tens open before its first client."""
_OPEN_WARNING = (
    "ANYONE who can reach this address may use the service: it listens beyond this machine, and no API keys are set. "
    "Set NAMESMITH_KEYS_FILE (`python -m service key NAME` makes a key), or put a "
    "proxy in front that authenticates clients."
)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    uds: Annotated[Path | None, typer.Option(help="Unix socket to listen on, instead of host and port.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
    store_dir: StoreOption = OWN_STORE,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Print a line for each request, which slows the service down.")
    ] = False,
) -> None:
    """Start the HTTP service."""
    check_uvicorn()
    os.environ["NAMESMITH_STORE"] = str(store_dir.resolve())  # worker processes read their settings there
    settings = Settings()
    logs.set_up(settings.log_format, settings.log_level)
    if allow_descriptors(_LEAST_DESCRIPTORS) < _LEAST_DESCRIPTORS:
        print(  # noqa: T201
            f"error: this process may open too few files: the service needs {_LEAST_DESCRIPTORS} (see ulimit -n)",
            file=sys.stderr,
        )
        sys.exit(1)
    try:
        listener = bind(host, port) if uds is None else bind_path(uds)
    except OSError as error:
        where = f"{host}, port {port}" if uds is None else str(uds)
        why = str(error.strerror or error).lower()
        print(f"error: cannot listen on {where}: {why}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    _tell(listener, host, settings)
    try:
        sys.exit(_serve(listener, workers, Options(access_log), settings))
    finally:
        if uds is not None:
            uds.unlink(missing_ok=True)


def _tell(listener: socket.socket, host: str, settings: Settings) -> None:
    if listener.family == socket.AF_UNIX:
        log.info("Listening on the Unix socket %s (Ctrl-C ends it)", listener.getsockname())
        return
    address = f"[{host}]" if ":" in host else host
    if not settings.has_keys and not _is_loopback(listener):
        log.warning(_OPEN_WARNING)
    log.info("Listening on http://%s:%d (Ctrl-C ends it)", address, listener.getsockname()[1])


def _serve(listener: socket.socket, workers: int, options: Options, settings: Settings) -> int:
    if workers == 1:
        from service.server.server import serve as serve_alone  # only after the check of uvicorn's version

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
