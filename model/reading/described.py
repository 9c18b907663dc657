"""How the names stand in a list, and how that is told."""

from dataclasses import dataclass

from model.reading.asked import ListFormat

_SHOWN = {"\t": "tab", " ": "space"}


@dataclass(frozen=True)
class Layout:
    """Where the names are. A table has columns; a plain list, of lines or of JSON texts, has none."""

    format: ListFormat
    encoding: str
    delimiter: str = ","
    columns: tuple[str, ...] = ()
    """Of the heading; empty where there is none."""
    is_table: bool = False
    names_at: int = 0
    weights_at: int | None = None
    where_at: int | None = None
    packed: bool = False

    def __str__(self) -> str:
        """In words, such as "read as CSV, ';', column 'preusuel', weights 'nombre'"."""
        said = [f"read as {self.format.upper() if self.format is not ListFormat.TEXT else 'text'}"]
        if self.format is ListFormat.CSV:
            said.append(shown(self.delimiter))
        if self.is_table:
            said.append(f"column {self._called(self.names_at)}")
            if not self.columns:
                said[-1] += " (no header)"
            if self.weights_at is not None:
                said.append(f"weights {self._called(self.weights_at)}")
        if self.encoding not in ("utf-8", "utf-8-sig"):
            said.append({"cp1252": "windows-1252"}.get(self.encoding, self.encoding))
        return ", ".join(said + ["gzip"] * self.packed)

    def _called(self, at: int) -> str:
        return repr(self.columns[at].strip()) if self.columns else str(at + 1)

    @property
    def unit(self) -> str:
        """What rows are counted by."""
        return "item" if self.format is ListFormat.JSON else "line"


def shown(delimiter: str) -> str:
    return _SHOWN.get(delimiter, f"'{delimiter}'")
