"""`score`: how likely the names of a file are, as columns beside them, as `/loss` would tell."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from service.bulk import csv_files, ndjson_files, parquet_files
from service.bulk.batches import Reader, Writer
from service.bulk.formats import FileFormat, pyarrow
from service.bulk.output import written_whole
from service.bulk.scoring import Scorer, UnscoredNameError
from service.bulk.source import Source, opened
from service.bulk.text_files import TextReader
from service.commands.console import progress, tell
from service.commands.models import catalog_with
from service.commands.options import (
    OWN_STORE,
    STANDARD,
    OptionError,
    OutputOption,
    QuietOption,
    StoreOption,
    asking,
    file_or_none,
    format_of,
)
from service.schemas import Scoring
from service.served import ServedModel

_NAME = "name"
_ROWS_OF: dict[FileFormat, Callable[[Sequence[str]], Any]] = {
    FileFormat.CSV: lambda names: names,
    FileFormat.NDJSON: ndjson_files.rows_of,
    FileFormat.PARQUET: parquet_files.rows_of,
}


@asking(Scoring)
def score(
    asked: Scoring,
    names: Annotated[Path, typer.Argument(metavar="[FILE]", help="File of names; - is stdin.")] = STANDARD,
    output: OutputOption = STANDARD,
    column: Annotated[str | None, typer.Option(help="Where the names are.", show_default=_NAME)] = None,
    input_format: Annotated[
        FileFormat | None, typer.Option(help="Of FILE; that of its ending, or text, if left out.")
    ] = None,
    form: Annotated[
        FileFormat | None,
        typer.Option("--format", help="Of the result; that of FILE if left out, and csv for a text."),
    ] = None,
    store: StoreOption = OWN_STORE,
    quiet: QuietOption = False,
) -> None:
    """Tell how likely names are: adds the columns loss, log_prob and novel to a file."""
    source_path, path = file_or_none(names), file_or_none(output)
    read_as = format_of(source_path, input_format, FileFormat.TEXT, "input_format")
    write_as = format_of(path, form, FileFormat.CSV if read_as is FileFormat.TEXT else read_as, "format")
    _check_formats(read_as, write_as, column)
    with opened(source_path) as source:
        model = catalog_with(asked.model, store).get(None)
        scorer = Scorer(model, asked.unknown, asked.details)
        with (
            _reader(source, read_as, write_as, column or _NAME, scorer.columns) as reader,
            written_whole(path) as file,
            progress(path, quiet=quiet) as advance,
        ):
            writer = _writer(file, reader, write_as, scorer.columns)
            for batch in reader.batches():
                try:
                    scored = scorer.score(batch.names)
                except UnscoredNameError as error:
                    hint = "mend it, or pass --unknown skip"
                    raise source.error(batch.place(error.index), f"{error}; {hint}") from None
                writer.write(batch.rows, scored)
                advance(scorer.names, reader.done)
            writer.finish()
    tell(_facts(model, scorer), quiet=quiet)


def _check_formats(read_as: FileFormat, write_as: FileFormat, column: str | None) -> None:
    """Raises OptionError, and FileError where Parquet is asked for and there is no library for it."""
    if read_as is FileFormat.TEXT and column is not None:
        raise OptionError("column", "a text has no columns; --input-format says what the file is")
    if write_as is FileFormat.TEXT:
        raise OptionError("format", "a text has no columns for the scores; use csv, ndjson or parquet")
    if read_as not in (FileFormat.TEXT, write_as):
        raise OptionError("format", f"{read_as} stays {read_as}, so that the other columns stay what they are")
    if write_as is FileFormat.PARQUET:
        pyarrow()


@contextmanager
def _reader(
    source: Source, read_as: FileFormat, write_as: FileFormat, column: str, added: list[str]
) -> Iterator[Reader]:
    match read_as:
        case FileFormat.TEXT:
            yield TextReader(source, _ROWS_OF[write_as])
        case FileFormat.CSV:
            yield csv_files.CsvReader(source, column)
        case FileFormat.NDJSON:
            yield ndjson_files.NdjsonReader(source, column, added)
        case FileFormat.PARQUET:
            with source.seekable() as file:
                yield parquet_files.ParquetReader(file, source.name, column)


def _writer(file: BinaryIO, reader: Reader, write_as: FileFormat, added: list[str]) -> Writer:
    if write_as is FileFormat.NDJSON:
        return ndjson_files.NdjsonWriter(file, added)
    if isinstance(reader, parquet_files.ParquetReader):
        return parquet_files.ParquetWriter(file, reader.schema, added)
    if write_as is FileFormat.PARQUET:
        return parquet_files.ParquetWriter(file, parquet_files.rows_of([]).schema, added)
    if isinstance(reader, csv_files.CsvReader):
        return csv_files.CsvWriter(file, reader.header, added, reader.line_end)
    return csv_files.NamesCsvWriter(file, [_NAME], added)


def _facts(model: ServedModel, scorer: Scorer) -> str:
    """What the answer of /loss says beside the names."""
    facts = [f"{scorer.names:,} names", f"model {model.name} {model.digest[:12]}"]
    if scorer.loss is not None:
        facts.append(f"loss {scorer.loss:.6f}, perplexity {scorer.perplexity:.6g}")
    if scorer.skipped:
        facts.append(f"{scorer.skipped:,} skipped")
    return ", ".join(facts)
