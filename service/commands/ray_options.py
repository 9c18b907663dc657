"""`sample` and `score` on a cluster: folders of many files in place of one file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from service.bulk.formats import FileFormat, pyarrow
from service.commands.options import STANDARD, OptionError

ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Run on the Ray cluster at this address, or on all processors of this machine (`local`).",
    ),
]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="With --cluster: number of processes; by default, one for each processor.")
]
RAY = "ray[serve,data,tune]==2.60.0"
"""As `pyproject.toml` has it."""


@contextmanager
def ray_needed() -> Iterator[None]:
    """Around imports of `service.cluster`. Raises OptionError where Ray is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "ray":
            raise
        why = f"needs Ray, which is not installed: scripts/venv ray, or pip install '{RAY}'"
        raise OptionError("cluster", why) from None


def folder_of(output: Path, form: FileFormat | None) -> Path:
    """Where the files go. Raises OptionError for stdout, and FileError where Parquet cannot be written."""
    if output == STANDARD:
        raise OptionError("output", "give a folder: on a cluster the result is many files")
    if form is FileFormat.PARQUET:
        pyarrow()
    return output.resolve()


def check_alone(**options: object) -> None:
    """Raises OptionError for an option that means nothing without a cluster."""
    for name, value in options.items():
        if value is not None:
            raise OptionError(name, "only works with --cluster")
