"""The commands of docs/cluster.md for folders run as people type them, on a cluster that they start themselves."""

import json
from pathlib import Path

from tests.documentation import ROOT, blocks, run_shell
from tests.running import BUNDLED

PAGE = ROOT / "docs" / "cluster.md"


def test_folders_are_made_as_the_page_says(tmp_path: Path) -> None:
    (commands,) = [block for block in blocks(PAGE, "sh") if block.startswith("python -m service sample")]
    fewer = commands.replace("-n 3000000", "-n 30000 --part-names 10000")
    assert fewer != commands
    run_shell(fewer, tmp_path, NAMESMITH_STORE=str(tmp_path / "own"), NAMESMITH_BUNDLED_STORE=str(BUNDLED))
    files = [f"part-{number:06d}.parquet" for number in range(3)]
    for folder in (tmp_path / "names", tmp_path / "scored"):
        assert sorted(path.name for path in folder.iterdir()) == ["_SUCCESS", *files]
        told = json.loads((folder / "_SUCCESS").read_bytes())
        assert [(part["file"], part["totals"]["names"]) for part in told["parts"]] == [(file, 10_000) for file in files]
