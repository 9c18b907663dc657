"""`python -m service.catalog.tabulate`: compiles models with PyTorch, for a service without it.

Requests come on stdin, until it ends, and each is answered on stdout before the next is read.

Request: 8 bytes, the length of a checkpoint, little-endian; the checkpoint.
Answer: one line of JSON, either {"parameters", "table"}, the length of the table's file (see
`model/store/table_file.py`), and behind it the file; or {"error", "message"}, a domain error's class and text. Anything
unforeseen ends the process, with a traceback on stderr. Nothing is pickled.
"""

import json
import sys
from typing import Any, BinaryIO

from model.compiler.compile_model import compile_older
from model.errors import NamesmithError
from model.network import checkpoint
from model.network.checkpoint_header import digest
from model.store.table_file import MAX_SENT_BYTES, table_file

LENGTH_BYTES = 8


def main() -> None:
    """Answers all requests."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while length := requests.read(LENGTH_BYTES):
        _answer(requests.read(int.from_bytes(length, "little")), answers)
        answers.flush()


def compiled(data: bytes) -> tuple[int, bytes]:
    """A checkpoint's number of parameters, and the file of its table. Raises NamesmithError."""
    model = checkpoint.loads(data)
    return model.stack.parameter_count, table_file(compile_older(model), digest(data), MAX_SENT_BYTES)


def _answer(data: bytes, answers: BinaryIO) -> None:
    try:
        parameters, file = compiled(data)
    except NamesmithError as error:
        _write_line({"error": type(error).__name__, "message": str(error)}, answers)
        return
    _write_line({"parameters": parameters, "table": len(file)}, answers)
    answers.write(file)


def _write_line(fields: dict[str, Any], answers: BinaryIO) -> None:
    answers.write(json.dumps(fields).encode("ascii") + b"\n")


if __name__ == "__main__":
    main()
