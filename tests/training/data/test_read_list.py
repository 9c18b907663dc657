"""Reading lists: what is mended, what is kept, what is refused and in which words."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.reading.asked import Asked, Where
from training.data.read_list import DataError, NameList, read_names

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return put


def refusal(path: Path, weight_column: str | None = None) -> str:
    """The message of the DataError that reading `path` raises: one line that names the file."""
    with pytest.raises(DataError) as error_info:
        read_names(path, asked=Asked(weight_column=weight_column))
    message = str(error_info.value)
    assert len(message.splitlines()) == 1
    assert str(path) in message
    return message


def test_a_text_file_gives_its_names_in_order_each_of_weight_one(write: Write) -> None:
    names = read_names(write("list.txt", "olivia\nemma\nava\n"))
    assert names.names == ["olivia", "emma", "ava"]
    assert names.weights.tolist() == [1, 1, 1]
    assert names.source == "list.txt"
    assert not names.weighted


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("\ufeffemma\nava\n", ["emma", "ava"], id="byte order mark"),
        pytest.param("emma\r\nava\r\n", ["emma", "ava"], id="CRLF"),
        pytest.param("emma\nava", ["emma", "ava"], id="no last newline"),
        pytest.param("  emma \t\n\u00a0ava\u3000\n", ["emma", "ava"], id="stray spaces"),
        pytest.param("mary  ann\nmary\u00a0ann\nava\n", ["mary ann", "mary ann", "ava"], id="inner spaces"),
        pytest.param("EMMA\nAvA\n", ["emma", "ava"], id="mixed case"),
        pytest.param("ZOE\u0308\nava\n", ["zo\u00eb", "ava"], id="decomposed accent"),
        pytest.param("\u00c9mile\n\u0130pek\n", ["\u00e9mile", "ipek"], id="accented capitals"),
        pytest.param("emma\nava\nemma\nEmma\n", ["emma", "ava", "emma", "emma"], id="repeats"),
        pytest.param("o'brien\nanne-marie\n", ["o'brien", "anne-marie"], id="punctuation"),
        pytest.param(f"{'a' * 64}\nava\n", ["a" * 64, "ava"], id="64 letters"),
    ],
)
def test_text_is_mended_without_changing_names(write: Write, content: str, expected: list[str]) -> None:
    names = read_names(write("list.txt", content)).names
    assert names == expected
    assert all(unicodedata.is_normalized("NFC", name) for name in names)


def test_empty_lines_are_passed_over_and_counted(write: Write) -> None:
    names = read_names(write("list.txt", "\nemma\n  \n\u00a0\nava\n"))
    assert names.names == ["emma", "ava"]
    assert names.empty_lines == 3


def test_the_newline_that_ends_a_file_is_no_empty_line(write: Write) -> None:
    assert read_names(write("list.txt", "emma\nava\n")).empty_lines == 0


def test_empty_lines_of_a_csv_are_counted(write: Write) -> None:
    names = read_names(write("list.csv", "name,weight\nemma,1\n\n,1\nava,1\n"))
    assert names.names == ["emma", "ava"]
    assert names.empty_lines == 2


def test_a_csv_is_read_by_its_header(write: Write) -> None:
    names = read_names(write("list.csv", '\ufeffyear, name ,note\r\n1999,Emma,x\r\n2000,"O, Jr",y\r\n2001,ava\r\n'))
    assert names.names == ["emma", "o, jr", "ava"]
    assert names.weights.tolist() == [1, 1, 1]


def test_the_ending_of_a_csv_may_be_in_capitals(write: Write) -> None:
    assert read_names(write("LIST.CSV", "name\nemma\nava\n")).names == ["emma", "ava"]


def test_a_column_called_weight_weighs_names_to_a_mean_of_one(write: Write) -> None:
    names = read_names(write("list.csv", "name,weight\nemma,30\nava,10\nmia,20\n"))
    np.testing.assert_allclose(names.weights, [1.5, 0.5, 1.0], rtol=1e-12)
    assert names.weighted


def test_spaces_around_the_header_weight_do_not_hide_the_weights(write: Write) -> None:
    names = read_names(write("list.csv", "name, weight\nemma,30\nava,10\n"))
    np.testing.assert_allclose(names.weights, [1.5, 0.5], rtol=1e-12)


def test_a_given_column_weighs_names_even_beside_one_called_weight(write: Write) -> None:
    path = write("list.csv", "name,weight,births\nemma,1,1e3\nava,1,3000\n")
    np.testing.assert_allclose(read_names(path, asked=Asked(weight_column="births")).weights, [0.5, 1.5], rtol=1e-12)


def test_very_large_weights_still_average_one(write: Write) -> None:
    names = read_names(write("list.csv", "name,weight\nemma,1.5e308\nava,1.5e308\n"))
    np.testing.assert_allclose(names.weights, [1, 1], rtol=1e-12)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        pytest.param("empty.txt", "", ["0 distinct"], id="empty file"),
        pytest.param("empty.csv", "", ["'name'", "none"], id="empty CSV"),
        pytest.param("one.txt", "emma\nEmma\n", ["1 distinct", "at least 2"], id="one name"),
        pytest.param("long.txt", f"emma\nava\n{'a' * 65}\n", ["line 3", "65", "64"], id="name over 64 letters"),
        pytest.param("control.txt", "emma\nav\x07a\nmia\n", ["line 2", "control", r"\x07"], id="control character"),
        pytest.param("tab.txt", "emma\nav\ta\nmia\n", ["line 2", r"\t"], id="tab inside a name"),
        pytest.param("mixed.txt", "zoë\nava\nchloë\n".encode() + b"zo\xeb\n", ["line 4", "UTF-8"], id="damaged UTF-8"),
        pytest.param(
            "columns.csv", "first,sex\nemma,F\n", ["'name'", "first, sex", "--column first"], id="no name column"
        ),
        pytest.param("text.csv", "name,weight\nemma,1\nava,many\n", ["line 3", "many", "number"], id="weight: text"),
        pytest.param("none.csv", "name,weight\nemma,1\nava\n", ["line 3", "number"], id="weight: missing"),
        pytest.param(
            "negative.csv", "name,weight\nemma,-1\nava,1\n", ["line 2", "-1", "greater than 0"], id="weight: negative"
        ),
        pytest.param("zero.csv", "name,weight\nemma,0\nava,1\n", ["line 2", "greater than 0"], id="weight: zero"),
        pytest.param("nan.csv", "name,weight\nemma,nan\nava,1\n", ["line 2", "nan", "finite"], id="weight: nan"),
        pytest.param("inf.csv", "name,weight\nemma,1\nava,inf\n", ["line 3", "inf", "finite"], id="weight: infinite"),
        pytest.param("open.csv", 'name\nemma\n"ava\n', ["line 3", "CSV"], id="quote left open"),
        pytest.param("quote.csv", 'name\n"em"ma\nava\n', ["line 2", "CSV"], id="quote inside a field"),
        pytest.param("header.csv", '"a\nb",c\nemma,1\n', ["'name'"], id="newline in the header"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(write: Write, file: str, content: str | bytes, said: list[str]) -> None:
    message = refusal(write(file, content))
    assert all(words in message for words in said)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "missing.txt")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert "directory" in refusal(tmp_path)


def test_a_weight_column_of_a_text_file_is_refused(write: Write) -> None:
    assert "no columns" in refusal(write("list.txt", "emma\nava\n"), "births")


def test_a_weight_column_that_is_not_there_is_refused_with_those_that_are(write: Write) -> None:
    message = refusal(write("list.csv", "name,sex\nemma,F\nava,F\n"), "births")
    assert "'births'" in message
    assert "name, sex" in message


def test_rows_are_chosen_by_the_value_of_a_column(write: Write) -> None:
    """A row that is not chosen is not looked at: it may lack fields, or hold what is no name."""
    content = "name,sex,weight\nEmma,F,1\nJohn,M,x\n\nAva, F ,3\nbad\x07name,M,1\nlee\n"
    names = read_names(write("list.csv", content), asked=Asked(where=Where("sex", "F")))
    assert names.names == ["emma", "ava"]
    np.testing.assert_allclose(names.weights, [0.5, 1.5], rtol=1e-12)
    assert (names.empty_lines, names.skipped, str(names.where)) == (0, [], "sex=F")


def test_a_chosen_row_that_is_bad_is_told_with_its_own_line(write: Write) -> None:
    path = write("list.csv", "name,sex\nJohn,M\nav\x07a,F\nemma,F\nmia,F\n")
    with pytest.raises(DataError, match="line 3: control character"):
        read_names(path, asked=Asked(where=Where("sex", "F")))


@pytest.mark.parametrize(
    ("file", "where", "said"),
    [
        ("list.csv", Where("gender", "F"), "no column 'gender' in the header; columns found: name, sex"),
        ("list.csv", Where("sex", "f"), "no row has 'f' in the column 'sex'"),
        ("text.txt", Where("sex", "F"), "a text file has no columns, so --where cannot choose"),
    ],
)
def test_rows_that_cannot_be_chosen_are_one_clear_error(write: Write, file: str, where: Where, said: str) -> None:
    path = write(file, "emma\nava\n" if file == "text.txt" else "name,sex\nemma,F\nava,F\n")
    with pytest.raises(DataError) as error_info:
        read_names(path, asked=Asked(where=where))
    assert str(error_info.value).startswith(f"{path}: {said}")
    assert "\n" not in str(error_info.value)


def test_many_bad_lines_are_counted_and_the_first_five_shown(write: Write) -> None:
    message = refusal(write("list.txt", "emma\n" + "a\x00b\n" * 9))
    assert "9 bad line(s)" in message
    assert all(f"line {line}:" in message for line in range(2, 7))
    assert "line 7:" not in message
    assert "--skip-bad-lines" in message


def test_skipped_bad_lines_are_left_out_and_recorded_with_the_reason(write: Write) -> None:
    content = f"name,weight\nemma,2\nav\x07a,1\nmia,-3\nzoe,4\n{'a' * 65},1\n"
    names = read_names(write("list.csv", content), skip_bad_lines=True)
    assert names.names == ["emma", "zoe"]
    np.testing.assert_allclose(names.weights, [2 / 3, 4 / 3], rtol=1e-12)
    assert [reason.split(":")[0] for reason in names.skipped] == ["line 3", "line 4", "line 6"]
    assert ["control" in names.skipped[0], "greater than 0" in names.skipped[1], "65" in names.skipped[2]] == [True] * 3


def test_a_file_of_bad_lines_alone_is_refused_even_if_they_are_skipped(write: Write) -> None:
    path = write("list.txt", "a\x00b\nc\x00d\n")
    with pytest.raises(DataError, match="0 distinct"):
        read_names(path, skip_bad_lines=True)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["emma", "ava", "mia", "zoe"]), min_size=2, max_size=6), st.data())
def test_the_fingerprint_changes_with_any_name_weight_or_order(names: list[str], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=len(names), max_size=len(names)))
    at = data.draw(st.integers(0, len(names) - 1))

    def fingerprint(names: list[str], weights: list[float]) -> str:
        return NameList(names, np.array(weights), "list.txt").fingerprint()

    original = fingerprint(names, weights)
    assert fingerprint(list(names), list(weights)) == original
    assert fingerprint([*names[:at], "lena", *names[at + 1 :]], weights) != original
    assert fingerprint(names, [*weights[:at], 7.0, *weights[at + 1 :]]) != original
    assert fingerprint([*names, "lena"], [*weights, 1.0]) != original
    changed = list(zip(names, weights, strict=True)) != list(zip(names, weights, strict=True))[::-1]
    assert (fingerprint(names[::-1], weights[::-1]) != original) == changed


@pytest.mark.parametrize("space", ["\u00a0", "\u2009", "\u202f", "\u3000"])
def test_every_kind_of_space_is_a_space(space: str, write: Write) -> None:
    assert read_names(write("list.txt", f"{space}anna{space} lou{space}\nemma\n")).names == ["anna lou", "emma"]
