"""The command line of the service: serve."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn
from pydantic import ValidationError

from model import store
from service import tables
from service.settings import Settings

_UVICORN_STARTUP_FAILURE = 3

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Serve name models over HTTP.")


@app.callback()
def _commands() -> None:
    """Serve name models over HTTP."""


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
    store_dir: Annotated[
        Path, typer.Option("--store", envvar="NAMESMITH_STORE", help="Directory of your own models.")
    ] = store.OWN,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Print a line for each request, which costs speed.")
    ] = False,
) -> None:
    """Start the HTTP service."""
    os.environ["NAMESMITH_STORE"] = str(store_dir.resolve())  # worker processes read their settings there
    settings = Settings()
    if workers == 1:  # else the models are loaded in other processes
        tables.begin(settings.table_budget_mb << 20)
    _run(
        "service.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=20,
        server_header=False,
        access_log=access_log,
    )


def _run(application: str, **options: Any) -> None:
    """uvicorn ends with 3 where it cannot start, say on a busy port; here that is 1, failed."""
    try:
        uvicorn.run(application, **options)
    except SystemExit as stop:
        sys.exit(1 if stop.code == _UVICORN_STARTUP_FAILURE else stop.code)


def main() -> None:
    """Runs the command line; a bad setting is one line and exit code 2."""
    try:
        app()
    except ValidationError as error:
        for item in error.errors(include_url=False):
            name = "NAMESMITH_" + "_".join(map(str, item["loc"])).upper()
            print(f"error: {name}: {item['msg']}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
