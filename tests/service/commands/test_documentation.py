"""Every command of docs/command-line.md runs, and does what the page says."""

import csv
import gzip
import json
from pathlib import Path

import pytest

from model.store.store import Store
from tests.documentation import ROOT, blocks, run_shell
from tests.running import BUNDLED

PAGE = ROOT / "docs" / "command-line.md"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model as training publishes it, with its table."""
    root = tmp_path_factory.mktemp("store")
    bundled = Store(BUNDLED).open("us-names")
    assert bundled.training_names is not None
    Store(root).publish("us-names", bundled.data, sorted(bundled.training_names), {})
    return root


def test_the_commands_do_what_the_page_says(store: Path, tmp_path: Path) -> None:
    printed = run_shell("\n".join(blocks(PAGE, "sh")), tmp_path, NAMESMITH_STORE=str(store)).splitlines()
    names = printed[:5]
    assert all(name.lower().endswith("lyn") and len(name) <= 8 for name in names)
    assert printed[5] == "name,loss,log_prob,novel,percentile"
    assert [line.partition(",")[0] for line in printed[6:9]] == ["emma", "olivia", "xqzzt"]
    assert printed[9] == "name,loss,log_prob,novel,percentile"
    assert len(printed) == 12
    with (tmp_path / "names.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert (len(rows), list(rows[0])) == (100_000, ["name", "log_prob", "novel"])
    with gzip.open(tmp_path / "names.ndjson.gz") as file:
        assert [json.loads(line).keys() for line in file] == [{"name"}] * 100_000
    with (tmp_path / "scored.csv").open(newline="", encoding="utf-8") as file:
        emma, zoe = csv.DictReader(file)
    assert (emma["id"], emma["born"], emma["reason"], bool(emma["loss"])) == ("1", "1990", "", True)
    assert (zoe["id"], zoe["loss"], bool(zoe["reason"])) == ("2", "", True)
