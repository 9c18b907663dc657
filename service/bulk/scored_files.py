"""Files of names with their scores beside them."""

import codecs
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from service.bulk import csv_files, ndjson_files, parquet_files
from service.bulk.batches import Reader, Writer
from service.bulk.formats import FileFormat
from service.bulk.scoring import Scorer, UnscoredNameError
from service.bulk.source import Source
from service.bulk.text_files import TextReader

NAME = "name"
_ROWS_OF: dict[FileFormat, Callable[[Sequence[str]], Any]] = {
    FileFormat.CSV: lambda names: names,
    FileFormat.NDJSON: ndjson_files.rows_of,
    FileFormat.PARQUET: parquet_files.rows_of,
}


@dataclass(frozen=True)
class Layout:
    """How a file is read, and how the result is written."""

    read_as: FileFormat
    write_as: FileFormat
    column: str = NAME
    """Where the names are."""
    bom: bool = False
    """A CSV gets a byte order mark; one that has it keeps it."""
    delimiter: str = ","
    """Between the cells of a CSV."""


def write_scores(source: Source, layout: Layout, scorer: Scorer, file: BinaryIO) -> Iterator[float | None]:
    """Writes what `source` holds and the scores of its names, and gives which part of it is read, 0 to 1, where that is
    known. The file is whole when the iterator has ended. Raises FileError, saying where."""
    with _opened(source, layout, scorer.columns, file) as (reader, writer):
        for batch in reader.batches():
            try:
                scored = scorer.score(batch.names)
            except UnscoredNameError as error:
                hint = "fix it, or pass --unknown skip"
                raise source.error(batch.place(error.index), f"{error}; {hint}") from None
            writer.write(batch.rows, scored)
            yield reader.done
        writer.finish()


@contextmanager
def _opened(source: Source, layout: Layout, added: list[str], file: BinaryIO) -> Iterator[tuple[Reader, Writer]]:
    """A file that has more than names is written in the form in which it is read."""
    match layout.read_as:
        case FileFormat.TEXT:
            _mark(file, layout.bom)
            yield TextReader(source, _ROWS_OF[layout.write_as]), _writer_of_names(layout.write_as, file, added)
        case FileFormat.CSV:
            rows = csv_files.CsvReader(source, layout.column, layout.delimiter)
            _mark(file, layout.bom or rows.marked)
            yield rows, csv_files.CsvWriter(file, rows.header, added, rows.line_end, layout.delimiter)
        case FileFormat.NDJSON:
            yield ndjson_files.NdjsonReader(source, layout.column, added), ndjson_files.NdjsonWriter(file, added)
        case FileFormat.PARQUET:
            with source.seekable() as seekable:
                table = parquet_files.ParquetReader(seekable, source.name, layout.column)
                yield table, parquet_files.ParquetWriter(file, table.schema, added)


def _writer_of_names(write_as: FileFormat, file: BinaryIO, added: list[str]) -> Writer:
    match write_as:
        case FileFormat.NDJSON:
            return ndjson_files.NdjsonWriter(file, added)
        case FileFormat.PARQUET:
            return parquet_files.ParquetWriter(file, parquet_files.rows_of([]).schema, added)
        case _:
            return csv_files.NamesCsvWriter(file, [NAME], added)


def _mark(file: BinaryIO, bom: bool) -> None:
    if bom:
        file.write(codecs.BOM_UTF8)
