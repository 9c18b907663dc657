"""`python -m service.tabulate BUDGET_BYTES`: makes the tables of models with PyTorch, for a service without it.

Requests come on stdin, until it ends, and each is answered on stdout before the next is read.

Request: 8 bytes, the length of a checkpoint, little-endian; the checkpoint.
Answer: one line of JSON, either {"shape", "block_size", "parameters"}, and behind it the table, float64 row by row in
this machine's byte order; or {"error", "message"}, a domain error's class and text. Anything unforeseen ends the
process, with a traceback on stderr. Nothing is pickled.
"""

import json
import sys
from typing import Any, BinaryIO

from model import checkpoint
from model.errors import NamesmithError
from model.tabulation import compile_table

LENGTH_BYTES = 8


def main() -> None:
    """Answers all requests."""
    budget_bytes = int(sys.argv[1])
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while length := requests.read(LENGTH_BYTES):
        _answer(requests.read(int.from_bytes(length, "little")), budget_bytes, answers)
        answers.flush()


def _answer(data: bytes, budget_bytes: int, answers: BinaryIO) -> None:
    try:
        model = checkpoint.loads(data)
        table = compile_table(model, budget_bytes)
    except NamesmithError as error:
        _write_line({"error": type(error).__name__, "message": str(error)}, answers)
        return
    parameters = model.stack.parameter_count
    shape = list(table.log_probs.shape)
    _write_line({"shape": shape, "block_size": table.block_size, "parameters": parameters}, answers)
    answers.write(table.log_probs.data)


def _write_line(fields: dict[str, Any], answers: BinaryIO) -> None:
    answers.write(json.dumps(fields).encode("ascii") + b"\n")


if __name__ == "__main__":
    main()
