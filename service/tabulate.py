"""`python -m service.tabulate`: compiles models with PyTorch, for a service without it.

Requests come on stdin, until it ends, and each is answered on stdout before the next is read. Each is a line of JSON
with what it announces behind it.

Request: {"model", "names"}, the lengths in bytes of a checkpoint and of its list (as in a version; null where it is not
known); the checkpoint and the list.
Answer: either {"parameters", "table"}, the length of the table's file (see `model/table_file.py`), and the file; or
{"error", "message"}, a domain error's class and text. Anything unforeseen ends the process, with a traceback on stderr.
Nothing is pickled.
"""

import json
import sys
from typing import Any, BinaryIO

from model import checkpoint
from model.compiling import compile_model
from model.errors import NamesmithError
from model.table_file import table_file
from model.version_files import distinct_names


def main() -> None:
    """Answers all requests."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := requests.readline():
        lengths = json.loads(line)
        data = requests.read(lengths["model"])
        names = None if lengths["names"] is None else distinct_names([requests.read(lengths["names"]).decode()])
        _answer(data, names, answers)
        answers.flush()


def compiled(data: bytes, names: frozenset[str] | None) -> tuple[int, bytes]:
    """A checkpoint's number of parameters, and the file of its table. Raises NamesmithError."""
    model = checkpoint.loads(data)
    file = table_file(compile_model(model, None if names is None else sorted(names)))
    if file is None:
        raise NamesmithError("its table is too large to be served")
    return model.stack.parameter_count, file


def _answer(data: bytes, names: frozenset[str] | None, answers: BinaryIO) -> None:
    try:
        parameters, file = compiled(data, names)
    except NamesmithError as error:
        _write_line({"error": type(error).__name__, "message": str(error)}, answers)
        return
    _write_line({"parameters": parameters, "table": len(file)}, answers)
    answers.write(file)


def _write_line(fields: dict[str, Any], answers: BinaryIO) -> None:
    answers.write(json.dumps(fields).encode("ascii") + b"\n")


if __name__ == "__main__":
    main()
