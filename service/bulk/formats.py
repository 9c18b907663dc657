"""The formats of files of names, and what is wrong with a file."""

import importlib
from enum import StrEnum
from typing import Any

from model.errors import NamesmithError


class FileFormat(StrEnum):
    """`text` is one name a line."""

    TEXT = "text"
    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"


ENDINGS = {
    ".txt": FileFormat.TEXT,
    ".text": FileFormat.TEXT,
    ".csv": FileFormat.CSV,
    ".ndjson": FileFormat.NDJSON,
    ".jsonl": FileFormat.NDJSON,
    ".parquet": FileFormat.PARQUET,
}


class FileError(NamesmithError):
    """A file that cannot be read or written as it was asked for; says where and what to do."""


def pyarrow() -> Any:
    """The library that reads and writes Parquet, imported where it is needed only. Raises FileError."""
    try:
        importlib.import_module("pyarrow.parquet")
        return importlib.import_module("pyarrow")
    except ImportError:
        raise FileError("Parquet needs pyarrow, which is not installed: pip install pyarrow") from None
