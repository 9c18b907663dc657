"""`key`: makes an API key."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from service.access.keys import add_key, new_key


def key(
    name: Annotated[str, typer.Argument(help="Whose key it is: letters, digits, dots, dashes and underscores.")],
    file: Annotated[Path | None, typer.Option(help="File of keys to add it to; else its line is shown.")] = None,
) -> None:
    """Make an API key. It is printed once, and kept nowhere: what the service needs is its digest."""
    try:
        made, line = new_key(name)
        if file is not None:
            add_key(file, line)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    told = f"added to {file}" if file is not None else f"for the keys of the service: {line}"
    print(told, file=sys.stderr)  # noqa: T201
    print(made)  # noqa: T201
