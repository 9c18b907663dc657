"""`sample`: names to a file or a pipe, as `/sample` would give them."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import Field

from service.answers.sample import Draw, drawn_seed, prepare
from service.bulk.drawn_files import write_names
from service.bulk.formats import FileFormat, pyarrow
from service.bulk.output import written_whole
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
from service.http.requests import MAX_STREAMED, SampleQuery, SampleRequest

MAX_WRITTEN = 1_000_000_000
_PART_NAMES = 1_000_000


class SampleFields(SampleQuery):
    """The fields of `/sample`, for more names than HTTP gives."""

    n: int = Field(10, ge=1, le=MAX_WRITTEN, description=f"How many names, up to {MAX_WRITTEN:,}.")


@asking(SampleFields)
def sample(
    asked: SampleFields,
    output: OutputOption = STANDARD,
    form: Annotated[
        FileFormat | None,
        typer.Option("--format", help="Format of the names; by default that of the output file's ending, or text."),
    ] = None,
    store: StoreOption = OWN_STORE,
    cluster: ClusterOption = None,
    workers: WorkersOption = None,
    part_names: Annotated[
        int | None,
        typer.Option(
            min=1, max=MAX_STREAMED, help="With --cluster: number of names in each file.", show_default=f"{_PART_NAMES}"
        ),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Invent names. The same seed and settings give the names that the service gives."""
    path = file_or_none(output)
    form = format_of(path, form, FileFormat.TEXT, "format")
    if cluster is not None:
        folder = folder_of(output, form)
        _sample_on(cluster, asked, form, folder, store, workers, part_names or _PART_NAMES, quiet=quiet)
        return
    check_alone(workers=workers, part_names=part_names)
    if form is FileFormat.PARQUET:
        pyarrow()  # before the model is loaded
    draw = prepare(catalog_with(asked.model, store), asked, MAX_WRITTEN)
    written = 0
    with written_whole(path) as file, progress(path, quiet=quiet) as advance:
        for written in write_names(draw, form, file):
            advance(written, written / asked.n)
    tell(_facts(draw, written), quiet=quiet)


def _sample_on(
    cluster: str,
    asked: SampleFields,
    form: FileFormat,
    folder: Path,
    store: Path,
    workers: int | None,
    part_names: int,
    *,
    quiet: bool,
) -> None:
    """The same on a cluster. What is wrong with a request shows here, before anything is started."""
    with ray_needed():
        from service.cluster import folders, jobs
        from service.cluster.sampling import SampleJob
    if asked.unique:
        raise OptionError("unique", "a cluster cannot draw names without repeats: leave out --cluster or --unique")
    seed = asked.seed
    if seed is None:  # an interrupted run goes on with the one that was drawn for it
        seed = ((folders.run_in(folder) or {}).get("request") or {}).get("seed", drawn_seed())
    request = SampleRequest.model_validate({**asked.model_dump(), "n": 1, "seed": seed})
    pinned = pinned_versions.current(asked.model, store)
    draw = prepare(pinned_versions.load(pinned), request)
    job = SampleJob(pinned, folder, request, asked.n, part_names, form)
    with progress(folder, quiet=quiet) as advance:
        totals = jobs.run(job, cluster, workers, advance)
    tell(f"{job.parts:,} files, {_facts(draw, totals.names)}", quiet=quiet)


def _facts(draw: Draw, written: int) -> str:
    """What the JSON answer says beside the names."""
    facts = [f"{written:,} names", f"model {draw.model.name} {draw.model.digest[:12]}", f"seed {draw.seed}"]
    facts.append(f"probability {draw.sampler.probability:.6g}")
    if draw.exhausted:
        facts.append("no more distinct names exist")
    return ", ".join(facts)
