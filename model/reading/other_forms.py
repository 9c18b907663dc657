"""Lines that look like another form than a name a line: told with the command that reads or mends them."""

import re
from collections.abc import Sequence

from model.reading.asked import DataError

_MOST = 0.9
_SEVERAL = 0.1
_AS_NAMES = "; if these are names, pass --format text"
_FORMS: tuple[tuple[re.Pattern[str], float, str, str], ...] = (
    (re.compile(r"\s*(#\s|//|#$)"), 0.0, "looks like a comment", r"grep -vE '^ *(#|//)' {file} > names.txt"),
    (
        re.compile(r".*(</?[A-Za-z][^<>]*>|&(#\d+|[a-z]{2,6});)"),
        _SEVERAL,
        "holds HTML",
        r"sed -E 's/<[^>]*>//g' {file} > names.txt",
    ),
    (
        re.compile(r"\s*\(?\d+\s*[.):]?\s+\S"),
        _MOST,
        "begins with a number",
        r"sed -E 's/^ *\(?[0-9]+ *[.):]? +//' {file} > names.txt",
    ),
    (
        re.compile(r"\s*\S.*?\s+\d[\d.,]*\s*$"),
        _MOST,
        "ends with a number",
        r"sed -E 's/ +[0-9.,]+ *$//' {file} > names.txt",
    ),
    (re.compile(r"\s*[-*•·–]\s+\S"), _MOST, "begins with a bullet", r"sed -E 's/^ *[-*•·–] +//' {file} > names.txt"),
    (
        re.compile(r"""\s*'.*'\s*[,;]?\s*$"""),
        0.5,
        "is quoted",
        r"""sed -E "s/^ *'(.*)'[ ,;]*$/\1/" {file} > names.txt""",
    ),
)
_QUOTED = re.compile(r"""\s*".*"\s*[,;]?\s*$""")


def refuse_other_forms(lines: Sequence[str], source: str, is_text: bool = True) -> None:
    """`lines` are some of a text list, or of a column of names where it is no text. Raises DataError where many of them
    are written as no name is."""
    filled = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not filled:
        return
    if is_text:
        _refuse_quotes(filled, source)
    for pattern, share, what, command in _FORMS:
        found = [(number, line) for number, line in filled if pattern.match(line)]
        if found and len(found) >= share * len(filled) and (share < _MOST or len(filled) > 1):
            number, line = found[0]
            where = f"line {number}" if is_text else "the column of names"
            raise DataError(
                f"{source}: {where}: {line.strip()[:40]!r} {what}; fix the list: {command.format(file=source)}"
                + (_AS_NAMES if is_text else "")
            )


def _refuse_quotes(filled: Sequence[tuple[int, str]], source: str) -> None:
    found = [(number, line) for number, line in filled if _QUOTED.match(line)]
    if len(found) * 2 >= len(filled):
        number, line = found[0]
        raise DataError(
            f"{source}: line {number}: {line.strip()[:40]!r} is quoted, as in a CSV without a header; try --format csv "
            f"--column 1{_AS_NAMES}"
        )
