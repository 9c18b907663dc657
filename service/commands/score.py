"""`score`: how likely the names of a file are, as columns beside them, as `/loss` would tell."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from model.reading.asked import NO_COLUMN, Asked, delimiter_of
from model.reading.described import Layout as ListLayout
from service.bulk.formats import ENDINGS, FileFormat, pyarrow
from service.bulk.output import written_whole
from service.bulk.scored_files import NAME, Layout, write_scores
from service.bulk.scoring import Scorer, Totals
from service.bulk.source import Source, opened
from service.bulk.told import column_of, told
from service.catalog import pinned_versions
from service.commands.console import progress, tell
from service.commands.models import catalog_with
from service.commands.options import (
    OWN_STORE,
    STANDARD,
    OptionError,
    OutputOption,
    QuietOption,
    StoreOption,
    asking,
    file_or_none,
    format_of,
)
from service.commands.ray_options import ClusterOption, WorkersOption, check_alone, folder_of, ray_needed
from service.http.requests import Scoring


@asking(Scoring)
def score(
    asked: Scoring,
    names: Annotated[
        Path, typer.Argument(metavar="[FILE]", help="File of names (with --cluster, a folder of files); - for stdin.")
    ] = STANDARD,
    output: OutputOption = STANDARD,
    column: Annotated[str | None, typer.Option(help="Column or field that holds the names.", show_default=NAME)] = None,
    input_format: Annotated[
        FileFormat | None,
        typer.Option(help="Format of FILE; by default detected from its content (stdin is read as text)."),
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="Character between the cells of a CSV; detected by default.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Text encoding of FILE, such as windows-1252; detected by default.")
    ] = None,
    form: Annotated[
        FileFormat | None,
        typer.Option("--format", help="Format of the result; by default that of FILE, or csv if FILE is text."),
    ] = None,
    bom: Annotated[
        bool,
        typer.Option(
            "--bom", help="Begin a CSV with a byte order mark, for Excel; if FILE has one, it is kept anyway."
        ),
    ] = False,
    store: StoreOption = OWN_STORE,
    cluster: ClusterOption = None,
    workers: WorkersOption = None,
    quiet: QuietOption = False,
) -> None:
    """Score how likely names are: adds the columns loss, log_prob, novel and percentile to a file."""
    if cluster is not None:
        _score_on(cluster, asked, names, output, column, input_format, form, store, workers, bom=bom, quiet=quiet)
        return
    check_alone(workers=workers)
    source_path, path = file_or_none(names), file_or_none(output)
    with _opened(source_path, input_format, _said(delimiter, encoding, column)) as (source, read_as, told_layout):
        otherwise = FileFormat.CSV if read_as is FileFormat.TEXT else read_as
        layout = _layout(read_as, format_of(path, form, otherwise, "format"), column, bom)
        if told_layout is not None:
            layout = replace(layout, column=column_of(told_layout), delimiter=told_layout.delimiter)
            tell(str(told_layout), quiet=quiet)
        elif delimiter is not None:
            layout = replace(layout, delimiter=delimiter_of(delimiter) or ",")
        model = catalog_with(asked.model, store).get(None)
        scorer = Scorer(model, asked.unknown, asked.details)
        with written_whole(path) as file, progress(path, quiet=quiet) as advance:
            for done in write_scores(source, layout, scorer, file):
                advance(scorer.totals.names, done)
    tell(_facts(f"{model.name} {model.digest[:12]}", scorer.totals), quiet=quiet)


def _said(delimiter: str | None, encoding: str | None, column: str | None) -> Asked:
    return Asked(None, delimiter_of(delimiter), encoding, column, NO_COLUMN)


@contextmanager
def _opened(
    path: Path | None, input_format: FileFormat | None, asked: Asked
) -> Iterator[tuple[Source, FileFormat, ListLayout | None]]:
    """What is read, its format, and what its content tells of it, where it is a file whose format nobody said."""
    if input_format is None and path is not None and ENDINGS.get(path.suffix.lower()) is not FileFormat.PARQUET:
        with told(path, asked) as (source, read_as, layout):
            yield source, read_as, layout
        return
    with opened(path) as source:
        yield source, format_of(path, input_format, FileFormat.TEXT, "input_format"), None


def _score_on(
    cluster: str,
    asked: Scoring,
    names: Path,
    output: Path,
    column: str | None,
    input_format: FileFormat | None,
    form: FileFormat | None,
    store: Path,
    workers: int | None,
    *,
    bom: bool,
    quiet: bool,
) -> None:
    """The same for the files of a folder, on a cluster."""
    with ray_needed():
        from service.cluster import jobs
        from service.cluster.scoring import ScoreJob, check_targets, files_in
    source, folder = names.resolve(), folder_of(output, form)
    if names == STANDARD:
        raise OptionError("cluster", "give a folder of files instead of stdin")
    if source.is_relative_to(folder) or folder.is_relative_to(source):
        raise OptionError("output", "choose a folder other than that of the names")
    layouts = {}
    for file in files_in(source):
        read_as = format_of(source / file, input_format, FileFormat.TEXT, "input_format")
        write_as = form or (FileFormat.CSV if read_as is FileFormat.TEXT else read_as)
        layouts[file] = _layout(read_as, write_as, column, bom)
    check_targets(layouts)
    job = ScoreJob(pinned_versions.current(asked.model, store), folder, asked, source, layouts)
    with progress(folder, quiet=quiet) as advance:
        totals = jobs.run(job, cluster, workers, advance)
    model = ", ".join(f"{name} {digest[:12]}" for name, digest in job.versions.digests.items())
    tell(f"{job.parts:,} files, {_facts(model, totals)}", quiet=quiet)


def _layout(read_as: FileFormat, write_as: FileFormat, column: str | None, bom: bool) -> Layout:
    """Raises OptionError, and FileError where Parquet is asked for and there is no library for it."""
    if read_as is FileFormat.TEXT and column is not None:
        raise OptionError("column", "a text file has no columns; give the file's real format with --input-format")
    if bom and write_as is not FileFormat.CSV:
        raise OptionError("bom", "only a CSV has one")
    if write_as is FileFormat.TEXT:
        raise OptionError("format", "a text file has no columns for the scores; use csv, ndjson or parquet")
    if read_as not in (FileFormat.TEXT, write_as):
        raise OptionError(
            "format", f"{read_as} input must be written as {read_as}, which keeps the other columns as they are"
        )
    if write_as is FileFormat.PARQUET:
        pyarrow()
    return Layout(read_as, write_as, column or NAME, bom)


def _facts(model: str, totals: Totals) -> str:
    """What the answer of /loss says beside the names."""
    facts = [f"{totals.names:,} names", f"model {model}"]
    if totals.loss is not None:
        facts.append(f"loss {totals.loss:.6f}, perplexity {totals.perplexity or math.inf:.6g}")
    if totals.skipped:
        facts.append(f"{totals.skipped:,} skipped")
    return ", ".join(facts)
