"""Which encodings lines of names may be in, where they say nothing of it and are not UTF-8."""

import codecs
import unicodedata
from itertools import pairwise

_WESTERN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüÿœŒ’–·ªº\xa0")
"""What names of western Europe have beyond ASCII, but for letters that other encodings have at the same places."""
_LATIN = ["cp1252", "cp1250", "iso8859_2", "cp1254", "cp1257", "mac_roman", "cp850"]
_ALPHABETS = ["cp1251", "koi8_r", "iso8859_5", "cp866", "cp1253", "cp1255", "cp1256", "cp874"]
_IDEOGRAPHS = ["shift_jis", "euc_jp", "gb2312", "gb18030", "big5", "euc_kr", "cp949"]
_TOGETHER = frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"})
_NO_SCRIPT = frozenset("’–·ªº-' \xa0")


def likely(sample: bytes) -> dict[str, str]:
    """The codecs that `sample`, lines with letters that are not ASCII, may be in, with the first line as each reads it;
    of those that read it alike only the first. Windows-1252 alone where that gives western letters only."""
    from charset_normalizer import from_bytes  # takes a while, and few lists need it

    letters = [char for char in sample.decode("latin-1") if char.isalnum() or char > "\x7f"]
    is_latin = sum(map(str.isascii, letters)) * 2 > len(letters)
    if is_latin and set(filter(lambda char: char > "\x7f", sample.decode("cp1252", "replace"))) <= _WESTERN:
        return {"cp1252": _first_line(sample, "cp1252")}
    isolated = _LATIN if is_latin else _ALPHABETS + _IDEOGRAPHS
    found = from_bytes(sample, cp_isolation=isolated, enable_fallback=False, threshold=0.4)
    read: dict[str, str] = {}
    for match in found:
        text = sample.decode(match.encoding, "replace")
        if _is_plausible(text):
            read.setdefault(text, codecs.lookup(match.encoding).name)
    return {name: _first_line(sample, name) for name in read.values()}


def _is_plausible(text: str) -> bool:
    """Whether all beyond ASCII are letters of one script, with no capital behind a small letter."""
    foreign = [char for char in text if char > "\x7f" and char not in _NO_SCRIPT]
    if not all(unicodedata.category(char)[0] in "LM" for char in foreign):
        return False
    scripts = {unicodedata.name(char, "?").split()[0] for char in foreign}
    if len(scripts) > 1 and not scripts <= _TOGETHER:
        return False
    return not any(a.islower() and b.isupper() and b > "\x7f" for a, b in pairwise(text))


def _first_line(sample: bytes, encoding: str) -> str:
    return sample.decode(encoding, "replace").partition("\n")[0].strip()[:24]
