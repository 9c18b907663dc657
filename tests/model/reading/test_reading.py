"""Lists in the forms in which people have them: what each is read as, and in which words the others are refused."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.reading.asked import Asked, DataError, ListFormat, Where
from model.reading.rows import BadRow, opened_list

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return put


def read(path: Path, **asked: object) -> tuple[str, list[str], list[float]]:
    """What is said of a list, its names without line ends, and their weights."""
    with opened_list(path, Asked(**asked)) as opened:  # type: ignore[arg-type]
        rows = list(opened.rows())
    assert not [name for _, name, _ in rows if isinstance(name, BadRow)]
    filled = [(name.strip(), 1.0 if weight is None else float(weight)) for _, name, weight in rows if name.strip()]
    return str(opened.layout), [name for name, _ in filled], [weight for _, weight in filled]


def refusal(path: Path, **asked: object) -> str:
    with pytest.raises(DataError) as error_info:
        read(path, **asked)
    message = str(error_info.value)
    assert len(message.splitlines()) == 1
    assert str(path) in message
    return message.replace(str(path), path.name)


INSEE = "sexe;preusuel;annais;nombre\n1;ANDRÉ;1990;3\n2;ZOÉ;1991;5\n"
PRETTY = json.dumps(["Emma", "Zoë"], indent=2, ensure_ascii=False)
OBJECTS = [{"id": 1, "name": "Emma", "count": 3}, {"id": 2, "name": "Zoë", "count": 5}]


@pytest.mark.parametrize(
    ("file", "content", "said", "names", "weights"),
    [
        ("a.txt", "Emma\nZoë\n", "read as text", ["Emma", "Zoë"], [1, 1]),
        ("a.txt", "Emma\rZoë\r", "read as text", ["Emma", "Zoë"], [1, 1]),
        ("a.csv", "name\rEmma\rZoë\r", "read as CSV, ',', column 'name'", ["Emma", "Zoë"], [1, 1]),
        ("a.csv", INSEE, "read as CSV, ';', column 'preusuel', weights 'nombre'", ["ANDRÉ", "ZOÉ"], [3, 5]),
        (
            "a.csv",
            INSEE.encode("latin-1"),
            "read as CSV, ';', column 'preusuel', weights 'nombre', windows-1252",
            ["ANDRÉ", "ZOÉ"],
            [3, 5],
        ),
        ("a.csv", "id,Name\n1,Emma\n2,Zoë\n", "read as CSV, ',', column 'Name'", ["Emma", "Zoë"], [1, 1]),
        ("a.csv", "id,first_name\n1,Emma\n2,Zoë\n", "read as CSV, ',', column 'first_name'", ["Emma", "Zoë"], [1, 1]),
        ("a.txt", "town|people\nUlm|3\nBonn|5\n", "read as CSV, '|', column 'town'", ["Ulm", "Bonn"], [1, 1]),
        ("a.txt", "name\tcount\nEmma\t3\n", "read as TSV, column 'name', weights 'count'", ["Emma"], [3]),
        ("a.tsv", "Vorname\tAnzahl\nZoë\t3\n", "read as TSV, column 'Vorname', weights 'Anzahl'", ["Zoë"], [3]),
        ("a.json", PRETTY, "read as JSON", ["Emma", "Zoë"], [1, 1]),
        ("a.txt", PRETTY, "read as JSON", ["Emma", "Zoë"], [1, 1]),
        ("a.json", json.dumps(OBJECTS), "read as JSON, column 'name', weights 'count'", ["Emma", "Zoë"], [3, 5]),
        (
            "a.ndjson",
            "".join(json.dumps(each) + "\n" for each in OBJECTS),
            "read as NDJSON, column 'name', weights 'count'",
            ["Emma", "Zoë"],
            [3, 5],
        ),
        ("a.txt", "Emma\nZoë\n".encode("utf-16"), "read as text, utf-16", ["Emma", "Zoë"], [1, 1]),
        ("a.txt", "Emma\nZoë\n".encode("utf-16-le"), "read as text, utf-16-le", ["Emma", "Zoë"], [1, 1]),
        ("a.txt", gzip.compress("Emma\nZoë\n".encode(), mtime=0), "read as text, gzip", ["Emma", "Zoë"], [1, 1]),
        ("a.txt", "Łukasz\nMichał\nPaweł\nBożena\n".encode("cp1250"), "read as text, cp1250", None, [1] * 4),
        ("a.txt", "Иван\nМария\nАлексей\nОльга\n".encode("cp1251"), "read as text, cp1251", None, [1] * 4),
        ("a.txt", "علی\u200cرضا\nL·luís\nOʼahu\n", "read as text", ["علی\u200cرضا", "L·luís", "Oʼahu"], [1] * 3),
        ("a.csv", 'name\n"Smith, Jr."\nLee\n', "read as CSV, ',', column 'name'", ["Smith, Jr.", "Lee"], [1, 1]),
        ("a.csv", 'name\n"Emma\n"\n"Zoë\r\n"\n', "read as CSV, ',', column 'name'", ["Emma", "Zoë"], [1, 1]),
    ],
)
def test_the_form_is_told_from_the_content(
    write: Write, file: str, content: str | bytes, said: str, names: list[str] | None, weights: list[float]
) -> None:
    told, found, weigh = read(write(file, content))
    assert (told, weigh) == (said, weights)
    assert names is None or found == names


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1250", ["Łukasz", "Michał", "Paweł", "Bożena"]),
        ("cp1251", ["Иван", "Мария", "Алексей", "Ольга"]),
        ("cp1252", ["José", "Zoë", "François"]),
    ],
)
def test_the_encoding_that_is_told_gives_the_letters_back(write: Write, encoding: str, names: list[str]) -> None:
    assert read(write("a.txt", "\n".join(names).encode(encoding)))[1] == names


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        (
            "yob1990.txt",
            "Jessica,F,46475\nAshley,F,45558\nMichael,M,65302\n",
            "looks like CSV without a header; try --column 1 --weight-column 3",
        ),
        ("a.txt", "1\tAnn\t30\n2\tBob\t20\n3\tCy\t20\n", "try --delimiter tab --column 2 --weight-column 3"),
        ("a.txt", "Roe, Ann\nDoe, Bob\n", "looks like CSV without a header; try --column 1"),
        ("a.txt", "Ann;\nBob;\n", "looks like CSV without a header"),
        ("a.csv", "name\nEmma;3\n", "line 2: several cells, separated by ';', but the heading has 1"),
        ("a.csv", "name,x,name\nEmma,1,Ann\n", "columns 1 and 3 are both called 'name'; choose one with --column 1"),
        ("a.csv", "last_name,first_name\nRoe,Ann\n", "'last_name' and 'first_name' may all hold names"),
        ("a.csv", "who,how many\nAnn,3\n", "columns found: who, how many; choose one with --column who"),
        ("a.csv", "Ann\nBob\n", "pass --format text"),
        ("a.txt", "# girls\nAnn\nBob\n", "line 1: '# girls' looks like a comment; fix the list: grep"),
        ("a.txt", "1. Ann\n2. Bob\n3. Cy\n", "line 1: '1. Ann' begins with a number; fix the list: sed"),
        ("a.txt", "Ann 30\nBob 20\nMary Ann 7\n", "line 1: 'Ann 30' ends with a number"),
        ("a.txt", "- Ann\n- Bob\n", "begins with a bullet"),
        ("a.txt", '"Roe, Ann"\n"Doe, Bob"\n', "line 1: '\"Roe, Ann\"' is quoted"),
        ("a.txt", "'Ann',\n'Bob',\n", "looks like CSV without a header"),
        ("a.txt", "Ann<br>\nBob<br>\n", "line 1: 'Ann<br>' holds HTML"),
        ("a.html", "<!DOCTYPE html><p>Ann", "this is HTML or XML"),
        ("a.json", '{\n "names": ["Ann", "Bob"]\n}', "one JSON object"),
        ("a.json", '["Ann", "Bob"', "not JSON"),
        ("a.json", '[["Ann", 3], ["Bob", 4]]', "an array of arrays"),
        ("a.ndjson", '{"name": "Ann"}\n{"name": \n', "line 2: not JSON"),
        ("a.json", '[{"id": "x"}]', "columns found: id; choose one with --column id"),
        ("a.txt", b"%PDF-1.7", "this is a PDF"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as CSV"),
        ("a.txt", b"BZh91AY", "bunzip2"),
        ("a.txt", gzip.compress(b"Ann\nBob\n", mtime=0)[:-9], "gzip is damaged"),
        ("a.txt", gzip.compress(b"PK\x03\x04", mtime=0), "zip archive"),
        ("a.txt", "Ayşe\nIşıl\n".encode("cp1254"), "choose one with --encoding"),
        (
            "a.txt",
            "Zoë\nChloë\nNoël\n".encode() + b"Jos\xe9\n",
            "line 4: not UTF-8 text, though the rest of the file is",
        ),
    ],
)
def test_what_looks_like_another_form_is_refused_with_what_would_work(
    write: Write, file: str, content: str | bytes, said: str
) -> None:
    assert said in refusal(write(file, content))


@pytest.mark.parametrize(("member", "said"), [("xl/workbook.xml", "save it as CSV"), ("names.txt", "unpack it")])
def test_a_spreadsheet_and_a_zip_archive_are_told_apart(write: Write, member: str, said: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        if member.startswith("xl"):
            archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(member, "Ann")
    assert said in refusal(write("a.xlsx", packed.getvalue()))


@pytest.mark.parametrize(
    ("file", "content", "asked", "said", "names", "weights"),
    [
        (
            "yob1990.txt",
            "Jessica,F,46475\nAshley,F,45558\n",
            {"column": "1", "weight_column": "3"},
            "read as CSV, ',', column 1 (no header), weights 3",
            ["Jessica", "Ashley"],
            [46475, 45558],
        ),
        (
            "a.txt",
            '"Roe, Ann"\n"Doe, Bob"\n',
            {"format": ListFormat.CSV, "column": "1"},
            None,
            ["Roe, Ann", "Doe, Bob"],
            None,
        ),
        ("a.txt", "Roe, Ann\nDoe, Bob\n", {"format": ListFormat.TEXT}, "read as text", ["Roe, Ann", "Doe, Bob"], None),
        ("a.txt", "Roe, Ann\nDoe, Bob\n", {"column": "2"}, None, ["Ann", "Bob"], None),
        ("a.csv", "who,how many\nAnn,3\n", {"column": "who", "weight_column": "2"}, None, ["Ann"], [3]),
        ("a.csv", "name,count\nAnn,3\n", {"weight_column": "none"}, "read as CSV, ',', column 'name'", ["Ann"], [1]),
        ("a.csv", "name,x,name\nEmma,1,Ann\n", {"column": "3"}, None, ["Ann"], None),
        (
            "a.txt",
            "Ayşe\nIşıl\n".encode("cp1254"),
            {"encoding": "cp1254"},
            "read as text, cp1254",
            ["Ayşe", "Işıl"],
            None,
        ),
        ("a.txt", "Ann~3\nBob~4\n", {"delimiter": "~", "column": "1"}, None, ["Ann", "Bob"], None),
        ("a.txt", "Ann  3\nBob  4\n", {"delimiter": " ", "column": "1", "weight_column": "2"}, None, None, [3, 4]),
        ("a.json", json.dumps(OBJECTS), {"where": Where("id", "2")}, None, ["Zoë"], [5]),
    ],
)
def test_the_form_can_be_said(
    write: Write,
    file: str,
    content: str | bytes,
    asked: dict[str, object],
    said: str | None,
    names: list[str] | None,
    weights: list[float] | None,
) -> None:
    told, found, weigh = read(write(file, content), **asked)
    assert said in (None, told)
    assert names in (None, found)
    assert weights in (None, weigh)


def test_lines_are_counted_as_an_editor_counts_them(write: Write) -> None:
    """A quoted line break belongs to the row that it is in."""
    path = write("a.csv", 'name,note\r\n"Ann","a\r\nb"\r\nBob,"c\nd"\r\n\r\nCy,1,2\r\n')
    with opened_list(path, Asked()) as opened:
        rows = list(opened.rows())
    assert [(line, name) for line, name, _ in rows if name] == [
        (2, "Ann"),
        (4, "Bob"),
        (7, "3 cells, but the heading has 2; quote the name"),
    ]
    assert "line 4: not valid CSV" in refusal(write("b.csv", 'name\n"Ann\nLee"\n"Bo"b\n'))


def test_text_that_comes_through_a_pipe_is_read(tmp_path: Path) -> None:
    import os
    import threading

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(gzip.compress("Emma\nZoë\n".encode())))
    writer.start()
    assert read(pipe)[1] == ["Emma", "Zoë"]
    writer.join()


def test_an_unknown_encoding_and_a_delimiter_of_two_characters_are_refused() -> None:
    with pytest.raises(DataError, match="no text encoding 'utf-9'"):
        Asked(encoding="utf-9")
    with pytest.raises(DataError, match="no text encoding 'rot13'"):
        Asked(encoding="rot13")
    with pytest.raises(DataError, match="must be one character"):
        Asked(delimiter="::")


WORDS = st.text(st.sampled_from("abcdeéöžłωшあ한ş'-"), min_size=2, max_size=8).filter(lambda word: word[0] not in "'-")
NAMES = st.lists(st.builds(" ".join, st.lists(WORDS, min_size=1, max_size=2)), min_size=2, max_size=8)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]


def written(names: list[str], weights: list[int], form: str, end: str) -> str:
    """As Python's own libraries write them."""
    rows = [{"name": name, "weight": weight} for name, weight in zip(names, weights, strict=True)]
    if form == "json":
        return json.dumps(rows, ensure_ascii=False, indent=1)
    if form == "ndjson":
        return "".join(json.dumps(row, ensure_ascii=False) + end for row in rows)
    if form == "text":
        return "".join(name + end for name, weight in zip(names, weights, strict=True) for _ in range(weight))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ["name", "weight"], delimiter=form, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    NAMES,
    st.lists(st.integers(1, 3), min_size=8, max_size=8),
    st.sampled_from(["text", ",", ";", "\t", "|", "json", "ndjson"]),
    st.sampled_from(ENCODINGS),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
def test_a_list_is_the_same_in_every_form_encoding_and_line_end(
    tmp_path: Path, names: list[str], weights: list[int], form: str, encoding: str, end: str, packed: bool
) -> None:
    weights = weights[: len(names)]
    data = written(names, weights, form, end).encode(encoding)
    path = tmp_path / "list"
    path.write_bytes(gzip.compress(data) if packed else data)
    _, found, weigh = read(path)
    if form == "text":
        assert found == [name for name, weight in zip(names, weights, strict=True) for _ in range(weight)]
    else:
        assert (found, weigh) == (names, weights)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["José", "Zoë", "François", "Åsa", "Jürgen", "Begoña", "Noël"]), min_size=1),
    st.sampled_from("\n\r"),
)
def test_western_letters_of_one_byte_are_told(tmp_path: Path, names: list[str], end: str) -> None:
    path = tmp_path / "list"
    path.write_bytes(end.join([*names, "Anna"]).encode("latin-1"))
    assert read(path)[1] == [*names, "Anna"]
