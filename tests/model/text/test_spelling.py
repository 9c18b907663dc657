"""Names written as bytes, and text read as names: many at once, against plain Python one by one."""

import csv
import io
import json
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from model.errors import UnknownCharacterError
from model.text.names import Names
from model.text.spelling import Form, NameCase, Spelling
from model.text.vocabulary import UnicodeForm, Vocabulary

CASES: list[NameCase] = ["lower", "title", "upper"]
ALPHABETS = {
    "plain": "abcxyz",
    "accents": "aéñøöçzA'",
    "starts of words": "ab -'’\u00a0\u3000",
    "quotes, commas, backslashes": 'ab",\\/',
    "comma alone": "ab,",
    "quote alone": 'ab"',
    "markup": "ab<>&=+@",
    "beyond the basic plane": "a\U00010428\U00010400\U0001f600\U00020000",
    "two letters in upper case": "asßŉǰﬁ",
    "letters with a title case": "aǆǇǌǳ",
    "lower case of two letters": "aİi",
    "combining": "ae\u0301\u0308",
    "cyrillic": "абвж",
    "han": "美咲子",
    "one letter": "a",
}


def words_begin(name: str) -> list[bool]:
    """For each letter, whether a word begins there."""
    return [i == 0 or name[i - 1].isspace() or name[i - 1] in "-'’" for i in range(len(name))]


def recased(name: str, case: NameCase) -> str:
    """The oracle: letter by letter."""
    if case == "title":
        return "".join(char.title() if begins else char for char, begins in zip(name, words_begin(name), strict=True))
    return "".join(char.lower() if case == "lower" else char.upper() for char in name)


def written(names: list[str], case: NameCase, form: Form, alphabet: str) -> str:
    vocabulary = Vocabulary(tuple(dict.fromkeys(alphabet)))
    spelling = Spelling(vocabulary, case, form)
    return spelling.write(Names.of([vocabulary.encode(name) for name in names])).decode("utf-8")


def read_csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@st.composite
def spelled(draw: st.DrawFn) -> tuple[list[str], NameCase, str]:
    alphabet = draw(st.sampled_from(list(ALPHABETS.values())))
    names = draw(st.lists(st.text(alphabet, max_size=12), max_size=12))
    return names, draw(st.sampled_from(CASES)), alphabet


@settings(max_examples=300, deadline=None)
@given(spelled())
def test_lines_are_the_recased_names(asked: tuple[list[str], NameCase, str]) -> None:
    names, case, alphabet = asked
    text = written(names, case, Form.LINES, alphabet)
    assert text == "".join(recased(name, case) + "\n" for name in names)
    assert text.splitlines() == [recased(name, case) for name in names]


@settings(max_examples=300, deadline=None)
@given(spelled())
def test_a_csv_reader_gets_each_name_back_from_a_row_of_its_own(asked: tuple[list[str], NameCase, str]) -> None:
    names, case, alphabet = asked
    names = [name for name in names if name]  # no name is empty: a blank line is no row
    text = written(names, case, Form.CSV, alphabet)
    assert read_csv(text) == [[recased(name, case)] for name in names]
    assert text.count("\r\n") == text.count("\n") == len(names)
    quoted = bool(set(alphabet) & set('",'))
    assert text.startswith('"') == (quoted and bool(names))


@settings(max_examples=300, deadline=None)
@given(spelled())
def test_ndjson_is_one_object_a_line_as_python_writes_it(asked: tuple[list[str], NameCase, str]) -> None:
    names, case, alphabet = asked
    lines = [
        json.dumps({"name": recased(name, case)}, ensure_ascii=False, separators=(",", ":")) + "\n" for name in names
    ]
    assert written(names, case, Form.NDJSON, alphabet) == "".join(lines)


@settings(max_examples=300, deadline=None)
@given(spelled())
def test_json_is_the_inside_of_a_list_as_python_writes_it(asked: tuple[list[str], NameCase, str]) -> None:
    names, case, alphabet = asked
    shown = [recased(name, case) for name in names]
    inside = written(names, case, Form.JSON, alphabet)
    assert f"[{inside}]" == json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("form", Form)
@settings(max_examples=60, deadline=None)
@given(asked=spelled())
def test_many_names_at_once_are_the_same_as_one_at_a_time(form: Form, asked: tuple[list[str], NameCase, str]) -> None:
    names, case, alphabet = asked
    between = "," if form is Form.JSON else ""
    one_by_one = between.join(written([name], case, form, alphabet) for name in names)
    assert written(names, case, form, alphabet) == one_by_one


@pytest.mark.parametrize("form", Form)
def test_no_names_are_no_bytes(form: Form) -> None:
    assert written([], "title", form, "ab,") == ""


def test_ten_thousand_names_are_written_whole() -> None:
    names = ["ßa"[: 1 + i % 2] * (1 + i % 32) for i in range(10_000)]
    assert written(names, "upper", Form.LINES, "aß").splitlines() == [name.upper() for name in names]


@pytest.mark.parametrize(
    ("name", "title", "upper"),
    [
        ("emma", "Emma", "EMMA"),
        ("e", "E", "E"),
        ("", "", ""),
        ("mary ann", "Mary Ann", "MARY ANN"),
        ("jean-luc", "Jean-Luc", "JEAN-LUC"),
        ("o'neal", "O'Neal", "O'NEAL"),
        ("o’neal", "O’Neal", "O’NEAL"),
        ("d'arcy-léa du bois", "D'Arcy-Léa Du Bois", "D'ARCY-LÉA DU BOIS"),
        ("émile", "Émile", "ÉMILE"),
        ("zoé", "Zoé", "ZOÉ"),
        ("andréa", "Andréa", "ANDRÉA"),  # no new word after an accent
        ("e\u0301mile-e\u0301va", "E\u0301mile-E\u0301va", "E\u0301MILE-E\u0301VA"),
        ("øyvind", "Øyvind", "ØYVIND"),
        ("ждана", "Ждана", "ЖДАНА"),
        ("ǆenan", "ǅenan", "ǄENAN"),  # a letter with a title case of its own
        ("ßarah-ßven", "Ssarah-Ssven", "SSARAH-SSVEN"),
        ("groß", "Groß", "GROSS"),
        ("-a", "-A", "-A"),
        ("a--b  c", "A--B  C", "A--B  C"),
        ("a\u00a0b", "A\u00a0B", "A\u00a0B"),
        ("a.b", "A.b", "A.B"),
        ("美咲", "美咲", "美咲"),
    ],
)
def test_known_names_in_each_case(name: str, title: str, upper: str) -> None:
    alphabet = name or "a"
    assert written([name], "lower", Form.LINES, alphabet) == name + "\n"
    assert written([name], "title", Form.LINES, alphabet) == title + "\n"
    assert written([name], "upper", Form.LINES, alphabet) == upper + "\n"


def test_title_case_keeps_capitals_inside_a_word() -> None:
    assert written(["mcDonald"], "title", Form.LINES, "mcDonald") == "McDonald\n"


@settings(deadline=None)
@given(st.text("abzéøñж -'’"), st.sampled_from(CASES))
def test_no_letter_changes_but_in_its_case(name: str, case: NameCase) -> None:
    shown = written([name], case, Form.LINES, "abzéøñж -'’").removesuffix("\n")
    assert shown.lower() == name
    for char, letter, begins in zip(shown, name, words_begin(name), strict=True):
        assert char == (letter.upper() if case == "upper" or (case == "title" and begins) else letter)


# Text to names


VOCABULARY = Vocabulary(tuple("zéa\U00010428'ß"))
STRANGE = st.text(
    st.sampled_from("zéa\U00010428'ß") | st.sampled_from("bZ\0\ue000\ud800\udfff\U0010ffff \u0301") | st.characters(),
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STRANGE, max_size=10))
@example([])
@example([""])
@example(["", "a", "", "b", ""])
@example(["\ud800", "a", "\udfff\ud800"])
@example(["\ud800\udc28"])  # two surrogates that are not one letter
def test_texts_are_names_and_those_with_an_unknown_character_are_empty(texts: list[str]) -> None:
    names, unknown = Names.of_texts(texts, VOCABULARY)
    expected = [None if set(text) - set(VOCABULARY.letters) else VOCABULARY.encode(text) for text in texts]
    assert len(names) == len(unknown) == len(texts)
    assert unknown.tolist() == [ids is None for ids in expected]
    assert names.rows() == [ids or [] for ids in expected]
    assert names.decode(VOCABULARY) == ["" if ids is None else text for ids, text in zip(expected, texts, strict=True)]
    for text, strange in zip(texts, unknown, strict=True):
        if strange:
            with pytest.raises(UnknownCharacterError):
                VOCABULARY.encode(text)


@pytest.mark.parametrize("letters", [*ALPHABETS.values(), "z", "zyxa", "\U0001f600a"])
def test_ids_of_code_points_are_the_places_of_the_letters(letters: str) -> None:
    vocabulary = Vocabulary(tuple(dict.fromkeys(letters)))
    near = {ord(letter) + step for letter in letters for step in (-1, 0, 1)} | {0, 1, 0xD800, 0x10FFFF, 2**32 - 1}
    codes = sorted(near)
    ids = vocabulary.ids_of(np.array(codes, dtype=np.uint32)).tolist()
    places = {ord(letter): i for i, letter in enumerate(vocabulary.letters, start=1)}
    assert ids == [places.get(code, 0) for code in codes]
    assert vocabulary.ids_of(np.zeros(0, dtype=np.uint32)).tolist() == []


def test_ids_of_a_large_alphabet_pass_the_bounds_of_a_byte() -> None:
    letters = [chr(code) for code in range(0x4E00, 0x4E00 + 5_000)]
    letters.reverse()
    codes = np.array([ord(letter) for letter in letters], dtype=np.uint32)
    assert Vocabulary(tuple(letters)).ids_of(codes).tolist() == list(range(1, 5_001))


FORMS: list[UnicodeForm] = ["NFC", "NFD", "NFKC", "NFKD"]


def test_ascii_has_one_form_alone() -> None:
    """What lets plain texts be normalised together."""
    ascii_text = "".join(map(chr, range(128)))
    for form in FORMS:
        assert unicodedata.normalize(form, ascii_text) == ascii_text
        assert unicodedata.normalize(form, ascii_text.lower()) == ascii_text.lower()
