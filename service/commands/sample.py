"""`sample`: names to a file or a pipe, as `/sample` would give them."""

from collections.abc import Callable
from typing import Annotated, BinaryIO

import typer
from pydantic import Field

from model.names import Names
from model.spelling import Form
from service.bulk.formats import FileFormat, pyarrow
from service.bulk.output import written_whole
from service.bulk.parquet_files import names_output
from service.commands.console import progress, tell
from service.commands.models import catalog_with
from service.commands.options import (
    OWN_STORE,
    STANDARD,
    OutputOption,
    QuietOption,
    StoreOption,
    asking,
    file_or_none,
    format_of,
)
from service.draws import Draw, prepare
from service.schemas import SampleQuery

MAX_WRITTEN = 1_000_000_000
_FORMS = {FileFormat.TEXT: Form.LINES, FileFormat.CSV: Form.CSV, FileFormat.NDJSON: Form.NDJSON}


class SampleFields(SampleQuery):
    """The fields of `/sample`, for more names than HTTP gives."""

    n: int = Field(10, ge=1, le=MAX_WRITTEN, description=f"How many names, up to {MAX_WRITTEN:,}.")


@asking(SampleFields)
def sample(
    asked: SampleFields,
    output: OutputOption = STANDARD,
    form: Annotated[
        FileFormat | None,
        typer.Option("--format", help="Of the names; that of the output file's ending, or text, if left out."),
    ] = None,
    store: StoreOption = OWN_STORE,
    quiet: QuietOption = False,
) -> None:
    """Invent names. The same seed and settings give the names that the service gives."""
    path = file_or_none(output)
    form = format_of(path, form, FileFormat.TEXT, "format")
    if form is FileFormat.PARQUET:
        pyarrow()  # before the model is loaded
    draw = prepare(catalog_with(asked.model, store), asked, MAX_WRITTEN)
    written = 0
    with written_whole(path) as file, progress(path, quiet=quiet) as advance:
        write, finish = _writer(draw, form, file)
        for names in draw.names():
            write(names)
            written += len(names)
            advance(written, written / asked.n)
        finish()
    tell(_facts(draw, written), quiet=quiet)


def _writer(draw: Draw, form: FileFormat, file: BinaryIO) -> tuple[Callable[[Names], object], Callable[[], None]]:
    """What writes some names, and what writes the end."""
    if form is FileFormat.PARQUET:
        parquet = names_output(file, details=draw.request.details)
        return lambda names: parquet.write(draw.columns(names)), parquet.finish
    written_form = _FORMS[form]
    file.write(draw.heading(written_form))
    return lambda names: file.write(draw.written(names, written_form)), lambda: None


def _facts(draw: Draw, written: int) -> str:
    """What the JSON answer says beside the names."""
    facts = [f"{written:,} names", f"model {draw.model.name} {draw.model.digest[:12]}", f"seed {draw.seed}"]
    if draw.sampler.probability is not None:
        facts.append(f"probability {draw.sampler.probability:.6g}")
    if draw.exhausted:
        facts.append("there are no more")
    return ", ".join(facts)
