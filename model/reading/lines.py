"""Lines of text, whatever ends them: LF, CRLF or CR."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, TextIO

_END = re.compile("\r\n|\r|\n")


def lines_of(text: str) -> list[str]:
    """Other than `str.splitlines`, only at ends of lines."""
    return _END.split(text)


def count_ends(text: str) -> int:
    return len(_END.findall(text))


@contextmanager
def decoded(file: BinaryIO, encoding: str, newline: str | None) -> Iterator[TextIO]:
    """A file as text, by lines; `newline` as for `open`. The file stays open."""
    text = io.TextIOWrapper(file, encoding=encoding, newline=newline)
    try:
        yield text
    finally:
        text.detach()
