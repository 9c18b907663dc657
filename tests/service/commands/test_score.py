"""`python -m service score` adds to a file what /loss tells of its names, and changes nothing else in it."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.bulk import source as sources
from service.bulk.csv_files import CsvReader, CsvWriter
from service.bulk.scoring import Scorer
from service.bulk.source import Source
from service.catalog.catalog import Catalog
from tests.service.commands.test_sample import ROOT, peak_kib

Run = Callable[..., Any]
NAMES = ["Ana", "zoé", "ZOÉ", "Jean-Luc", "o'neal", "leo", "e", "lo" * 32]


def expected(client: TestClient, names: list[str], **fields: Any) -> list[dict[str, Any]]:
    answer = client.post("/loss", json={"names": names, "model": "tiny", **fields})
    assert answer.status_code == 200, answer.text
    scores: list[dict[str, Any]] = answer.json()["names"]
    return scores


def rows_of(data: bytes) -> list[dict[str, Any]]:
    """Of a CSV; numbers and truth as such."""
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))
    shown = {"true": True, "false": False, "": None}
    for row in rows:
        row |= {"novel": shown[row["novel"]]}
        row |= {key: float(row[key]) if row[key] else None for key in ("loss", "log_prob", "percentile")}
    return rows


def parquet(**columns: Any) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), file)
    return file.getvalue()


def files(names: list[str]) -> dict[str, bytes]:
    table = io.StringIO(newline="")
    csv.writer(table).writerows([["id", "name", "note"], *([i, name, 'a "b", c\n'] for i, name in enumerate(names))])
    objects = ({"id": i, "name": name, "note": None} for i, name in enumerate(names))
    return {
        "text": "".join(name + "\n" for name in names).encode(),
        "csv": table.getvalue().encode(),
        "ndjson": b"".join(json.dumps(each).encode() + b"\n" for each in objects),
        "parquet": parquet(id=list(range(len(names))), name=names),
    }


def scored_rows(data: bytes, form: str) -> list[dict[str, Any]]:
    if form == "parquet":
        rows: list[dict[str, Any]] = pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist()
        return rows
    return [json.loads(line) for line in data.splitlines()] if form == "ndjson" else rows_of(data)


@pytest.mark.parametrize("form", ["text", "csv", "ndjson", "parquet"])
def test_scores_are_those_of_http(both: TestClient, run: Run, form: str) -> None:
    names = NAMES * 40
    done = run("score", "--input-format", form, stdin=files(names)[form])
    assert done.code == 0, done.err
    rows = scored_rows(done.out, form)
    scores = expected(both, names)
    assert [row["name"] for row in rows] == names
    for key in ("loss", "log_prob", "novel", "percentile"):
        assert [row[key] for row in rows] == [score[key] for score in scores]
    mean = both.post("/loss", json={"names": names, "model": "tiny"}).json()["loss"]
    assert f"{len(names)} names" in done.err
    assert f"loss {mean:.6f}" in done.err


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
def test_a_list_becomes_a_table_of_any_format(both: TestClient, run: Run, tmp_path: Path, form: str) -> None:
    source, path = tmp_path / "names.txt", tmp_path / f"scores.{form}"
    source.write_bytes(files(NAMES)["text"])
    assert run("score", source, "-o", path).code == 0
    rows = scored_rows(path.read_bytes(), form)
    assert [list(row) for row in rows] == [["name", "loss", "log_prob", "novel", "percentile"]] * len(NAMES)
    assert [row["log_prob"] for row in rows] == [score["log_prob"] for score in expected(both, NAMES)]


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
def test_other_columns_stay_as_they_are_and_where_they_are(run: Run, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"names.{form}"
    path.write_bytes(files(NAMES)[form])
    before = path.read_bytes()
    out = tmp_path / f"scored.{form}"
    assert run("score", path, "-o", out).code == 0
    assert path.read_bytes() == before
    assert run("score", path, "-o", path).code == 0  # in place
    assert path.read_bytes() == out.read_bytes()
    if form == "ndjson":
        for old, new in zip(before.splitlines(), out.read_bytes().splitlines(), strict=True):
            assert new.startswith(old[:-1] + b',"loss":')
    elif form == "csv":
        old_rows, new_rows = (
            list(csv.reader(io.StringIO(data.decode(), newline=""))) for data in (before, out.read_bytes())
        )
        assert [row[:-4] for row in new_rows] == old_rows
        assert new_rows[0][-4:] == ["loss", "log_prob", "novel", "percentile"]
    else:
        old_table, new_table = (pyarrow.parquet.read_table(io.BytesIO(data)) for data in (before, out.read_bytes()))
        assert new_table.select(old_table.column_names).equals(old_table)
        assert new_table.column_names == ["id", "name", "loss", "log_prob", "novel", "percentile"]


cell = st.text(st.sampled_from('ab é",;\n\r\t\x0b\u2028'), max_size=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(cell, st.sampled_from(NAMES), cell), min_size=1, max_size=12),
    line_end=st.sampled_from(["\n", "\r\n"]),
    block=st.integers(1, 40),
)
def test_any_csv_comes_back_with_its_cells(
    both: TestClient, monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, str, str]], line_end: str, block: int
) -> None:
    monkeypatch.setattr(sources, "_BLOCK_BYTES", block)
    text, out = io.StringIO(newline=""), io.BytesIO()
    csv.writer(text, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows([("x", "name", "y"), *rows])
    catalog: Catalog = both.app.state.catalog  # type: ignore[attr-defined]
    scorer = Scorer(catalog.get("tiny"), "error", False)
    reader = CsvReader(Source("a file", io.BytesIO(text.getvalue().encode()), None), "name")
    writer = CsvWriter(out, reader.header, scorer.columns, reader.line_end)
    for batch in reader.batches():
        writer.write(batch.rows, scorer.score(batch.names))
    read = list(csv.reader(io.StringIO(out.getvalue().decode(), newline=""), strict=True))
    assert [tuple(row[:3]) for row in read] == [("x", "name", "y"), *rows]
    assert [float(row[4]) for row in read[1:]] == [s["log_prob"] for s in expected(both, [name for _, name, _ in rows])]


def test_what_a_json_line_holds_is_left_alone(run: Run) -> None:
    line = '{"big": 123456789012345678901234567890, "x":1.0, "x":2, "name":"ana", "deep": {"loss": [1e400]}}'
    lines = f'\ufeff{line}\r\n\r\n{{"name":"leo"}}'
    done = run("score", "--input-format", "ndjson", stdin=lines.replace("1e400", "1e40").encode())
    assert done.code == 0, done.err
    first, second = done.out.decode().splitlines()
    assert first.startswith(line.replace("1e400", "1e40")[:-1] + ',"loss":')
    assert json.loads(second).keys() == {"name", "loss", "log_prob", "novel", "percentile"}


BAD = [
    ("text", b"ana\nleo\nmax\n", "line 3: character 'm'", 2),
    ("text", b"ana\r\n\r\nleo\r\n", "line 2: the name is missing", 1),
    ("text", b"ana\n" + b"a" * 65, "line 2: the name has 65 characters", 1),
    ("csv", b'x,name\n"1\n\n2",ana\n\n3,max\n', "line 6: character 'm'", 1),
    ("csv", b'name\n""\n', "line 2: the name is missing", 0),
    ("csv", b"x,name\n1\n", "line 2: the name is missing", 0),
    ("ndjson", b'{"name":"ana"}\n\n{"name":"max"}\n', "line 3: character 'm'", 1),
    ("ndjson", b'{"name":"ana"}\n{"nam":"max"}\n', "line 2: the name is missing", 1),
    ("ndjson", b'{"name":"ana"}\n{"name":7}\n', "line 2: the name is not text", 1),
    ("parquet", parquet(name=["ana", None, "leo"]), "row 2: the name is missing", 1),
    ("parquet", parquet(name=["ana", "leo", "max"]), "row 3: character 'm'", 2),
]


@pytest.mark.parametrize("block", [1, 3, 1 << 17])
@pytest.mark.parametrize(("form", "data", "said", "index"), BAD)
def test_an_error_names_the_line_and_skipping_gives_the_reason(
    run: Run, monkeypatch: pytest.MonkeyPatch, form: str, data: bytes, said: str, index: int, block: int
) -> None:
    monkeypatch.setattr(sources, "_BLOCK_BYTES", block)
    done = run("score", "--input-format", form, stdin=data)
    assert done.code == 1
    assert said in done.err
    assert "stdin: " in done.err
    assert "--unknown skip" in done.err
    assert done.err.count("\n") == 1
    skipped = run("score", "--input-format", form, "--unknown", "skip", stdin=data)
    assert skipped.code == 0, skipped.err
    assert "1 skipped" in skipped.err
    rows = scored_rows(skipped.out, form)
    for number, row in enumerate(rows):
        assert (row["loss"] is None) == (row["log_prob"] is None) == (row["novel"] is None) == (number == index)
        assert bool(row["reason"]) == (number == index)
    assert said.partition(": ")[2] in rows[index]["reason"]


@pytest.mark.parametrize(
    ("form", "data", "said"),
    [
        ("text", b"ana\n\xff\n", "stdin: line 2: not UTF-8 text"),
        ("csv", b'name\nana\n"leo', "stdin: line 3: not valid CSV"),
        ("csv", b"name\nana,1\n", "stdin: line 2: 2 cells, but the heading has 1"),
        ("csv", b"given\nana\n", "stdin: no column 'name' in the heading (columns: given); see --column"),
        ("csv", b"name,name\nana,leo\n", "stdin: more than one column 'name'"),
        ("csv", b"", "stdin: no column 'name' in the heading (columns: none)"),
        ("csv", b"name,loss\nana,1\n", "the file already has a column 'loss'"),
        ("ndjson", b'{"given":"ana"}\n', "stdin: line 1: no field 'name'; see --column"),
        ("ndjson", b'{"name":"ana"}\n{"name"}\n', "stdin: line 2: not JSON"),
        ("ndjson", b'{"name":"ana"}\n["leo"]\n', "stdin: line 2: not a JSON object"),
        (
            "ndjson",
            b'{"name":"ana"}\n{"name":"leo","novel":1}\n',
            "stdin: line 2: the object already has a field 'novel'",
        ),
        ("parquet", b"name\nana\n", "stdin: not a Parquet file"),
        ("parquet", parquet(name=[1, 2]), "stdin: column 'name' holds int64, not text"),
        ("parquet", parquet(given=["ana"]), "stdin: no column 'name'; columns: given"),
        ("parquet", parquet(name=["ana"], novel=[True]), "the file already has a column 'novel'"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(
    run: Run, tmp_path: Path, form: str, data: bytes, said: str
) -> None:
    path = tmp_path / "scored.out"
    path.write_text("before")
    output = "csv" if form == "text" else form
    done = run("score", "--input-format", form, "--format", output, "-o", path, stdin=data)
    assert done.code == 1
    assert done.err.startswith(f"error: {said}")
    assert done.err.count("\n") == 1
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_without_lines_does_not_fill_the_memory(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_LINE_BYTES", 1000)
    monkeypatch.setattr(sources, "_BLOCK_BYTES", 100)
    done = run("score", stdin=b"ana\n" + b"a" * 5000)
    assert (done.code, "line 2: longer than 1,000 bytes" in done.err) == (1, True)


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
def test_the_names_may_stand_in_another_column(both: TestClient, run: Run, form: str) -> None:
    data = files(["first"])[form].replace(b"name", b"nome").replace(b"first", b"chlo\xc3\xa9"[:5])
    if form == "parquet":
        data = parquet(nome=["ana"])
    data = data.replace(b"chlo\xc3", b"ana")
    done = run("score", "--input-format", form, "--column", "nome", stdin=data)
    assert done.code == 0, done.err
    assert scored_rows(done.out, form)[0]["log_prob"] == expected(both, ["ana"])[0]["log_prob"]


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
def test_details_are_the_characters_of_http(both: TestClient, run: Run, form: str) -> None:
    scores = expected(both, NAMES, details=True)
    done = run("score", "--input-format", form, "--details", stdin=files(NAMES)[form])
    found = [row["characters"] for row in scored_rows(done.out, form)]
    assert [json.loads(each) if form == "csv" else each for each in found] == [s["characters"] for s in scores]


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
def test_ignored_characters_are_counted(both: TestClient, run: Run, form: str) -> None:
    names = ["ana", "4na!", "1234"]
    done = run("score", "--input-format", form, "--unknown", "ignore", stdin=files(names)[form])
    assert done.code == 0, done.err
    scores = expected(both, names, unknown="ignore")
    empty = "" if form == "csv" else None
    for row, score in zip(scored_rows(done.out, form), scores, strict=True):
        assert row["percentile"] == score["percentile"]
        assert row["ignored"] in (score["ignored"], str(score["ignored"]), empty)
        assert row["reason"] == (score["reason"] or empty)


@pytest.mark.parametrize(
    ("file", "data", "told"),
    [
        ("a.csv", "id;Vorname\n1;Ana\n2;zoé\n".encode("latin-1"), "read as CSV, ';', column 'Vorname', windows-1252"),
        ("a.tsv", "id\tname\n1\tAna\n2\tzoé\n".encode("utf-16"), "read as TSV, column 'name', utf-16"),
        ("a.txt.gz", gzip.compress("Ana\nzoé\n".encode(), mtime=0), "read as text, gzip"),
        ("a.json", '[\n "Ana",\n "zoé"\n]'.encode(), "read as JSON"),
        ("a.txt", "Ana\rzoé\r".encode(), "read as text"),
    ],
)
def test_a_file_is_read_as_training_reads_it(
    both: TestClient, run: Run, tmp_path: Path, file: str, data: bytes, told: str
) -> None:
    path = tmp_path / file
    path.write_bytes(data)
    done = run("score", path, "--format", "ndjson" if file == "a.json" else "csv")
    assert done.code == 0, done.err
    assert done.err.startswith(told + "\n")
    text = done.out.decode()
    if file == "a.json":
        found = [json.loads(line)["log_prob"] for line in text.splitlines()]
    else:
        delimiter = {"a.csv": ";", "a.tsv": "\t"}.get(file, ",")
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
        found = [float(row["log_prob"]) for row in rows]
    assert found == [score["log_prob"] for score in expected(both, ["Ana", "zoé"])]


def test_what_looks_like_another_form_is_not_scored(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1. Ana\n2. Zoé\n", encoding="utf-8")
    done = run("score", path)
    assert done.code == 1
    assert "begins with a number" in done.err
    assert "--input-format text" in done.err


def test_names_that_a_list_makes_one_are_one_here(both: TestClient) -> None:
    spellings = ["Ana", " ana\u00a0", "ANA\u200b", "ana\r\n"]
    scores = expected(both, spellings)
    assert len({(score["log_prob"], score["novel"]) for score in scores}) == 1


def test_an_empty_list_has_no_scores(run: Run) -> None:
    done = run("score")
    assert (done.code, done.out) == (0, b"name,loss,log_prob,novel,percentile\r\n")
    assert done.err.startswith("0 names")


def test_commands_work_together_in_a_pipe(tiny_store: Path) -> None:
    environment = os.environ | {"NAMESMITH_STORE": str(tiny_store), "NAMESMITH_DEFAULT_MODEL": "tiny"}
    program = f"{sys.executable} -m service"
    line = f"set -o pipefail; {program} sample -n 30000 -q --seed 1 | {program} score -q"
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, env=environment, capture_output=True, timeout=300, check=True)
    assert done.stdout.count(b"\n") == 30_001
    assert done.stderr == b""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
def test_memory_does_not_grow_with_the_file(tiny_store: Path, tmp_path: Path) -> None:
    few, many = tmp_path / "few", tmp_path / "many"
    few.write_bytes(b"name\n" + b"ana\nzo\xc3\xa9\n" * 50_000)
    many.write_bytes(b"name\n" + b"ana\nzo\xc3\xa9\n" * 200_000)
    options = ["--input-format", "csv", "--format", "csv", "-q", "-o", "/dev/null"]
    peaks = [peak_kib("score", str(path), *options, store=tiny_store) for path in (few, many)]
    assert peaks[1] - peaks[0] < 8 * 1024  # 300,000 names more, some 20 MiB as objects


BOM = b"\xef\xbb\xbf"


def test_a_byte_order_mark_is_kept_or_given(run: Run) -> None:
    table = "id,name\r\n1,zoé\r\n".encode()
    plain = run("score", "--input-format", "csv", stdin=table)
    assert plain.out.startswith(b"id,name,")
    for arguments, file in (((), BOM + table), (("--bom",), table), (("--bom",), BOM + table)):
        assert run("score", "--input-format", "csv", *arguments, stdin=file).out == BOM + plain.out
    assert run("score", "--bom", stdin="zoé\n".encode()).out.startswith(BOM + b"name,loss")
    refused = run("score", "--bom", "--format", "ndjson", stdin=b"zoe\n")
    assert (refused.code, refused.out) == (2, b"")
    assert "--bom" in refused.err


def test_a_package_without_the_repository_says_where_the_bundled_models_are(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAMESMITH_BUNDLED_STORE", str(tmp_path / "site-packages" / "store"))
    done = run("sample", "--model", "us-names", "--store", tmp_path)
    assert done.code == 1
    assert "NAMESMITH_BUNDLED_STORE" in done.err
    assert len(done.err.splitlines()) == 1
