"""Facts of a model against a list of every name, an urn emptied draw by draw, and a million drawn names."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from model.errors import UnsatisfiableError
from model.measures.facts import Facts, facts
from model.measures.repeats import first_repeat
from model.sampling.sampler import Sampler
from model.store.store import BUNDLED, Store, Version
from model.text.names import Names, NameSet
from model.text.vocabulary import BOUNDARY
from model.transitions.automaton import Floats, Transitions
from model.transitions.shaping import ShapeSettings

Name = tuple[int, ...]


def random_table(seed: int, size: int, block_size: int, spread: float = 1.5, impossible: float = 0.0) -> Transitions:
    """Each symbol is `impossible` with that chance, but for one in each row."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(size**block_size, size)) * spread
    off = random.random(logits.shape) < impossible
    off[np.arange(len(off)), random.integers(size, size=len(off))] = False
    logits[off] = -np.inf
    with np.errstate(divide="ignore"):
        return Transitions.dense(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), block_size)


def table_of(row: list[float], block_size: int = 1) -> Transitions:
    with np.errstate(divide="ignore"):
        return Transitions.dense(np.log(np.tile(np.array(row), (len(row) ** block_size, 1))), block_size)


def every_name(table: Transitions, longest: int) -> dict[Name, float]:
    """Chances given that a name has 1 to `longest` letters: windows of symbols looked up in a dictionary."""
    size, block_size = table.vocabulary_size, table.block_size
    rows = dict(zip(itertools.product(range(size), repeat=block_size), np.exp(table.log_probs).tolist(), strict=True))
    found = {}
    for length in range(1, longest + 1):
        for name in itertools.product(range(1, size), repeat=length):
            framed = (BOUNDARY,) * block_size + name + (BOUNDARY,)
            found[name] = math.prod(rows[framed[i : i + block_size]][framed[i + block_size]] for i in range(length + 1))
    total = math.fsum(found.values())
    return {name: value / total for name, value in found.items() if value > 0} if total > 0 else {}


def all_differ(chances: Floats, most: int) -> list[float]:
    """Chance that n draws all differ, for n = 0..most: the product of 1 + P z over all names, multiplied out."""
    symmetric = np.zeros(most + 1)
    symmetric[0] = 1.0
    for n, chance in enumerate(chances.tolist(), start=1):
        top = min(n, most)
        symmetric[1 : top + 1] += chance * symmetric[:top]
    return [float(value) * math.factorial(n) for n, value in enumerate(symmetric)]


def least_repeat(chances: Floats, most: int = 100) -> int:
    return next(n for n, value in enumerate(all_differ(chances, most)) if value <= 0.5)


def close_call(chances: Floats, most: int = 100) -> bool:
    return any(abs(value - 0.5) < 1e-7 for value in all_differ(chances, most))


def repeat_of(chances: Floats) -> int | None:
    return first_repeat(lambda power: math.fsum((chances**power).tolist()), float(chances.max()))


@pytest.mark.parametrize("chances", [[1.0], [0.5, 0.5], [0.9, 0.1], [0.25] * 4, [0.4, 0.3, 0.2, 0.1]], ids=str)
def test_the_oracle_equals_all_sequences_of_draws(chances: list[float]) -> None:
    expected = [
        math.fsum(math.prod(s) for s in itertools.permutations(chances, n)) if n else 1.0
        for n in range(len(chances) + 2)
    ]
    assert all_differ(np.array(chances), len(chances) + 1) == pytest.approx(expected, abs=1e-15)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(2, 4),
    block_size=st.integers(1, 3),
    longest=st.integers(1, 5),
    spread=st.sampled_from([0.2, 1.5, 4.0]),
    impossible=st.sampled_from([0.0, 0.3]),
)
@example(seed=0, size=2, block_size=1, longest=1, spread=1.5, impossible=0.0)
def test_facts_equal_those_of_a_list_of_every_name(
    seed: int, size: int, block_size: int, longest: int, spread: float, impossible: float
) -> None:
    table = random_table(seed, size, block_size, spread, impossible)
    names = every_name(table, longest)
    if not names:
        with pytest.raises(UnsatisfiableError):
            facts(table, None, longest)
        return
    chances = np.array(list(names.values()))
    assume(not close_call(chances))
    known = sorted(names)[::3]
    strangers: list[Name] = [(1,) * (longest + 1)]
    found = facts(table, listing_of([*known, *strangers]), longest)
    assert found.entropy == pytest.approx(-math.fsum((chances * np.log(chances)).tolist()), rel=1e-9, abs=1e-12)
    assert found.expected_length == pytest.approx(math.fsum(len(n) * p for n, p in names.items()), rel=1e-12)
    assert found.training_mass == pytest.approx(math.fsum(names[name] for name in known), rel=1e-12)
    assert found.repeat_after == least_repeat(chances)


def listing_of(names: list[Name]) -> NameSet:
    made = Names.of(names)
    return NameSet(made.symbols, made.ends)


def test_without_a_list_no_training_mass_is_known_and_all_else_stays() -> None:
    table = random_table(5, 4, 2)
    with_list, without = facts(table, listing_of([(1,), (2, 3)])), facts(table, None)
    assert without.training_mass is None
    assert with_list.training_mass is not None
    assert without == Facts(with_list.entropy, with_list.expected_length, None, with_list.repeat_after)


def test_an_empty_list_has_no_mass_and_a_list_of_every_name_has_all() -> None:
    table = random_table(5, 3, 2)
    assert facts(table, listing_of([]), 4).training_mass == 0
    assert facts(table, listing_of(list(every_name(table, 4))), 4).training_mass == pytest.approx(1, rel=1e-12)


def test_a_single_name_holds_no_surprise_and_is_repeated_at_once() -> None:
    """a, then the end: with a context of one symbol."""
    with np.errstate(divide="ignore"):
        table = Transitions.dense(np.log(np.array([[0.0, 1.0], [1.0, 0.0]])), 1)
    assert facts(table, listing_of([(1,)])) == Facts(0.0, 1.0, 1.0, 2)


def test_names_of_one_letter_each_equally_likely_have_the_known_birthday() -> None:
    """365 days: 23 draws."""
    log_probs = np.full((366, 366), -np.inf)
    log_probs[0, 1:] = -math.log(365)
    log_probs[1:, 0] = 0.0
    found = facts(Transitions.dense(log_probs, 1), None)
    assert found.entropy == pytest.approx(math.log(365), rel=1e-12)
    assert found.expected_length == 1
    assert found.repeat_after == 23


@pytest.mark.parametrize("end", [0.5, 0.1, 0.01, 1 - 1e-9], ids=str)
def test_the_cut_at_64_letters_is_reckoned_with_exactly(end: float) -> None:
    """A geometric length, cut: closed forms with sums over 64 lengths."""
    letters = 3
    found = facts(table_of([end] + [(1 - end) / letters] * letters, block_size=2), None)
    weights = [(1 - end) ** (k - 1) for k in range(1, 65)]
    shares = [weight / math.fsum(weights) for weight in weights]
    assert found.expected_length == pytest.approx(math.fsum(k * s for k, s in enumerate(shares, 1)), rel=1e-12)
    entropy = -math.fsum(s * (math.log(s) - k * math.log(letters)) for k, s in enumerate(shares, 1) if s > 0)
    assert found.entropy == pytest.approx(entropy, rel=1e-7 if end > 0.99 else 1e-11)


def test_a_table_without_names_is_refused() -> None:
    for row in ([1.0, 0.0, 0.0], [0.0, 0.5, 0.5]):
        with pytest.raises(UnsatisfiableError, match="no name"):
            facts(table_of(row), None)


WORLDS = {
    "uniform": np.full(5_000, 1 / 5_000),
    "zipf": (1 / np.arange(1.0, 20_001)) / (1 / np.arange(1.0, 20_001)).sum(),
    "steep": (np.arange(1.0, 2_001) ** -2.0) / (np.arange(1.0, 2_001) ** -2.0).sum(),
    "one great name": np.array([0.02] + [0.98 / 100_000] * 100_000),
    "two great names": np.array([0.03, 0.03] + [0.94 / 100_000] * 100_000),
    "geometric": 0.9 ** np.arange(500) * 0.1 / (1 - 0.9**500),
}


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS.keys())
def test_the_first_repeat_equals_the_urn_multiplied_out(world: Floats) -> None:
    expected = least_repeat(world, 150)
    assert 1 < expected < 150
    assert not close_call(world, 150)
    assert repeat_of(world) == expected


@pytest.mark.parametrize("names", [365, 10_000, 1_000_000, 9_000_000, 12_000_000, 10**9, 10**12, 7 * 10**13])
def test_the_first_repeat_of_equal_names_is_known_in_closed_form(names: int) -> None:
    """a_n = N! / (N - n)! / N^n, by sums of logarithms; up to 4,096 exact, one off beyond."""
    found = first_repeat(lambda power: float(names) ** (1 - power), 1 / names)
    assert found is not None

    def all_differ_among(n: int) -> float:
        return float(np.exp(np.log1p(-np.arange(n) / names).sum()))

    off = 0 if found <= 4_096 else 1
    assert all_differ_among(found + off) <= 0.5 < all_differ_among(found - 1 - off)


@pytest.mark.parametrize("world", ["zipf", "geometric of groups"])
def test_the_two_ways_to_find_a_repeat_agree_where_they_meet(world: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A world of some 3,000 draws, found step by step, and by saddle points once steps are forbidden."""
    if world == "zipf":
        weights = 1 / np.sqrt(np.arange(1.0, 1_000_001))
    else:
        weights = np.repeat(0.8 ** np.arange(40), 1_000_000 // 40)
    chances = weights / weights.sum()
    exact = repeat_of(chances)
    assert exact is not None
    assert 400 < exact < 4_096
    monkeypatch.setattr("model.measures.repeats._STEP_BY_STEP", 2)
    near = repeat_of(chances)
    assert near is not None
    assert abs(near - exact) <= 1


def test_a_repeat_that_is_too_far_off_is_none() -> None:
    assert first_repeat(lambda power: 1e20 ** (1 - power), 1e-20) is None
    just_over = 73 * 10**12  # 1.1774 * sqrt(N) draws: 10,060,000
    assert first_repeat(lambda power: float(just_over) ** (1 - power), 1 / just_over) is None


def test_a_repeat_that_powers_do_not_tell_is_none_and_not_wrong() -> None:
    """Two names of a small chance each, and nothing else that is ever repeated."""
    assert first_repeat(lambda power: 2 * 1e-3**power if power > 1 else 1.0, 1e-3) is None


@pytest.fixture(scope="module")
def version() -> Version:
    return Store(BUNDLED).load("us-names")


@pytest.fixture(scope="module")
def table(version: Version) -> Transitions:
    return version.transitions


@pytest.fixture(scope="module")
def bundled(version: Version, table: Transitions) -> Facts:
    assert version.training_names is not None
    return facts(table, NameSet.listing(version.training_names, version.checkpoint.vocabulary))


def test_facts_of_the_bundled_model_agree_with_a_million_draws(
    version: Version, table: Transitions, bundled: Facts
) -> None:
    """Entropy, length and training mass within 4 standard errors; mass by a set of strings."""
    sampler, count = Sampler(table, ShapeSettings()), 1_000_000
    parts, lengths, known = [], [], 0
    for draws in sampler.draw("facts", count):
        parts.append(sampler.log_probs(draws))
        lengths.append(draws.lengths)
        known += sum(name in version.training_names for name in draws.decode(version.checkpoint.vocabulary))  # type: ignore[operator]
    surprises = math.log(sampler.probability) - np.concatenate(parts)
    letters = np.concatenate(lengths)
    assert abs(surprises.mean() - bundled.entropy) < 4 * surprises.std() / math.sqrt(count)
    assert abs(letters.mean() - bundled.expected_length) < 4 * letters.std() / math.sqrt(count)
    mass = bundled.training_mass
    assert mass is not None
    assert abs(known / count - mass) < 4 * math.sqrt(mass * (1 - mass) / count)


def test_half_of_the_runs_of_draws_of_the_bundled_model_repeat_by_then(table: Transitions, bundled: Facts) -> None:
    """5,000 runs: fewer than half repeat one draw earlier, at least half then, to 4 standard errors."""
    n, runs = bundled.repeat_after, 5_000
    assert n is not None
    stream = [
        name
        for draws in Sampler(table, ShapeSettings()).draw("birthdays", n * runs)
        for name in map(tuple, draws.rows())
    ]
    repeated = Counter[str]()
    for run in range(runs):
        names = stream[run * n : (run + 1) * n]
        repeated["by then"] += len(set(names)) < n
        repeated["before"] += len(set(names[:-1])) < n - 1
    error = 4 * 0.5 / math.sqrt(runs)
    assert repeated["by then"] / runs > 0.5 - error
    assert repeated["before"] / runs < 0.5 + error


def test_facts_without_a_list_are_the_same_but_for_its_mass(table: Transitions, bundled: Facts) -> None:
    assert facts(table, None) == Facts(bundled.entropy, bundled.expected_length, None, bundled.repeat_after)
