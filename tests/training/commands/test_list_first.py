"""A list is read before PyTorch is imported, so that a refusal takes no time and leaves nothing."""

import subprocess
import sys
from pathlib import Path

from model.store.store import BUNDLED, Store
from model.store.version_files import MODEL_FILE

_ROOT = Path(__file__).parents[3]
_PROGRAM = """
import sys
from training import cli
for line in sys.stdin.read().splitlines():
    sys.argv = ["training", *line.split("\\t")]
    try:
        cli.main()
    except SystemExit as error:
        print(error.code, sorted({"torch", "numba", "matplotlib"} & set(sys.modules)))
"""


def test_a_refused_list_never_waits_for_pytorch(tmp_path: Path) -> None:
    path, store = tmp_path / "yob1990.txt", tmp_path / "store"
    path.write_text("Jessica,F,46475\nAshley,F,45558\n", encoding="utf-8")
    bundled = Store(BUNDLED)
    model = BUNDLED / "us-names" / "versions" / bundled.current("us-names") / MODEL_FILE
    commands = [
        ["train", str(path)],
        ["sweep", str(path)],
        ["evaluate", "us-names", str(path)],
        ["report", "us-names", str(path)],
        ["compare", "us-names", "us-girls", str(path)],
        ["publish", str(model), "--name", "a", "--data", str(path)],
    ]
    lines = "\n".join("\t".join([*command, "--store", str(store)]) for command in commands)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        input=lines,
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    said = done.stderr.splitlines()
    assert len(said) == len(commands)
    assert all(
        line.endswith("try --column 1 --weight-column 3; if each line is a name, pass --format text") for line in said
    )
    ended = done.stdout.splitlines()
    assert len(ended) == len(commands)
    assert set(ended) <= {"1 []", "1 ['numba']"}  # versions in the store bring numba
    assert list(tmp_path.iterdir()) == [path]
