"""What a person may say of a list's file; what is left out is told from the content."""

import codecs
from dataclasses import dataclass
from enum import StrEnum

from model.errors import NamesmithError


class DataError(NamesmithError):
    """A list of names that cannot be used; says file, line and what to do."""


class ListFormat(StrEnum):
    """`text` is one name a line, `ndjson` a JSON value a line."""

    TEXT = "text"
    CSV = "csv"
    TSV = "tsv"
    JSON = "json"
    NDJSON = "ndjson"


@dataclass(frozen=True)
class Where:
    """The rows that are read: those with this value in this column."""

    column: str
    value: str

    def __str__(self) -> str:
        return f"{self.column}={self.value}"


NO_COLUMN = "none"
"""As a weight column: every row counts the same."""


_SPOKEN = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " "}


def delimiter_of(text: str | None) -> str | None:
    """The character that a person means, who may have written its name."""
    return None if text is None else _SPOKEN.get(text, text)


@dataclass(frozen=True)
class Asked:
    """Raises DataError for an encoding that nobody knows and for a delimiter that is not one character."""

    format: ListFormat | None = None
    delimiter: str | None = None
    encoding: str | None = None
    column: str | None = None
    """Where the names are: a heading, or the number of a column, from 1."""
    weight_column: str | None = None
    """The same for what weighs each name."""
    where: Where | None = None

    def __post_init__(self) -> None:
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise DataError(f"the delimiter {self.delimiter[:16]!r} must be one character that can separate cells")
        if self.encoding is not None:
            try:
                b"a".decode(self.encoding)
                codecs.lookup(self.encoding)
            except (LookupError, UnicodeError):
                raise DataError(
                    f"there is no text encoding {self.encoding[:40]!r}; try utf-8, utf-16 or windows-1252"
                ) from None

    @property
    def of_columns(self) -> str | None:
        """An option that only a table can answer."""
        if self.weight_column and self.weight_column != NO_COLUMN:
            return "--weight-column"
        return "--where" if self.where else "--column" if self.column else None
