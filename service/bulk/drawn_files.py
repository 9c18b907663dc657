"""Files of names as they are drawn."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from model.text.names import Names
from model.text.spelling import Form
from service.answers.sample import Draw
from service.bulk.formats import FileFormat
from service.bulk.parquet_files import names_output

_FORMS = {FileFormat.TEXT: Form.LINES, FileFormat.CSV: Form.CSV, FileFormat.NDJSON: Form.NDJSON}


def write_names(draw: Draw, form: FileFormat, file: BinaryIO, first: int = 0) -> Iterator[int]:
    """Writes the names of a draw, from number `first` on, and gives how many there are by now. The file is whole when
    the iterator has ended."""
    write, finish = _writer(draw, form, file)
    written = 0
    for names in draw.names(first):
        write(names)
        written += len(names)
        yield written
    finish()


def _writer(draw: Draw, form: FileFormat, file: BinaryIO) -> tuple[Callable[[Names], object], Callable[[], None]]:
    """What writes some names, and what writes the end."""
    if form is FileFormat.PARQUET:
        parquet = names_output(file, details=draw.request.details)
        return lambda names: parquet.write(draw.columns(names)), parquet.finish
    written_form = _FORMS[form]
    file.write(draw.heading(written_form))
    return lambda names: file.write(draw.written(names, written_form)), lambda: None
