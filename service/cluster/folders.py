"""The folder of a job: its parts, and what tells whether they are all there.

`_run.json` says of which run the parts are, `_parts.ndjson` which of them are done. When all are, both make way for
`_SUCCESS`, which holds the same in order: a folder without it is not complete. Those who read folders of files (Spark,
pyarrow, Ray Data) pass over names that begin with an underscore.
"""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from model.files.durable import make_directories, replace_file, sync_directory
from service.bulk.formats import FileError
from service.cluster.parts import Part, part_of

RUN_FILE, PARTS_FILE, SUCCESS_FILE = "_run.json", "_parts.ndjson", "_SUCCESS"
_TEMPORARY = re.compile(r"\.(.+)-[0-9a-f]{16}")
Run = dict[str, Any]


class Folder:
    """Where the parts of one run go. Raises FileError where `path` holds anything else, OSError."""

    def __init__(self, path: Path, run: Run) -> None:
        self._path = path
        self.parts: dict[int, Part] = {}
        """Those that are done, by number."""
        there = run_in(path)
        if there is None:
            if path.exists() and any(path.iterdir()):
                raise FileError(f"{path} is not empty: choose another folder, or empty this one")
            make_directories(path)
            replace_file(path / RUN_FILE, _written(run))
        elif there != json.loads(_written(run)):
            raise FileError(
                f"{path} holds a different run{_difference(there, run)}: choose another folder, or empty this one"
            )
        self.complete = (path / SUCCESS_FILE).exists()
        for part in self._done():
            self.parts[part.number] = part
        if self.complete:
            self._tidy()

    def add(self, part: Part) -> None:
        """Notes that a part is done."""
        self.parts[part.number] = part
        with (self._path / PARTS_FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(part)) + "\n")

    def finish(self) -> None:
        """Notes that all are, and removes what killed workers left."""
        run = run_in(self._path)
        files = {part.file for part in self.parts.values()}
        for path in list(self._path.rglob(".*")):
            named = _TEMPORARY.fullmatch(path.name)
            if named and path.with_name(named[1]).relative_to(self._path).as_posix() in files:
                path.unlink(missing_ok=True)
        parts = [asdict(self.parts[number]) for number in sorted(self.parts)]
        replace_file(self._path / SUCCESS_FILE, _written({"run": run, "parts": parts}))
        self.complete = True
        self._tidy()

    def _tidy(self) -> None:
        for name in (RUN_FILE, PARTS_FILE):
            (self._path / name).unlink(missing_ok=True)
        sync_directory(self._path)

    def _done(self) -> Iterable[Part]:
        if self.complete:
            yield from map(part_of, json.loads((self._path / SUCCESS_FILE).read_bytes())["parts"])
            return
        with suppress(FileNotFoundError):
            for line in (self._path / PARTS_FILE).read_text(encoding="utf-8").splitlines():
                with suppress(ValueError, TypeError, KeyError, OSError):  # half a line; a file that has gone
                    part = part_of(json.loads(line))
                    if (self._path / part.file).stat().st_size == part.bytes:
                        yield part


def run_in(path: Path) -> Run | None:
    """Of which run the parts in a folder are; None where there are none. Raises FileError."""
    for name in (SUCCESS_FILE, RUN_FILE):
        with suppress(FileNotFoundError):
            try:
                told = json.loads((path / name).read_bytes())
                return dict(told["run"] if name == SUCCESS_FILE else told)
            except (ValueError, TypeError, KeyError):
                raise FileError(f"{path / name} is damaged: empty the folder and start again") from None
    return None


def _difference(there: Run, run: Run) -> str:
    wanted = json.loads(_written(run))
    different = [key for key in wanted if there.get(key) != wanted[key]]
    return f" ({', '.join(different)} differs)" if different else ""


def _written(content: Run) -> bytes:
    return (json.dumps(content, sort_keys=True) + "\n").encode()
