"""Drawn names against distributions found by listing every name, and shaping against plain Python."""

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import stats

from model.compiler.dense_table import compile_table
from model.errors import UnsatisfiableError
from model.network.checkpoint import Checkpoint
from model.sampling.sampler import SAMPLER_VERSION, Sampler
from model.store.store import BUNDLED, Store
from model.text.names import Names
from model.text.vocabulary import BOUNDARY, MAX_NAME_LENGTH, Vocabulary
from model.transitions.automaton import Transitions
from model.transitions.shaping import ShapeSettings, shape_distribution

Name = tuple[int, ...]
Rows = dict[Name, list[float]]
BLOCK_SIZE = 2
THRESHOLD_GAP = 1e-9  # a top_p this near to a running sum may fall to either side of it


@pytest.fixture(scope="module")
def bundled() -> Checkpoint:
    return Store(BUNDLED).load("us-names-classic").checkpoint


@pytest.fixture(scope="module")
def table(bundled: Checkpoint) -> Transitions:
    return compile_table(bundled)


def random_table(seed: int, letters: int = 3, spread: float = 1.0) -> Transitions:
    size = letters + 1
    logits = np.random.default_rng(seed).normal(scale=spread, size=(size**BLOCK_SIZE, size))
    return Transitions.dense(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), BLOCK_SIZE)


def table_of(row: list[float]) -> Transitions:
    """The same probabilities after every context."""
    size = len(row)
    with np.errstate(divide="ignore"):
        return Transitions.dense(np.log(np.tile(np.array(row), (size**BLOCK_SIZE, 1))), BLOCK_SIZE)


def shape_row(log_probs: list[float], how: ShapeSettings) -> list[float]:
    """Temperature, then top_k, then top_p, on one row."""
    hottest = max(log_probs)
    weights = [math.exp((value - hottest) / how.temperature) for value in log_probs]
    row = [weight / math.fsum(weights) for weight in weights]
    ranking = sorted(range(len(row)), key=lambda symbol: (-row[symbol], symbol))
    if how.top_k is not None:
        kept = set(ranking[: how.top_k])
        row = renormalised([value if symbol in kept else 0.0 for symbol, value in enumerate(row)])
    if how.top_p is not None:
        kept = set()
        for symbol in ranking:
            if math.fsum(row[other] for other in kept) >= how.top_p:
                break
            kept.add(symbol)
        row = renormalised([value if symbol in kept else 0.0 for symbol, value in enumerate(row)])
    return row


def renormalised(row: list[float]) -> list[float]:
    total = math.fsum(row)
    return [value / total for value in row]


def near_a_threshold(transitions: Transitions, how: ShapeSettings) -> bool:
    """True if rounding may decide which symbols top_p keeps, or which of two equal ones comes first."""
    before = dataclasses.replace(how, top_p=None)
    for log_probs in transitions.log_probs.tolist():
        row = sorted(shape_row(log_probs, before), reverse=True)
        sums = [math.fsum(row[: n + 1]) for n in range(len(row))]
        if how.top_p is not None and any(abs(total - how.top_p) < THRESHOLD_GAP for total in sums[:-1]):
            return True
        if any(a > 0 and a - b < 1e-13 * a for a, b in itertools.pairwise(row)):
            return True
    return False


def shaped_rows(transitions: Transitions, how: ShapeSettings) -> Rows:
    contexts = itertools.product(range(transitions.vocabulary_size), repeat=transitions.block_size)
    rows = transitions.log_probs.tolist()
    return {context: shape_row(row, how) for context, row in zip(contexts, rows, strict=True)}


def chance(rows: Rows, name: Name) -> float:
    """Of drawing `name` and then its end, with no condition on lengths."""
    padded = (BOUNDARY,) * BLOCK_SIZE + name + (BOUNDARY,)
    return math.prod(rows[padded[i : i + BLOCK_SIZE]][padded[i + BLOCK_SIZE]] for i in range(len(name) + 1))


def every_name(transitions: Transitions, how: ShapeSettings) -> dict[Name, float]:
    """The unconditioned chance of each possible name of an allowed length."""
    rows, letters = shaped_rows(transitions, how), range(1, transitions.vocabulary_size)
    names = (name for n in range(how.min_length, how.max_length + 1) for name in itertools.product(letters, repeat=n))
    chances = {name: chance(rows, name) for name in names}
    return {name: value for name, value in chances.items() if value > 0}


def collect(sampler: Sampler, seed: int | str, count: int, first: int = 0) -> list[tuple[Name, float]]:
    """(name, log-probability), one a draw."""
    return [pair for draws in sampler.draw(seed, count, first) for pair in unpack(sampler, draws)]


def unpack(sampler: Sampler, draws: Names) -> list[tuple[Name, float]]:
    return list(zip(map(tuple, draws.rows()), sampler.log_probs(draws).tolist(), strict=True))


def padded(draws: Names) -> np.ndarray[Any, Any]:
    """Letter ids (names, longest), filled up with boundaries."""
    longest = max(map(len, draws.rows()))
    return np.array([row + [BOUNDARY] * (longest - len(row)) for row in draws.rows()])


def shapes(longest: int) -> st.SearchStrategy[ShapeSettings]:
    lengths = st.tuples(st.integers(1, longest), st.integers(1, longest)).map(sorted)
    return st.builds(
        lambda temperature, top_k, top_p, bounds: ShapeSettings(temperature, top_k, top_p, *bounds),
        st.floats(0.2, 5),
        st.none() | st.integers(1, 5),
        st.none() | st.floats(0.05, 1),
        lengths,
    )


@given(seed=st.integers(0, 10_000), letters=st.integers(2, 3), how=shapes(5))
@example(seed=1, letters=3, how=ShapeSettings(max_length=5))
@example(seed=1, letters=2, how=ShapeSettings(top_k=1, max_length=5))
@example(seed=1, letters=2, how=ShapeSettings(min_length=5, max_length=5))
@settings(deadline=None, derandomize=True, max_examples=80)
def test_draws_and_their_numbers_agree_with_a_list_of_all_names(seed: int, letters: int, how: ShapeSettings) -> None:
    transitions = random_table(seed, letters)
    assume(not near_a_threshold(transitions, how))
    names = every_name(transitions, how)
    if not names:
        with pytest.raises(UnsatisfiableError):
            Sampler(transitions, how)
        return
    sampler = Sampler(transitions, how)
    assert sampler.probability == pytest.approx(math.fsum(names.values()), rel=1e-12)
    drawn = collect(sampler, seed, 200)
    assert len(drawn) == 200
    for name, log_prob in drawn:
        assert how.min_length <= len(name) <= how.max_length
        assert log_prob == pytest.approx(math.log(names[name]), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(ShapeSettings(max_length=6), id="plain"),
        pytest.param(ShapeSettings(max_length=1), id="one letter"),
        pytest.param(ShapeSettings(min_length=4, max_length=4), id="one length"),
        pytest.param(ShapeSettings(min_length=3, max_length=5), id="two bounds"),
        pytest.param(ShapeSettings(temperature=0.5, max_length=6), id="cold"),
        pytest.param(ShapeSettings(temperature=3.0, min_length=2, max_length=5), id="hot"),
        pytest.param(ShapeSettings(top_k=2, max_length=6), id="top_k"),
        pytest.param(ShapeSettings(top_p=0.7, max_length=6), id="top_p"),
        pytest.param(ShapeSettings(1.3, 3, 0.9, 2, 6), id="all"),
    ],
)
@pytest.mark.parametrize("letters", [2, 3])
def test_100_000_names_follow_the_conditional_distribution(letters: int, how: ShapeSettings) -> None:
    transitions, count = random_table(20, letters), 100_000
    assert not near_a_threshold(transitions, how)
    names = every_name(transitions, how)
    total = math.fsum(names.values())
    observed = dict.fromkeys(names, 0)
    for name, _ in collect(Sampler(transitions, how), 2024, count):
        observed[name] += 1  # a KeyError is a name that cannot be
    expected = {name: count * value / total for name, value in names.items()}
    common = [name for name in names if expected[name] >= 5]  # where the chi-square approximation holds
    found = [observed[name] for name in common] + [sum(observed[name] for name in names.keys() - set(common))]
    wanted = [expected[name] for name in common] + [math.fsum(expected[n] for n in names.keys() - set(common))]
    if wanted[-1] < 5:
        found[-2:], wanted[-2:] = [sum(found[-2:])], [sum(wanted[-2:])]
    assert len(wanted) > 1
    assert stats.chisquare(found, np.array(wanted) * (count / sum(wanted))).pvalue > 1e-4


def pooled(observed: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> tuple[float, int]:
    """Chi-square statistic and degrees of freedom, cells that expect fewer than 5 taken together."""
    order = np.argsort(expected)
    small = int((expected < 5).sum())
    while 0 < small < len(expected) and expected[order[:small]].sum() < 5:
        small += 1
    rare, common = order[:small], order[small:]
    statistic = float(((observed[common] - expected[common]) ** 2 / expected[common]).sum())
    cells = len(common)
    if small:
        mass = float(expected[rare].sum())
        statistic += float(observed[rare].sum() - mass) ** 2 / mass
        cells += 1
    return statistic, cells - 1


def test_200_000_names_of_the_bundled_model_follow_its_table(table: Transitions) -> None:
    """Counts of next characters, context by context. No name is empty, so the first context cannot end; the
    other bound, 64 letters, must be almost never met for the table itself to be the distribution."""
    sampler = Sampler(table, ShapeSettings())
    probabilities = np.exp(table.log_probs)
    assert sampler.probability == pytest.approx(1 - probabilities[0, BOUNDARY], abs=1e-6)
    probabilities[0, BOUNDARY] = 0
    probabilities[0] /= probabilities[0].sum()
    size, block_size = table.vocabulary_size, table.block_size
    counts = np.zeros(size ** (block_size + 1), dtype=np.int64)
    for draws in sampler.draw("chi-square", 200_000):
        ends, letters = np.zeros((len(draws), 1), dtype=np.int64), padded(draws)
        framed = np.hstack([np.repeat(ends, block_size, axis=1), letters, ends])
        for step in range(letters.shape[1] + 1):
            window = framed[draws.lengths >= step, step : step + block_size + 1]
            grams = window @ size ** np.arange(block_size, -1, -1)
            counts += np.bincount(grams, minlength=len(counts))
    observed = counts.reshape(-1, size)
    visits = observed.sum(axis=1)
    assert visits[0] == 200_000
    frequent = np.flatnonzero(visits >= 1000)
    assert len(frequent) > 100
    parts = [
        pooled(observed[row][probabilities[row] > 0], visits[row] * probabilities[row][probabilities[row] > 0])
        for row in frequent
    ]
    statistic, freedom = sum(part[0] for part in parts), sum(part[1] for part in parts)
    assert stats.chi2.sf(statistic, freedom) > 1e-4


@given(
    rows=st.lists(st.lists(st.floats(-12, 0), min_size=5, max_size=5), min_size=1, max_size=6),
    how=shapes(3),
)
@settings(deadline=None, derandomize=True, max_examples=200)
def test_shaping_equals_plain_python_row_by_row(rows: list[list[float]], how: ShapeSettings) -> None:
    logits = np.array(rows)
    successors = np.zeros(logits.shape, dtype=np.int32)
    transitions = Transitions.full(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), successors, start=0)
    assume(not near_a_threshold(transitions, how))
    before = transitions.log_probs.copy()
    shaped = shape_distribution(transitions.log_probs, how)
    expected = [shape_row(row, how) for row in transitions.log_probs.tolist()]
    np.testing.assert_allclose(shaped, expected, rtol=1e-12, atol=0)
    np.testing.assert_array_equal(transitions.log_probs, before)


def test_shaping_the_bundled_table_equals_plain_python(table: Transitions) -> None:
    some = Transitions.full(table.log_probs[::37], table.successors[::37], start=0)
    for how in (
        ShapeSettings(),
        ShapeSettings(temperature=0.7),
        ShapeSettings(top_k=7),
        ShapeSettings(top_p=0.83),
        ShapeSettings(1.5, 12, 0.6),
    ):
        assert not near_a_threshold(some, how)
        expected = [shape_row(row, how) for row in some.log_probs.tolist()]
        np.testing.assert_allclose(shape_distribution(some.log_probs, how), expected, rtol=1e-11, atol=0)


def test_ties_go_to_the_smaller_id() -> None:
    log_probs = np.log(np.array([[0.25, 0.25, 0.25, 0.25], [0.125, 0.375, 0.125, 0.375]]))
    assert shape_distribution(log_probs, ShapeSettings(top_k=2)).tolist() == [[0.5, 0.5, 0, 0], [0, 0.5, 0, 0.5]]
    np.testing.assert_allclose(
        shape_distribution(log_probs, ShapeSettings(top_k=3)),
        [[1 / 3, 1 / 3, 1 / 3, 0], [1 / 7, 3 / 7, 0, 3 / 7]],
        1e-15,
    )
    np.testing.assert_allclose(
        shape_distribution(log_probs, ShapeSettings(top_p=0.6)), [[1 / 3, 1 / 3, 1 / 3, 0], [0, 0.5, 0, 0.5]], 1e-15
    )


def test_settings_that_cut_nothing_change_nothing() -> None:
    log_probs = random_table(3).log_probs
    plain = np.exp(log_probs)
    for how in (ShapeSettings(), ShapeSettings(top_k=4), ShapeSettings(top_k=1000), ShapeSettings(top_p=1.0)):
        np.testing.assert_allclose(shape_distribution(log_probs, how), plain, rtol=1e-14, atol=0)


@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0])
def test_a_top_p_of_one_keeps_even_the_least_probable_symbol(table: Transitions, temperature: float) -> None:
    """All other symbols together never reach 1, though their rounded sum may."""
    plain = shape_distribution(table.log_probs, ShapeSettings(temperature))
    kept = shape_distribution(table.log_probs, ShapeSettings(temperature, top_p=1.0))
    np.testing.assert_array_equal(kept > 0, plain > 0)


@pytest.mark.parametrize("temperature", [5e-324, 1e-310, 1e-300, 1e-3, 0.1, 10.0])
def test_extreme_temperatures_still_give_distributions(table: Transitions, temperature: float) -> None:
    shaped = shape_distribution(table.log_probs, ShapeSettings(temperature=temperature))
    np.testing.assert_allclose(shaped.sum(axis=1), 1, rtol=0, atol=1e-12)
    if temperature <= 1e-3:
        assert np.median(shaped.max(axis=1)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("how", [ShapeSettings(), ShapeSettings(0.8, 10, 0.95, 3, 9)], ids=["plain", "shaped"])
def test_a_name_does_not_depend_on_count_first_or_chunks(table: Transitions, how: ShapeSettings) -> None:
    sampler = Sampler(table, how)
    whole = collect(sampler, 7, 20_000)
    for first, count in [(0, 1), (0, 100), (8190, 5), (8191, 1), (8192, 1), (1, 8192), (5_000, 15_000), (19_999, 1)]:
        assert collect(sampler, 7, count, first) == whole[first : first + count]
    assert collect(Sampler(table, how), 7, 100) == whole[:100]


def test_no_names_are_no_chunks() -> None:
    assert list(Sampler(random_table(1), ShapeSettings()).draw(0, 0)) == []
    assert list(Sampler(random_table(1), ShapeSettings()).draw(0, 0, 10)) == []


def test_chunks_add_up_to_the_count(table: Transitions) -> None:
    for count in (1, 8191, 8192, 8193, 16_384):
        chunks = list(Sampler(table, ShapeSettings(max_length=4)).draw(3, count))
        assert sum(map(len, chunks)) == count
        for draws in chunks:
            assert len(draws.symbols) == draws.ends[-1] == draws.lengths.sum()


def test_seeds_give_different_names(table: Transitions) -> None:
    sampler = Sampler(table, ShapeSettings())
    seeds: list[int | str] = [0, 1, 2**63 - 1, "", "0", "ada"]
    assert len({tuple(collect(sampler, seed, 50)) for seed in seeds}) == len(seeds)


@pytest.mark.parametrize(
    "how", [ShapeSettings(), ShapeSettings(0.6), ShapeSettings(1.4, 9, 0.9, 4, 7)], ids=["plain", "cold", "all"]
)
def test_log_probs_are_sums_over_characters(table: Transitions, how: ShapeSettings) -> None:
    rows: dict[Name, list[float]] = {}
    contexts = itertools.product(range(table.vocabulary_size), repeat=table.block_size)
    numbers = {context: row for row, context in enumerate(contexts)}
    for name, log_prob in collect(Sampler(table, how), 12, 300):
        padded = (BOUNDARY,) * table.block_size + name + (BOUNDARY,)
        terms = []
        for i, symbol in enumerate((*name, BOUNDARY)):
            context = padded[i : i + table.block_size]
            if context not in rows:
                rows[context] = shape_row(table.log_probs[numbers[context]].tolist(), how)
            terms.append(math.log(rows[context][symbol]))
        assert log_prob == pytest.approx(math.fsum(terms), rel=1e-11)


@pytest.mark.parametrize("bounds", [(1, 1), (1, 3), (2, 2), (5, 6), (12, 12), (20, 64), (64, 64)])
def test_lengths_are_always_in_bounds(table: Transitions, bounds: tuple[int, int]) -> None:
    lengths = {len(name) for name, _ in collect(Sampler(table, ShapeSettings(1.0, None, None, *bounds)), 1, 3_000)}
    assert bounds[0] <= min(lengths) <= max(lengths) <= bounds[1]
    if bounds[1] < 12:
        assert lengths == set(range(bounds[0], bounds[1] + 1))


def test_no_letter_is_a_boundary(table: Transitions) -> None:
    for draws in Sampler(table, ShapeSettings()).draw(4, 10_000):
        assert (draws.symbols != BOUNDARY).all()


def test_decoding_equals_the_vocabulary_row_by_row(bundled: Checkpoint, table: Transitions) -> None:
    vocabulary = bundled.vocabulary
    for bounds in [(1, 1), (1, 64), (3, 3)]:
        for draws in Sampler(table, ShapeSettings(1.0, None, None, *bounds)).draw(9, 10_000):
            expected = [vocabulary.decode(name) for name in draws.rows()]
            assert draws.decode(vocabulary) == expected


def test_decoding_knows_letters_beyond_the_basic_plane() -> None:
    vocabulary = Vocabulary(("é", "𐐨", "\u0301"))
    for count in (1, 500):
        (draws,) = Sampler(random_table(6), ShapeSettings(max_length=5)).draw(0, count)
        assert draws.decode(vocabulary) == [vocabulary.decode(name) for name in draws.rows()]


@pytest.mark.parametrize(
    ("transitions", "how"),
    [
        pytest.param(table_of([0.0, 0.5, 0.5]), ShapeSettings(), id="never ends"),
        pytest.param(table_of([1.0, 0.0, 0.0]), ShapeSettings(), id="ends at once"),
        pytest.param(table_of([0.6, 0.2, 0.2]), ShapeSettings(top_k=1), id="top_k keeps the end"),
        pytest.param(table_of([0.2, 0.6, 0.2]), ShapeSettings(top_k=1), id="top_k keeps a letter"),
        pytest.param(table_of([0.2, 0.6, 0.2]), ShapeSettings(top_p=0.5), id="top_p keeps a letter"),
        pytest.param(table_of([0.6, 0.2, 0.2]), ShapeSettings(top_p=0.6 - 1e-9), id="top_p keeps the end"),
    ],
)
def test_settings_that_no_name_meets_are_refused(transitions: Transitions, how: ShapeSettings) -> None:
    with pytest.raises(UnsatisfiableError, match="no name"):
        Sampler(transitions, how)


@pytest.mark.parametrize(("bounds", "possible"), [((1, 2), False), ((3, 3), True), ((1, 64), True), ((4, 64), False)])
def test_only_lengths_that_the_table_allows_are_possible(bounds: tuple[int, int], possible: bool) -> None:
    """With contexts of three symbols, a chain that says 1, 1, 1 and ends."""
    size, block_size = 3, 3
    with np.errstate(divide="ignore"):
        log_probs = np.log(np.zeros((size**block_size, size)))
    for row, context in enumerate(itertools.product(range(size), repeat=block_size)):
        log_probs[row, BOUNDARY if context == (1, 1, 1) else 1] = 0
    transitions, how = Transitions.dense(log_probs, block_size), ShapeSettings(1.0, None, None, *bounds)
    if not possible:
        with pytest.raises(UnsatisfiableError):
            Sampler(transitions, how)
        return
    sampler = Sampler(transitions, how)
    assert sampler.probability == 1
    assert set(collect(sampler, 0, 1000)) == {((1, 1, 1), 0.0)}


@pytest.mark.parametrize("letter", [1e-3, 1e-4, 1.2e-5, 1e-5, 1e-6], ids=str)
def test_names_of_hardly_any_chance_are_drawn_well_or_refused(letter: float) -> None:
    """64 letters under a table that prefers to end: chances from 1e-173 over subnormal ones to 0."""
    transitions, how = table_of([1 - 2 * letter, letter, letter]), ShapeSettings(min_length=64)
    try:
        sampler = Sampler(transitions, how)
    except UnsatisfiableError:
        assert math.log(2 * letter) * 64 < math.log(2.3e-308)
        return
    drawn = collect(sampler, 0, 200)
    assert {len(name) for name, _ in drawn} == {64}
    counts = np.bincount([symbol for name, _ in drawn for symbol in name], minlength=3)
    assert counts[0] == 0
    assert stats.chisquare(counts[1:]).pvalue > 1e-4
    for _, log_prob in drawn:
        assert log_prob == pytest.approx(64 * math.log(letter) + math.log1p(-2 * letter), rel=1e-12)


def test_a_sampler_leaves_the_table_alone_and_knows_its_size(table: Transitions) -> None:
    before = table.log_probs.tobytes()
    small, large = Sampler(random_table(1), ShapeSettings()), Sampler(table, ShapeSettings())
    collect(large, 0, 100)
    assert table.log_probs.tobytes() == before
    assert 0 < small.nbytes < large.nbytes
    assert SAMPLER_VERSION >= 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"temperature": 0.0},
        {"temperature": -1.0},
        {"temperature": 10.5},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"top_k": 0},
        {"top_k": -1},
        {"top_p": 0.0},
        {"top_p": 1.0001},
        {"top_p": math.nan},
        {"min_length": 0},
        {"min_length": 5, "max_length": 4},
        {"max_length": 0},
        {"max_length": MAX_NAME_LENGTH + 1},
        {"min_length": MAX_NAME_LENGTH + 1},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be greater than 0|at least 1|lengths must be in"):
        ShapeSettings(**arguments)
