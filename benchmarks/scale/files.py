"""Whole files through `python -m service sample` and `score`: time, and the peak memory of the process."""

import tempfile
from pathlib import Path

from benchmarks.tools.processes import run
from benchmarks.tools.tables import print_table, quantity

_COUNT, _QUICK_COUNT = 10_000_000, 200_000
_MANY = 100_000_000
_FORMATS = ("txt", "csv", "ndjson", "parquet")


def main(quick: bool) -> None:
    """Each command as people type it, its start (two seconds or so) included."""
    count = _QUICK_COUNT if quick else _COUNT
    sampled, scored = [], []
    with tempfile.TemporaryDirectory() as directory:
        for ending in _FORMATS:
            names, scores = Path(directory, f"names.{ending}"), Path(directory, "scores")
            made = ["sample", "--seed", "1", "--output", str(names)]
            sampled.append(_row(ending, count, [*made, "--n", str(count)]))
            written = "csv" if ending == "txt" else ending
            asked = ["score", str(names), "--output", str(scores), "--format", written]
            scored.append(_row(ending, count, asked))
            scored.append(_row(f"{ending}, the first tenth", count // 10, [*made, "--n", str(count // 10)], asked))
            names.unlink()
            scores.unlink()
    if not quick:
        asked = ["sample", "--seed", "1", "--n", str(_MANY), "--output", "/dev/null", "--format", "text"]
        sampled.append(_row("txt, to /dev/null", _MANY, asked))
    columns = ["file", "names", "s", "names/s", "peak MiB"]
    print_table("`python -m service sample`, to a file:", columns, sampled)
    print_table("`python -m service score`, from a file to a file (a text to a CSV):", columns, scored)


def _row(what: str, count: int, *commands: list[str]) -> list[str]:
    """Of the last command."""
    for arguments in commands:
        spent = run("service", *arguments, "--quiet")
    return [what, f"{count:,}", f"{spent.seconds:.1f}", f"{count / spent.seconds:,.0f}", quantity(spent.peak_mib)]
