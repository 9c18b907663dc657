"""Lists that are hard on memory, always the same, and what `train --preset fast` takes on each: time, and the most
memory. Fails where that is over the limit. A running service picks each model up, and draws from it.

Names are drawn by Zipf's law, so that, as in real lists, most symbols and syllables are rare.
"""

import json
import tempfile
import time
import unicodedata
import urllib.request
from http import HTTPStatus
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import ROOT
from benchmarks.tools import servers
from benchmarks.tools.processes import run
from benchmarks.tools.tables import print_table, quantity
from benchmarks.training.presets import unseen_pairs
from training.data.read_list import read_names
from training.data.splits import Side, side_of

LIMIT_MIB = 2_048
"""What a run may take."""
IDEOGRAPHS = 0x4E00
_PATIENCE_SECONDS = 120.0


def main(quick: bool) -> None:
    rows, over = [], []
    stores: list[Path] = []
    with tempfile.TemporaryDirectory() as directory, servers.namesmith(stores.append) as server:
        for make in (ideographic, accented, million):
            label, names = make.__name__, make()
            file = Path(directory) / f"{label}.txt"
            file.write_text("\n".join(names) + "\n", encoding="utf-8")
            places = ("--store", str(stores[0]), "--snapshots", f"{directory}/runs")
            options = ("--preset", "fast", *places, *(("--steps", "20") if quick else ()))
            spent = run("training", "train", str(file), *options)
            served = _seconds_to_served(server, stores[0], label)
            if spent.peak_mib is not None and spent.peak_mib > LIMIT_MIB:
                over.append(label)
            symbols = len(set("".join(names)))
            cells = (len(names), len(set(names)), symbols, spent.seconds, spent.cpu_seconds, spent.peak_mib, served)
            rows.append([label, *map(quantity, cells), *_unseen_pairs(server, label, names)])
    measured = ["seconds", "of processor time", "peak MiB", "seconds from publication to served"]
    columns = ["list", "lines", "distinct names", "characters", *measured, "unseen pairs: held-out", "drawn"]
    print_table(f"Whole runs of `train --preset fast`, at most {LIMIT_MIB:,} MiB allowed:", columns, rows)
    if over:
        raise SystemExit(f"over {LIMIT_MIB:,} MiB: {', '.join(over)}")


def _seconds_to_served(server: servers.Server, store: Path, name: str) -> float:
    """From the moment when a version became current; too much where the command took longer to end."""
    published = (store / name / "current").lstat().st_mtime
    until = time.time() + _PATIENCE_SECONDS
    while server.status("GET", f"/models/{name}") != HTTPStatus.OK:
        if time.time() > until:
            raise RuntimeError(f"{name} is not served after {_PATIENCE_SECONDS:.0f} s")
        time.sleep(0.02)
    return time.time() - published


def _unseen_pairs(server: servers.Server, name: str, names: list[str]) -> list[str]:
    """Which part of the held-out names, and of drawn ones, has a pair of letters that no name of the train part has."""
    sides = {each: side_of(each) for each in set(names)}
    trained = [each for each, side in sides.items() if side is Side.TRAIN]
    held_out = [each for each, side in sides.items() if side is not Side.TRAIN]
    with urllib.request.urlopen(server.url(f"/sample?n=10000&seed=1&case=lower&model={name}")) as answer:
        drawn = json.load(answer)["names"]
    return [f"{unseen_pairs(some, trained):.1%}" for some in (held_out, drawn)]


def ideographic(count: int = 255_000, symbols: int = 5_500) -> list[str]:
    """A family name of one character, of 400, and a given name of one to three; all `symbols` occur."""
    rng = np.random.default_rng(1)
    families = _zipf(rng, 400, count)
    lengths = rng.choice([1, 2, 3], size=count, p=[0.2, 0.75, 0.05])
    favourites = rng.integers(symbols, size=(symbols, 8))
    """What often follows a character."""
    given = np.empty((count, 3), dtype=np.int64)
    given[:, 0] = _zipf(rng, symbols, count)
    given[:symbols, 0] = np.arange(symbols)
    for place in (1, 2):
        usual = favourites[given[:, place - 1], rng.integers(8, size=count)]
        given[:, place] = np.where(rng.random(count) < 0.5, usual, _zipf(rng, symbols, count))
    rows = zip(families.tolist(), given.tolist(), lengths.tolist(), strict=True)
    return [
        "".join(chr(IDEOGRAPHS + symbol) for symbol in (family, *letters[:length])) for family, letters, length in rows
    ]


def accented(count: int = 40_000) -> list[str]:
    """Two or three syllables in the manner of Vietnamese, over 89 letters and the space."""
    rng = np.random.default_rng(2)
    vowels = _vowels()
    onsets = ["", *"bcdđghklmnpqrstvx", "ch", "gh", "kh", "ng", "nh", "ph", "th", "tr"]
    syllables = ["".join(parts) for parts in product(onsets, vowels, ["", *"cmnpt", "ng", "nh", "ch"])]
    ranked = rng.permutation(syllables)
    parts = ranked[_zipf(rng, len(ranked), count * 3)].reshape(count, 3)
    lengths = rng.integers(2, 4, size=count)
    return [" ".join(row[:length]) for row, length in zip(parts.tolist(), lengths.tolist(), strict=True)]


def million(count: int = 1_000_000) -> list[str]:
    """A first and a family name of the bundled lists, which begin with the most frequent ones."""
    rng = np.random.default_rng(3)
    firsts, families = (read_names(ROOT / "data" / file).names for file in ("us-names.csv", "us-surnames.txt"))
    chosen = zip(_zipf(rng, len(firsts), count).tolist(), _zipf(rng, len(families), count).tolist(), strict=True)
    return [f"{firsts[first]} {families[family]}" for first, family in chosen]


def _vowels() -> list[str]:
    plain = ["a", "ă", "â", "e", "ê", "i", "o", "ô", "ơ", "u", "ư", "y"]
    tones = ["", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323"]
    return [unicodedata.normalize("NFC", vowel + tone) for vowel, tone in product(plain, tones)]


def _zipf(rng: np.random.Generator, kinds: int, count: int) -> NDArray[np.int64]:
    """Ranks (count,) from 0 on, each as often as one by its number says."""
    shares = 1 / np.arange(1, kinds + 1)
    return rng.choice(kinds, size=count, p=shares / shares.sum())
