"""Folders of many files on a cluster of this machine, with one worker and with two: whether the second one counts."""

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from statistics import median

from benchmarks.tools.tables import print_table
from model.store.store import OWN
from service.bulk.formats import FileFormat
from service.bulk.scored_files import Layout
from service.catalog import pinned_versions
from service.cluster import jobs
from service.cluster.connecting import LOCAL, connected
from service.cluster.sampling import SampleJob
from service.cluster.scoring import ScoreJob, files_in
from service.http.requests import SampleRequest, Scoring

_WORKERS = (1, 2)
_FILES, _FILE_NAMES = 8, 500_000
_QUICK_FILE_NAMES = 20_000
_ROUNDS, _QUICK_ROUNDS = 3, 1
_GOAL = 1.7
_FORMATS = (FileFormat.TEXT, FileFormat.PARQUET)


def main(quick: bool) -> None:
    """Rounds of one worker and of two in turn. Workers, which Ray keeps, have loaded their models before."""
    os.environ |= {"OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0"}  # Ray's 15 measures what others leave
    size, rounds = (_QUICK_FILE_NAMES, _QUICK_ROUNDS) if quick else (_FILE_NAMES, _ROUNDS)
    rows = []
    with tempfile.TemporaryDirectory() as directory, connected(LOCAL, max(_WORKERS)):
        pinned = pinned_versions.current(None, OWN)
        request = SampleRequest(n=1, seed=1)
        warm_up = SampleJob(
            pinned, Path(directory), request, _FILES * _QUICK_FILE_NAMES, _QUICK_FILE_NAMES, _FORMATS[0]
        )
        for _ in range(2):
            _names_and_seconds(warm_up, max(_WORKERS))
        for form in _FORMATS:
            names = Path(directory, f"names-{form}")
            sampling = SampleJob(pinned, names, request, _FILES * size, size, form)
            rows.append(_row(f"sample, {form}", sampling, rounds))
            jobs.run(sampling, LOCAL, None, _nothing)
            write_as = FileFormat.CSV if form is FileFormat.TEXT else form
            layouts = {file: Layout(form, write_as) for file in files_in(names)}
            scoring = ScoreJob(pinned, Path(directory, "scores"), Scoring(), names, layouts)
            rows.append(_row(f"score, {form}", scoring, rounds))
            rmtree(names)
    columns = ["job", "names", "one worker, names/s", "two workers, names/s", "ratio", "rounds", "goal", "met"]
    print_table(f"{_FILES} files, by `--cluster local`; medians of {rounds} rounds:", columns, rows)


def _row(what: str, job: SampleJob | ScoreJob, rounds: int) -> list[str]:
    measured = [[_names_and_seconds(job, workers) for workers in _WORKERS] for _ in range(rounds)]
    rates = [[names / took for names, took in each] for each in measured]
    ratios = [two / one for one, two in rates]
    one, two = (median(column) for column in zip(*rates, strict=True))
    met = "yes" if median(ratios) >= _GOAL else "no"
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    names = measured[0][0][0]
    return [what, f"{names:,}", f"{one:,.0f}", f"{two:,.0f}", f"{median(ratios):.2f}", spread, f"{_GOAL}", met]


def _names_and_seconds(job: SampleJob | ScoreJob, workers: int) -> tuple[int, float]:
    """Of the job, into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        totals = jobs.run(replace(job, folder=Path(folder)), LOCAL, workers, _nothing)
        return totals.names, time.perf_counter() - began


def _nothing(names: int, part: float | None) -> None:
    """Shows nothing."""
