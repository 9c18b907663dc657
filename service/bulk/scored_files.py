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
    with _reader(source, layout, scorer.columns) as reader:
        if layout.write_as is FileFormat.CSV and (layout.bom or getattr(reader, "marked", False)):
            file.write(codecs.BOM_UTF8)
        writer = _writer(file, reader, layout, scorer.columns)
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
def _reader(source: Source, layout: Layout, added: list[str]) -> Iterator[Reader]:
    match layout.read_as:
        case FileFormat.TEXT:
            yield TextReader(source, _ROWS_OF[layout.write_as])
        case FileFormat.CSV:
            yield csv_files.CsvReader(source, layout.column, layout.delimiter)
        case FileFormat.NDJSON:
            yield ndjson_files.NdjsonReader(source, layout.column, added)
        case FileFormat.PARQUET:
            with source.seekable() as file:
                yield parquet_files.ParquetReader(file, source.name, layout.column)


def _writer(file: BinaryIO, reader: Reader, layout: Layout, added: list[str]) -> Writer:
    write_as = layout.write_as
    if write_as is FileFormat.NDJSON:
        return ndjson_files.NdjsonWriter(file, added)
    if isinstance(reader, parquet_files.ParquetReader):
        return parquet_files.ParquetWriter(file, reader.schema, added)
    if write_as is FileFormat.PARQUET:
        return parquet_files.ParquetWriter(file, parquet_files.rows_of([]).schema, added)
    if isinstance(reader, csv_files.CsvReader):
        return csv_files.CsvWriter(file, reader.header, added, reader.line_end, layout.delimiter)
    return csv_files.NamesCsvWriter(file, [NAME], added)
