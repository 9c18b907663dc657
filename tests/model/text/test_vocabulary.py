"""Alphabets: text and ids are one to one, and what cannot be a letter is refused."""

import sys
import unicodedata
from dataclasses import FrozenInstanceError
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import NamesmithError, UnknownCharacterError, VocabularyError
from model.text.name_rules import JOINERS, misplaced_joiner
from model.text.vocabulary import BOUNDARY, Case, Normalization, UnicodeForm, Vocabulary, is_printable

ALPHABETS = {
    "latin": "abcdefghijklmnopqrstuvwxyz",
    "accents": "aàáâäãåcçeèéêëñoöøœuüßþðı'- .",
    "cyrillic": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "greek": "αβγδεζηθικλμνξοπρσςτυφχψω",
    "hebrew": "אבגדהוזחטיכךלמםנןסעפףצץקרשת",
    "devanagari": "अआइकखगनमरलव\u093e\u093f\u0940\u094d",
    "han and kana": "明子太郎一二さくらハルト",
    "hangul": "김이박민서준지우",
    "outside the basic plane": "\U00010400\U00010428\U0001f600\U00020000",
    "combining": "e\u0301\u0308n",
}
FORMS: list[UnicodeForm] = ["NFC", "NFD", "NFKC", "NFKD"]
CASES: list[Case] = ["lower", "preserve"]

normalizations = st.builds(
    Normalization,
    st.sampled_from(FORMS),
    st.sampled_from(CASES),
    st.sampled_from([None, "tr", "az", "lt"]),
    st.sampled_from([1, 2]),
)


# Normalisation


@given(st.text(), normalizations)
def test_normalization_is_idempotent(text: str, normalization: Normalization) -> None:
    once = normalization(text)
    assert normalization(once) == once


@pytest.mark.parametrize(
    "normalization",
    [
        Normalization(),
        Normalization(locale="tr"),
        Normalization(case="preserve"),
        *(Normalization(form, case, rules=1) for form in FORMS for case in CASES),
    ],
)
def test_normalization_is_idempotent_on_every_character(normalization: Normalization) -> None:
    chars = [chr(i) for i in range(0x30000) if not 0xD800 <= i < 0xE000]
    assert [char for char in chars if normalization(normalization(char)) != normalization(char)] == []


@given(st.text(), normalizations)
def test_normalized_text_is_in_its_form(text: str, normalization: Normalization) -> None:
    assert unicodedata.is_normalized(normalization.form, normalization(text))


@given(st.text(), st.sampled_from(FORMS))
def test_case_is_kept_where_it_is_to_be_preserved(text: str, form: UnicodeForm) -> None:
    assert Normalization(form, "preserve", rules=1)(text) == unicodedata.normalize(form, text)


@pytest.mark.parametrize(
    ("text", "form", "case", "expected"),
    [
        ("Emma", "NFC", "lower", "emma"),
        ("Emma", "NFC", "preserve", "Emma"),
        ("Zoe\u0308", "NFC", "lower", "zo\u00eb"),
        ("ZO\u00cb", "NFD", "lower", "zoe\u0308"),
        ("\ufb01n", "NFC", "lower", "\ufb01n"),
        ("\ufb01n", "NFKC", "lower", "fin"),
        ("\u2167", "NFKC", "lower", "viii"),
        ("\u0130", "NFC", "lower", "i\u0307"),
        ("ΙΩΑΝΝΗΣ", "NFC", "lower", "ιωαννης"),
        ("ＡＢ", "NFKD", "lower", "ab"),
        ("", "NFC", "lower", ""),
    ],
)
def test_normalization_of_known_texts(text: str, form: UnicodeForm, case: Case, expected: str) -> None:
    assert Normalization(form, case, rules=1)(text) == expected


@pytest.mark.parametrize(
    ("text", "locale", "expected"),
    [
        ("\u0130pek", None, "ipek"),
        ("I\u0307pek", None, "ipek"),
        ("i\u0307\u0301", None, "\u00ed"),
        ("I\u011fd\u0131r", None, "i\u011fd\u0131r"),
        ("I\u011fd\u0131r", "tr", "\u0131\u011fd\u0131r"),
        ("\u0130zmir", "az", "izmir"),
        ("\u00cd", "lt", "\u00ed"),
        ("Coeur d\u2019Alene", None, "coeur d'alene"),
        ("O\u00b4Brien", None, "o'brien"),
        ("D`Angelo", None, "d'angelo"),
        ("Anne\u2010Marie", None, "anne-marie"),
        ("Anne\u2011Marie", None, "anne-marie"),
        ("Alsace\u2013Lorraine", None, "alsace-lorraine"),
        ("  Mary \u00a0 Ann\t", None, "mary ann"),
        ("\u200fAnn\u00ad \u200b", None, "ann"),
        ("Donau\u00adw\u00f6rth", None, "donauw\u00f6rth"),
        ("Emma\r\n", None, "emma"),
        ("\u0639\u0644\u06cc\u200c\u0631\u0636\u0627\u200c", None, "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"),
        ("\u0d28\u0d4d\u200d ", None, "\u0d28\u0d4d\u200d"),
        ("\u0939\u0930\u094d\u200d\u0937", None, "\u0939\u0930\u094d\u200d\u0937"),
        ("L\u00b7lu\u00eds", None, "l\u00b7lu\u00eds"),
        ("O\u02bcahu", None, "o\u02bcahu"),
        ("\u039a\u03a9\u03a3", None, "\u03ba\u03c9\u03c2"),
    ],
)
def test_names_come_to_one_spelling(text: str, locale: Literal["tr", "az", "lt"] | None, expected: str) -> None:
    assert Normalization(locale=locale).name(text) == expected


@given(st.text(), normalizations)
def test_a_name_is_named_alike_however_often(text: str, normalization: Normalization) -> None:
    once = normalization.name(text)
    assert normalization.name(once) == once


@given(st.lists(st.text(st.sampled_from("aAéİ \u00a0\u200c\u200d\u200b\n\r’-‐क\u094dعلی")) | st.text()), normalizations)
def test_names_are_normalised_together_as_each_alone(texts: list[str], normalization: Normalization) -> None:
    assert normalization.names(texts) == [normalization.name(text) for text in texts]


def test_spaces_count_where_a_part_goes_on() -> None:
    normalization = Normalization()
    assert normalization.beginning("  Mary  ") == "mary "
    assert normalization.ending("  Ann  ") == " ann"
    assert normalization.part("  Y \u00a0A  ") == " y a "


@pytest.mark.parametrize(
    ("name", "misplaced"),
    [
        ("\u0639\u0644\u06cc\u200c\u0631", False),
        ("\u0915\u094d\u200d\u0937", False),
        ("a\u200db", True),
        ("👩\u200d🚀", True),
    ],
)
def test_joiners_stand_between_arabic_letters_and_behind_viramas(name: str, misplaced: bool) -> None:
    assert (misplaced_joiner(name) is not None) == misplaced


@given(st.text(), normalizations)
def test_canonically_equal_texts_become_one(text: str, normalization: Normalization) -> None:
    assert normalization(unicodedata.normalize("NFD", text)) == normalization(unicodedata.normalize("NFC", text))


def test_normalization_is_nfc_and_lower_case_unless_told() -> None:
    assert Normalization() == Normalization("NFC", "lower")
    assert Vocabulary(("a",)).normalization == Normalization()


# Encoding


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=ALPHABETS)
def test_letters_have_the_ids_of_their_places(alphabet: str) -> None:
    vocabulary = Vocabulary(tuple(alphabet))
    assert vocabulary.size == len(alphabet) + 1
    assert vocabulary.encode(alphabet) == list(range(1, len(alphabet) + 1))
    assert vocabulary.decode(range(1, vocabulary.size)) == alphabet
    assert [vocabulary.symbol(i) for i in range(vocabulary.size)] == ["", *alphabet]


@given(st.data())
def test_text_survives_encoding_and_ids_survive_decoding(data: st.DataObject) -> None:
    alphabet = data.draw(st.sampled_from(list(ALPHABETS.values())))
    vocabulary = Vocabulary(tuple(data.draw(st.permutations(alphabet))))
    text = data.draw(st.text(alphabet=alphabet, max_size=64))
    ids = vocabulary.encode(text)
    assert BOUNDARY not in ids
    assert vocabulary.decode(ids) == text
    assert "".join(map(vocabulary.symbol, ids)) == text
    drawn = data.draw(st.lists(st.integers(1, vocabulary.size - 1), max_size=64))
    assert vocabulary.encode(vocabulary.decode(drawn)) == drawn


def test_the_boundary_is_no_letter() -> None:
    vocabulary = Vocabulary(("a", "b"))
    assert BOUNDARY == 0
    assert vocabulary.symbol(BOUNDARY) == ""
    assert vocabulary.encode("") == []
    assert vocabulary.decode([]) == ""


@pytest.mark.parametrize(
    ("text", "char", "position"),
    [
        ("xab", "x", 0),
        ("abxaxy", "x", 2),
        ("abyx", "y", 2),
        ("abba ", " ", 4),
        ("aB", "B", 1),
        ("a\u0301b", "\u0301", 1),
        ("\U0001f600", "\U0001f600", 0),
        ("ab\n", "\n", 2),
        ("ab\x00", "\x00", 2),
    ],
)
def test_an_unknown_character_is_named_with_its_first_position(text: str, char: str, position: int) -> None:
    with pytest.raises(UnknownCharacterError) as caught:
        Vocabulary(("a", "b")).encode(text)
    assert caught.value.char == char
    assert caught.value.position == position
    assert str(caught.value) == f"character {char!r} at position {position + 1} is not in the model's vocabulary"
    assert isinstance(caught.value, VocabularyError)
    assert isinstance(caught.value, NamesmithError)


@given(st.text(max_size=20))
def test_the_position_is_that_of_the_first_stranger(text: str) -> None:
    vocabulary = Vocabulary(tuple(ALPHABETS["latin"]))
    strangers = [i for i, char in enumerate(text) if char not in ALPHABETS["latin"]]
    if not strangers:
        assert vocabulary.decode(vocabulary.encode(text)) == text
        return
    with pytest.raises(UnknownCharacterError) as caught:
        vocabulary.encode(text)
    assert caught.value.position == strangers[0]
    assert caught.value.char == text[strangers[0]]


# Building


def test_letters_of_names_are_in_code_point_order() -> None:
    vocabulary = Vocabulary.from_names(["zoë", "émile", "adam", "zoë"])
    assert vocabulary.letters == tuple("adeilmozéë")
    assert vocabulary.normalization == Normalization()


def test_the_order_of_names_does_not_matter() -> None:
    names = ["emma", "olivia", "ava"]
    assert Vocabulary.from_names(names) == Vocabulary.from_names(reversed(names))


def test_a_normalization_given_is_kept() -> None:
    normalization = Normalization("NFD", "preserve")
    assert Vocabulary.from_names(["Ab"], normalization).normalization == normalization


@given(st.lists(st.text(alphabet=ALPHABETS["cyrillic"], min_size=1, max_size=8), min_size=1, max_size=8))
def test_every_name_can_be_encoded_with_the_letters_of_the_names(names: list[str]) -> None:
    vocabulary = Vocabulary.from_names(names)
    assert all(vocabulary.decode(vocabulary.encode(name)) == name for name in names)
    assert list(vocabulary.letters) == sorted(set("".join(names)))


@pytest.mark.parametrize(
    ("letters", "message"),
    [
        ((), "at least one letter"),
        (("a", "b", "a"), "the same letter twice"),
        (("a", ""), "'' is not one printable character"),
        (("a", "bc"), "'bc' is not one printable character"),
        (("a", "e\u0301"), "is not one printable character"),
        (("x" * 1000,), "'xxxxxxxx' is not one printable character"),
        (("\x00",), r"'\\x00' is not one printable character"),
        (("\n",), "is not one printable character"),
        (("\t",), "is not one printable character"),
        (("\x7f",), "is not one printable character"),
        (("\u200b",), "is not one printable character"),
        (("\u202e",), "is not one printable character"),
        (("\u2028",), "is not one printable character"),
        (("\u2029",), "is not one printable character"),
        (("\ud800",), "is not one printable character"),
        (("\ue000",), "is not one printable character"),
        (("\uffff",), "is not one printable character"),
    ],
)
def test_what_cannot_be_an_alphabet_is_refused(letters: tuple[str, ...], message: str) -> None:
    with pytest.raises(VocabularyError, match=message) as caught:
        Vocabulary(letters)
    assert str(caught.value).isascii()


@pytest.mark.parametrize("names", [[], [""], ["", ""]])
def test_names_without_letters_make_no_vocabulary(names: list[str]) -> None:
    with pytest.raises(VocabularyError, match="at least one letter"):
        Vocabulary.from_names(names)


def test_printable_is_all_but_other_categories_and_line_separators() -> None:
    refused = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    step = 1 if sys.maxunicode < 0x10000 else 7
    for code in [*range(0x3000), *range(0x3000, sys.maxunicode + 1, step)]:
        assert is_printable(chr(code)) == (unicodedata.category(chr(code)) not in refused or chr(code) in JOINERS)


def test_vocabularies_are_values() -> None:
    one, same = Vocabulary(("a", "b")), Vocabulary(("a", "b"))
    assert one == same
    assert hash(one) == hash(same)
    assert one != Vocabulary(("b", "a"))
    assert one != Vocabulary(("a", "b"), Normalization(case="preserve"))
    with pytest.raises(FrozenInstanceError):
        one.letters = ("c",)  # type: ignore[misc]
