"""A job from its beginning, or from where it was interrupted, to its end."""

from collections.abc import Callable
from math import fsum

from service.bulk.scoring import Totals
from service.cluster.connecting import connected
from service.cluster.folders import Folder
from service.cluster.parts import Job, made


def run(job: Job, address: str, workers: int | None, advance: Callable[[int, float | None], None]) -> Totals:
    """Makes the parts that are not there yet; returns what all of them hold. `advance` is told how many names there are
    by now, and which part of the files that is. Raises ClusterError, FileError and OSError."""
    folder = Folder(job.folder, job.run)
    left = [number for number in range(job.parts) if number not in folder.parts]
    if left:
        names = sum(part.totals.names for part in folder.parts.values())
        with connected(address, workers) as size:
            for part in made(job, left, min(size, len(left))):
                folder.add(part)
                names += part.totals.names
                advance(names, len(folder.parts) / job.parts)
    if not folder.complete:
        folder.finish()
    every = [part.totals for part in folder.parts.values()]
    return Totals(
        sum(each.names for each in every),
        sum(each.skipped for each in every),
        fsum(each.log_prob for each in every),
        sum(each.characters for each in every),
    )
