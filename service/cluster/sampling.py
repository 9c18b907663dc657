"""Names to a folder of many files: part k holds the names k times the size of a part and those that follow, whoever
makes it, since name i depends on the seed and i alone."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from model.sampling.sampler import SAMPLER_VERSION
from service.answers.sample import prepare
from service.bulk.drawn_files import write_names
from service.bulk.formats import ENDINGS, FileFormat
from service.bulk.output import written_whole
from service.bulk.scoring import Totals
from service.catalog.catalog import Catalog
from service.catalog.pinned_versions import Versions
from service.cluster.connecting import ClusterError
from service.cluster.folders import Run
from service.http.problems import ProblemError
from service.http.requests import MAX_STREAMED, SampleRequest

_ENDING_OF = {form: ending for ending, form in reversed(ENDINGS.items())}


@dataclass(frozen=True)
class SampleJob:
    """Implements `Job`."""

    versions: Versions
    folder: Path
    request: SampleRequest
    """What is asked of each name, with a seed; how many there are does not count."""
    names: int
    part_names: int
    form: FileFormat

    @property
    def parts(self) -> int:
        return -(-self.names // self.part_names)

    @property
    def run(self) -> Run:
        """All that the names depend on."""
        asked: dict[str, Any] = self.request.model_dump(exclude={"n", "model"}, exclude_defaults=True)
        return {
            "command": "sample",
            "versions": self.versions.digests,
            "model": self.request.model or self.versions.default,
            "sampler": SAMPLER_VERSION,
            "blocked": sha256("\n".join(sorted(self.versions.blocked)).encode()).hexdigest(),
            "request": asked,
            "names": self.names,
            "part_names": self.part_names,
            "format": self.form.value,
        }

    def write(self, catalog: Catalog, number: int) -> tuple[str, Totals]:
        first = number * self.part_names
        count = min(self.part_names, self.names - first)
        file = f"part-{number:06d}{_ENDING_OF[self.form]}"
        try:
            draw = prepare(catalog, self.request.model_copy(update={"n": count}), MAX_STREAMED)
        except ProblemError as problem:
            raise ClusterError(problem.detail) from None
        with written_whole(self.folder / file) as output:
            for _ in write_names(draw, self.form, output, first):
                pass
        return file, Totals(names=count)
