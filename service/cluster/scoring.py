"""Scores of the names of a folder: one file for each, with the bytes that `score` alone would give."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from service.bulk.formats import FileError
from service.bulk.output import written_whole
from service.bulk.scored_files import Layout, write_scores
from service.bulk.scoring import Scorer, Totals
from service.bulk.source import opened
from service.catalog.catalog import Catalog
from service.catalog.pinned_versions import Versions
from service.cluster.folders import Run
from service.http.requests import Scoring

_HIDDEN = ("_", ".")


@dataclass(frozen=True)
class ScoreJob:
    """Implements `Job`."""

    versions: Versions
    folder: Path
    asked: Scoring
    source: Path
    """The folder of names."""
    layouts: Mapping[str, Layout]
    """Of each file, by its path in that folder, in order."""

    @property
    def parts(self) -> int:
        return len(self.layouts)

    @property
    def run(self) -> Run:
        """All that the scores depend on."""
        stats = {file: (self.source / file).stat() for file in self.layouts}
        return {
            "command": "score",
            "versions": self.versions.digests,
            "request": self.asked.model_dump(exclude_defaults=True),
            "layouts": {file: asdict(layout) for file, layout in self.layouts.items()},
            "files": {file: [stat.st_size, stat.st_mtime_ns] for file, stat in stats.items()},
        }

    def write(self, catalog: Catalog, number: int) -> tuple[str, Totals]:
        name = list(self.layouts)[number]
        layout = self.layouts[name]
        file = target(name, layout)
        scorer = Scorer(catalog.get(self.asked.model), self.asked.unknown, self.asked.details)
        (self.folder / file).parent.mkdir(parents=True, exist_ok=True)
        with opened(self.source / name) as source, written_whole(self.folder / file) as output:
            for _ in write_scores(source, layout, scorer, output):
                pass
        return file, scorer.totals


def files_in(folder: Path) -> list[str]:
    """The files of a folder and those below it, by their paths in it, sorted; without those whose name, or whose
    folder's, begins with an underscore or a dot. Raises FileError where there are none, OSError."""
    next(folder.iterdir(), None)
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    files = sorted(path.as_posix() for path in found if not any(part.startswith(_HIDDEN) for part in path.parts))
    if not files:
        raise FileError(f"{folder} holds no files of names")
    return files


def target(name: str, layout: Layout) -> str:
    """Where the result of a file goes: the same path, with the ending of its format."""
    path = Path(name)
    return name if layout.read_as is layout.write_as else path.with_suffix(f".{layout.write_as}").as_posix()


def check_targets(layouts: Mapping[str, Layout]) -> None:
    """Raises FileError where two files would get one name."""
    sources: dict[str, str] = {}
    for name, layout in layouts.items():
        other = sources.setdefault(target(name, layout), name)
        if other != name:
            raise FileError(f"{other} and {name} would both become {target(name, layout)}: rename one of them")
