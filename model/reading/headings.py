"""Finding columns: by what a person says, by the headings that lists usually have, and by what stands in them."""

import re
from collections.abc import Sequence

from model.reading.asked import DataError

NAME = "name"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_NAMES = frozenset(
    _words("""names fullname firstname forename givenname given surname lastname familyname babyname childname
    personname placename cityname asciiname town city place village title
    vorname nachname familienname rufname ort ortsname stadt gemeinde
    nom noms prénom prenom prénoms prenoms preusuel nomdefamille ville commune
    nombre nombres nombrepropio primernombre apellido apellidos ciudad municipio pueblo
    nome nomi cognome cognomi città citta comune sobrenome cidade município
    naam voornaam achternaam plaats namn förnamn tilltalsnamn efternamn ort navn fornavn etternavn efternavn by
    nimi etunimi sukunimi imię imie imiona imiepierwsze nazwisko miasto miejscowość jméno jmeno příjmení prijmeni meno
    név nev keresztnév vezetéknév nume prenume ime prezime isim ad adı soyad soyadı şehir
    имя имена фамилия название город ім'я прізвище назва όνομα ονομα επώνυμο
    שם الاسم اسم نام नाम ชื่อ tên họ 名前 氏名 名 姓 姓名 名字 地名 이름 성명""")
)
_WEIGHTS = _words("""weight weights count counts frequency freq occurrences
    gewicht anzahl häufigkeit haeufigkeit nombre effectif effectifs fréquence frequence poids naissances
    frecuencia cantidad frequenza numero conteggio frequência frequencia quantidade
    aantal antal antall bärare lukumäärä liczba liczbawystąpień počet pocet četnost gyakoriság sayı adet
    количество частота кількість 人数 件数 数量 频数 빈도 العدد تعداد""")
_SHOWN = 200
_YEARS = range(1500, 2101)


def plain(heading: str) -> str:
    """A heading as the usual ones are written here: small, without spaces, underscores or hyphens."""
    return re.sub(r"[\s_.\-]+", "", heading.casefold())


def is_usual(heading: str) -> bool:
    """Whether a column so called is likely to hold names."""
    return plain(heading) == NAME or plain(heading) in _NAMES


def find(columns: Sequence[str], wanted: str, source: str) -> int:
    """The place of a column that is named, or numbered from 1. Raises DataError unless there is one."""
    for same in (str.strip, plain):
        places = [at for at, column in enumerate(columns) if same(column) == same(wanted)]
        if len(places) > 1:
            raise DataError(
                f"{source}: columns {_numbers(places)} are both called {wanted.strip()!r}; give the number instead"
            )
        if places:
            return places[0]
    if wanted.strip().isdecimal() and 1 <= int(wanted) <= len(columns):
        return int(wanted) - 1
    raise DataError(f"{source}: no column {wanted!r} in the header; columns found: {listed(columns)}")


def find_names(columns: Sequence[str], rows: Sequence[Sequence[str]], source: str) -> int:
    """The place of the column that holds names: one called name, else the only one with a usual heading and no numbers
    in it. Raises DataError, with the option that would choose one."""
    for usual in (lambda column: plain(column) == NAME, is_usual):
        places = [at for at, column in enumerate(columns) if usual(column) and not is_numeric(rows, at)]
        if len(places) == 1:
            return places[0]
        if places and len({plain(columns[at]) for at in places}) == 1:
            raise DataError(
                f"{source}: columns {_numbers(places)} are both called {columns[places[0]].strip()!r}; choose one with "
                f"--column {places[0] + 1}"
            )
        if places:
            several = " and ".join(repr(columns[at].strip()) for at in places[:4])
            raise DataError(
                f"{source}: {several} may all hold names; choose one with --column {quoted(columns[places[0]])}"
            )
    best = likely_names(rows, len(columns))
    advice = f"choose one with --column {quoted(columns[best])}" if columns else "is it empty?"
    raise DataError(f"{source}: no column is called 'name' or the like; columns found: {listed(columns)}; {advice}")


def find_weights(columns: Sequence[str], rows: Sequence[Sequence[str]], names_at: int) -> int | None:
    """The place of the column that weighs names by its usual heading; None where there is none."""
    places = {plain(column): at for at, column in reversed(list(enumerate(columns))) if at != names_at}
    if "weight" in places:
        return places["weight"]
    return next((places[usual] for usual in _WEIGHTS if usual in places and is_numeric(rows, places[usual])), None)


def likely_names(rows: Sequence[Sequence[str]], width: int) -> int:
    """The column with the most different cells that hold letters and no digits."""

    def distinct(at: int) -> int:
        return len({row[at] for row in rows if at < len(row) and re.fullmatch(r"[^\d]*[^\W\d_][^\d]*", row[at])})

    return max(range(max(1, width)), key=distinct)


def likely_weights(rows: Sequence[Sequence[str]], width: int) -> int | None:
    """The last column of numbers that are neither years nor ranks."""
    for at in reversed(range(width)):
        if is_numeric(rows, at):
            values = [float(row[at]) for row in rows if at < len(row)]
            if not all(value in _YEARS for value in values) and values != list(range(1, len(values) + 1)):
                return at
    return None


def is_numeric(rows: Sequence[Sequence[str]], at: int) -> bool:
    cells = [row[at] for row in rows if at < len(row) and row[at].strip()]
    return bool(cells) and all(re.fullmatch(r"\s*\d+(\.\d+)?(e\d+)?\s*", cell) for cell in cells)


def has_heading(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names columns: by a usual heading, or by words over numbers."""
    first, others = rows[0], rows[1:]
    if any(is_usual(cell) or plain(cell) in _WEIGHTS for cell in first):
        return True
    return any(is_numeric(others, at) and not is_numeric(rows[:1], at) for at in range(len(first)))


def listed(columns: Sequence[str]) -> str:
    """On one line, however strange they are."""
    return repr(", ".join(column.strip() for column in columns)[:_SHOWN])[1:-1] or "none"


def _numbers(places: Sequence[int]) -> str:
    return " and ".join(str(at + 1) for at in places)


def quoted(heading: str) -> str:
    """As a shell takes it."""
    heading = " ".join(heading.split())
    return heading if re.fullmatch(r"\w+", heading) else "'" + heading.replace("'", "'\\''") + "'"
