"""Parquet, read and written by pyarrow, some ten thousand rows at a time."""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from service.bulk.batches import Batch
from service.bulk.formats import FileError, pyarrow
from service.bulk.scoring import Scored

_BATCH_ROWS = 32_768
_GROUP_ROWS = 1 << 18


class ParquetReader:
    """Implements `Reader` for a file that can be sought. Raises FileError for what is no Parquet, or has no such column
    of text."""

    def __init__(self, file: BinaryIO, name: str, column: str) -> None:
        pa = pyarrow()
        self._name = name
        self._column = column
        try:
            self._file = pa.parquet.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
        except pa.ArrowException as error:
            raise FileError(f"{name}: not a Parquet file ({_first_line(error)})") from None
        self.schema = self._file.schema_arrow
        self._rows = self._file.metadata.num_rows
        self._read = 0
        if self.schema.names.count(column) != 1:
            many = "more than one" if column in self.schema.names else "no"
            raise FileError(f"{name}: {many} column {column!r}; columns: {', '.join(self.schema.names)}; see --column")
        kind = self.schema.field(column).type
        held = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not (pa.types.is_string(held) or pa.types.is_large_string(held) or pa.types.is_string_view(held)):
            raise FileError(f"{name}: column {column!r} holds {kind}, not text; see --column")

    @property
    def done(self) -> float | None:
        return self._read / self._rows if self._rows else None

    def batches(self) -> Iterator[Batch]:
        pa = pyarrow()
        try:
            for batch in self._file.iter_batches(batch_size=_BATCH_ROWS):
                first = self._read + 1
                yield Batch(batch.column(self._column).to_pylist(), batch, lambda i, first=first: f"row {first + i}")  # type: ignore[misc]
                self._read += len(batch)
        except pa.ArrowException as error:
            raise FileError(f"{self._name}: damaged after row {self._read} ({_first_line(error)})") from None


class ParquetOutput:
    """A file that grows by columns or record batches of one schema, gathered to row groups."""

    def __init__(self, file: BinaryIO, schema: Any) -> None:
        self._schema = schema
        self._writer = pyarrow().parquet.ParquetWriter(file, schema)
        self._waiting: list[Any] = []

    def write(self, columns: Sequence[Any]) -> None:
        """Arrays or lists, one a column."""
        pa = pyarrow()
        arrays = [
            each if isinstance(each, pa.Array) else pa.array(each, kind, from_pandas=True)  # NaN is null
            for each, kind in zip(columns, self._schema.types, strict=True)
        ]
        self._waiting.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        if sum(map(len, self._waiting)) >= _GROUP_ROWS:
            self._write_group()

    def finish(self) -> None:
        """Writes the rest, and the footer."""
        self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        if self._waiting:
            self._writer.write_table(pyarrow().Table.from_batches(self._waiting))
            self._waiting = []


def names_output(file: BinaryIO, *, details: bool) -> ParquetOutput:
    """A file of names and, with `details`, facts about each."""
    pa = pyarrow()
    facts = [("log_prob", pa.float64()), ("novel", pa.bool_())] if details else []
    return ParquetOutput(file, pa.schema([("name", pa.string()), *facts]))


class ParquetWriter:
    """Implements `Writer` for record batches of `schema`."""

    def __init__(self, file: BinaryIO, schema: Any, added: Sequence[str]) -> None:
        if taken := set(schema.names) & set(added):
            raise FileError(f"the file already has a column {min(taken)!r}: rename or remove it")
        types = _added_types()
        for name in added:
            schema = schema.append(pyarrow().field(name, types[name]))
        self._output = ParquetOutput(file, schema)

    def write(self, rows: Any, scored: Scored) -> None:
        self._output.write([*rows.columns, *scored.columns.values()])

    def finish(self) -> None:
        self._output.finish()


def rows_of(names: Sequence[str]) -> Any:
    """A record batch of names alone."""
    pa = pyarrow()
    return pa.record_batch([pa.array(names, pa.string())], names=["name"])


def _added_types() -> dict[str, Any]:
    pa = pyarrow()
    character = pa.struct([("char", pa.string()), ("log_prob", pa.float64())])
    return {
        "loss": pa.float64(),
        "log_prob": pa.float64(),
        "novel": pa.bool_(),
        "percentile": pa.float64(),
        "ignored": pa.int64(),
        "reason": pa.string(),
        "characters": pa.list_(character),
    }


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
