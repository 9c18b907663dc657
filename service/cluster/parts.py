"""A job as parts, each a file: Ray Data hands them to workers, and to another one where a worker or its machine dies.

A part is written whole or not at all, and always with the same bytes, so that it may be made twice.
"""

import json
import logging
import socket
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import file_digest
from pathlib import Path
from typing import Any, Protocol, cast

import ray.data
from ray.data import DataContext
from ray.exceptions import RayError

from model.errors import NamesmithError, StoreError
from model.sampling.sampler import SAMPLER_VERSION
from service.bulk.scoring import Totals
from service.catalog.catalog import Catalog
from service.catalog.pinned_versions import Versions, load
from service.cluster.connecting import ClusterError


@dataclass(frozen=True)
class Part:
    """A file that a worker has written."""

    number: int
    file: str
    """Its path in the folder."""
    bytes: int
    sha256: str
    totals: Totals


class Job(Protocol):
    """What is to be done, the same for every worker. Can be sent to another process."""

    @property
    def versions(self) -> Versions: ...

    @property
    def folder(self) -> Path: ...

    @property
    def parts(self) -> int:
        """How many there are."""
        ...

    @property
    def run(self) -> dict[str, Any]:
        """All that the parts depend on, as JSON."""
        ...

    def write(self, catalog: Catalog, number: int) -> tuple[str, Totals]:
        """Writes the file of a part, whole or not at all; returns its path in the folder, and what it holds. Raises
        NamesmithError and OSError."""
        ...


def made(job: Job, numbers: Sequence[int], workers: int) -> Iterator[Part]:
    """The parts of these numbers, made by up to so many workers of the cluster that this process is connected to, each
    as soon as it is done. Raises ClusterError for the first one that cannot be made."""
    _be_quiet()
    rows = ray.data.from_items([{"number": number} for number in numbers], override_num_blocks=len(numbers))
    parts = rows.map(
        cast(Any, _make),
        fn_args=(job, SAMPLER_VERSION),
        num_cpus=1,
        concurrency=workers,
    )
    try:
        for batch in parts.iter_batches(batch_size=None, batch_format="pyarrow"):
            yield from map(_part, cast(Any, batch).to_pylist())
    except RayError as error:
        raise ClusterError(f"the cluster failed: {str(error).strip().splitlines()[-1][:300]}") from error


def part_of(fields: dict[str, Any]) -> Part:
    """What `asdict` made of a part. Raises TypeError and KeyError."""
    return Part(**{**fields, "totals": Totals(**fields["totals"])})


def _make(row: dict[str, Any], job: Job, sampler_version: int) -> dict[str, Any]:
    """In a worker: the part of that number, or what is wrong with it, which no other worker could mend."""
    here = f" on {socket.gethostname()}"
    try:
        if sampler_version != SAMPLER_VERSION:
            raise ClusterError(f"a different version of namesmith is installed{here}: all nodes need the same one")
        return {"part": json.dumps(asdict(_written(job, _catalog(job.versions), row["number"]))), "error": ""}
    except NamesmithError as error:
        where = f"{here}; every node needs the store, at the same path" if isinstance(error, StoreError) else ""
        return {"part": "", "error": f"{error}{where}"}
    except OSError as error:
        return {"part": "", "error": f"{error.filename or 'input or output'}: {error.strerror}{here}"}


@lru_cache(maxsize=1)
def _catalog(versions: Versions) -> Catalog:
    """Loaded once in each process, and exactly what the job names, whatever has been published since."""
    return load(versions)


def _written(job: Job, catalog: Catalog, number: int) -> Part:
    file, totals = job.write(catalog, number)
    with (job.folder / file).open("rb") as written:
        sha256 = file_digest(written, "sha256").hexdigest()
        return Part(number, file, written.tell(), sha256, totals)


def _part(row: dict[str, str]) -> Part:
    if row["error"]:
        raise ClusterError(row["error"])
    return part_of(json.loads(row["part"]))


def _be_quiet() -> None:
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
