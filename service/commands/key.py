"""`key`: makes an API key."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from service.access.keys import add_key, new_key


def key(
    name: Annotated[
        str, typer.Argument(help="Name of the key's owner: letters, digits, dots, dashes and underscores.")
    ],
    file: Annotated[
        Path | None, typer.Option(help="Key file to append the key's line to; without it, the line is printed.")
    ] = None,
) -> None:
    """Make an API key. The key is printed once and stored nowhere; the service needs only its digest."""
    try:
        made, line = new_key(name)
        if file is not None:
            add_key(file, line)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    told = f"added to {file}" if file is not None else f"add this line to the service's keys: {line}"
    print(told, file=sys.stderr)  # noqa: T201
    print(made)  # noqa: T201
