"""A model that answers by its network, against its table and against lists of all names."""

import itertools
import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from model import allowance, live, live_sampling
from model.automata import Automaton, accepts, nothing
from model.batch_norm import BatchNorm1d
from model.checkpoint import Checkpoint
from model.constraints import Constraints, compile_constraints
from model.engine import TableEngine
from model.engines import engine_for
from model.errors import ConstraintError, TooRareError, UnsatisfiableError
from model.live import LiveEngine
from model.live_sampling import LiveSampler
from model.names import Listing, Names
from model.shaped_rows import PARTS, thresholds_of
from model.shaping import Settings
from model.stack import Stack
from model.tabulation import compile_table
from model.vocabulary import Vocabulary
from training.stacks import tanh_stack

ABC = "abcd"
Name = tuple[int, ...]


def checkpoint_of(letters: str = ABC, block_size: int = 2, seed: int = 1, width: int = 13) -> Checkpoint:
    """A usual stack with random numbers throughout."""
    vocabulary = Vocabulary(tuple(letters))
    stack = Stack.build(tanh_stack(vocabulary.size, block_size, 3, width))
    generator = torch.Generator().manual_seed(seed)
    stack.reset_parameters(generator)
    for layer in stack.layers:
        if isinstance(layer, BatchNorm1d):
            layer.running_mean = torch.randn(layer.num_features, generator=generator) / 3
            layer.running_var = torch.rand(layer.num_features, generator=generator) + 0.2
            layer.gamma = torch.ones(layer.num_features)
            layer.beta = torch.randn(layer.num_features, generator=generator) / 3
    return Checkpoint(stack.eval(), block_size, vocabulary)


@pytest.fixture(scope="module")
def model() -> Checkpoint:
    return checkpoint_of()


@pytest.fixture(scope="module")
def engine(model: Checkpoint) -> LiveEngine:
    return LiveEngine(model)


@pytest.fixture(scope="module")
def table(model: Checkpoint) -> TableEngine:
    return TableEngine(compile_table(model))


@pytest.fixture(scope="module")
def five() -> Checkpoint:
    return checkpoint_of("abcdefghijklmnopqrstuvwxyz", 5, width=30)


def automaton(model: Checkpoint, **fields: Any) -> Automaton:
    found = compile_constraints(Constraints(**fields), model.vocabulary)
    assert found is not None
    return found


def drawn(sampler: LiveSampler, seed: int | str, count: int, first: int = 0) -> list[Name]:
    return [tuple(name) for names in sampler.draw(seed, count, first) for name in names.rows()]


def every_name(longest: int, letters: int = len(ABC)) -> list[Name]:
    return [name for n in range(longest + 1) for name in itertools.product(range(1, letters + 1), repeat=n)]


SHAPES = [Settings(), Settings(0.5), Settings(2.0, 3), Settings(1.3, None, 0.8), Settings(0.8, 4, 0.9)]


@pytest.mark.parametrize("how", SHAPES)
def test_distributions_and_scores_are_those_of_the_table(engine: LiveEngine, table: TableEngine, how: Settings) -> None:
    names = Names.of(every_name(4))
    np.testing.assert_allclose(engine.log_probs(names), table.log_probs(names), atol=1e-9)
    for name in every_name(3):
        np.testing.assert_allclose(engine.next_probabilities(name, how), table.next_probabilities(name, how), atol=1e-9)
    np.testing.assert_allclose(
        engine.sampler(how, []).log_probs(names), table.sampler(how, []).log_probs(names), atol=1e-9
    )


def test_no_names_have_no_scores(engine: LiveEngine) -> None:
    assert engine.log_probs(Names.of([])).shape == (0,)
    assert engine.sampler(Settings(), []).log_probs(Names.of([])).shape == (0,)


@pytest.mark.parametrize(
    ("how", "asked", "avoid"),
    [
        pytest.param(Settings(max_length=5), {}, [], id="plain"),
        pytest.param(Settings(min_length=2, max_length=4), {}, [], id="lengths"),
        pytest.param(Settings(1.5, 4, 0.95, max_length=5), {"prefix": "ab"}, [], id="prefix"),
        pytest.param(Settings(max_length=5), {"suffix": "da"}, [], id="suffix"),
        pytest.param(Settings(max_length=6), {"contains": "cab"}, [], id="contains"),
        pytest.param(Settings(max_length=6), {"pattern": "a(bc)*d?|b+"}, [], id="pattern"),
        pytest.param(Settings(max_length=4), {"pattern": "a.*"}, ["ab", "aa", "a"], id="novel"),
    ],
)
def test_names_follow_the_conditional_distribution(
    model: Checkpoint,
    engine: LiveEngine,
    how: Settings,
    asked: dict[str, str],
    avoid: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(allowance, "letters_allowed", lambda names: 10**9 + 0 * names)
    automata = [automaton(model, **asked)] if asked else []
    listing = Listing.listing(avoid, model.vocabulary)
    sampler = engine.sampler(how, automata, listing)
    names = [
        name
        for name in every_name(how.max_length)
        if len(name) >= how.min_length and all(accepts(a, name) for a in automata) and name not in listing
    ]
    chances = np.exp(sampler.log_probs(Names.of(names)))
    names = [name for name, chance in zip(names, chances, strict=True) if chance > 0]
    chances = chances[chances > 0] / chances.sum()
    count = 20_000
    seen = Counter(drawn(sampler, 7, count))
    assert seen.keys() <= set(names)
    expected = count * chances
    rare = expected < 5
    found = np.array([seen[name] for name in names])
    cells = [*found[~rare], found[rare].sum()] if rare.any() else found
    wanted = [*expected[~rare], expected[rare].sum()] if rare.any() else expected
    assert stats.chisquare(cells, np.array(wanted) * count / sum(wanted)).pvalue > 1e-4


def test_two_automata_are_met_together(model: Checkpoint, engine: LiveEngine) -> None:
    both = [automaton(model, suffix="a"), automaton(model, contains="bc")]
    for name in drawn(engine.sampler(Settings(max_length=8), both), 1, 200):
        assert all(accepts(each, name) for each in both)


@pytest.mark.parametrize("asked", [{}, {"pattern": ".*[a-m]"}, {"pattern": "m.*"}])
def test_a_name_depends_on_seed_and_number_alone(five: Checkpoint, asked: dict[str, str]) -> None:
    """Not on how many are asked for, on chunks, on what was remembered or forgotten, or on other threads."""
    automata = [automaton(five, **asked)] if asked else []
    how = Settings(0.7)
    expected = drawn(LiveEngine(five).sampler(how, automata), "seed", 60)
    forgetful = LiveEngine(five, max_bytes=10_000)
    assert drawn(forgetful.sampler(how, automata), "seed", 60) == expected
    sampler = LiveEngine(five).sampler(how, automata)
    assert drawn(sampler, "seed", 25, 35) == expected[35:]
    assert [drawn(sampler, "seed", 1, i)[0] for i in range(20)] == expected[:20]
    tiny = LiveEngine(five, max_bytes=3_000).sampler(how, automata)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda i: drawn(tiny, "seed", 5, i)[0], range(8))) == expected[:8]


def test_chunks_do_not_show(engine: LiveEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = drawn(engine.sampler(Settings(), []), 3, 100)
    monkeypatch.setattr(live_sampling, "CHUNK", 7)
    assert drawn(engine.sampler(Settings(), []), 3, 100) == expected


def test_rows_are_those_of_the_stack_and_do_not_depend_on_their_neighbours(five: Checkpoint) -> None:
    contexts = np.random.default_rng(1).integers(27, size=(300, 5), dtype=np.uint16)
    rows = LiveEngine(five).rows(contexts)
    expected = torch.log_softmax(five.stack(torch.from_numpy(contexts.astype(np.int64))), 1).numpy()
    np.testing.assert_allclose(rows, expected, atol=1e-5)
    order = np.random.default_rng(2).permutation(300)
    assert np.array_equal(LiveEngine(five, max_bytes=20_000).rows(contexts[order]), rows[order])
    one_by_one = LiveEngine(five)
    assert np.array_equal(np.vstack([one_by_one.rows(contexts[i : i + 1]) for i in range(50)]), rows[:50])


def test_what_is_remembered_keeps_within_its_bytes(five: Checkpoint) -> None:
    engine = LiveEngine(five, max_bytes=1 << 20)
    samplers = [engine.sampler(Settings(temperature), []) for temperature in (0.5, 1, 2, 3)]
    for sampler in samplers:
        drawn(sampler, 1, 300)
    assert 0 < engine._remembered.nbytes <= 1 << 19
    assert sum(sampler._shaped.nbytes for sampler in samplers) <= 1 << 19


def test_a_context_of_32_characters_is_served() -> None:
    model = checkpoint_of(block_size=32)
    engine = LiveEngine(model)
    name = [1, 2, 3] * 20
    window = torch.tensor([name[-32:]])
    expected = torch.softmax(model.stack.to(dtype=torch.float64)(window), 1)[0].numpy()
    np.testing.assert_allclose(engine.next_probabilities(name, Settings()), expected, atol=1e-9)
    assert len(drawn(engine.sampler(Settings(), []), 1, 10)) == 10


def test_names_that_are_too_rare_end_with_the_rate_that_was_met(
    model: Checkpoint, engine: LiveEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowance, "letters_allowed", lambda names: 2_000 + 10 * names)
    rare = engine.sampler(Settings(), [automaton(model, pattern=".*abcdabcdabcdabcd.*")])
    with pytest.raises(TooRareError, match=r"of [\d,]+ attempts none met the constraints \(0\.00%\)"):
        next(rare.draw(1, 1))
    some = engine.sampler(Settings(), [automaton(model, contains="ab")])
    with pytest.raises(TooRareError, match=r"attempts [\d,]+ met .* too large for a table.*; loosen") as caught:
        list(some.draw(1, 2_000))
    assert 0 < caught.value.accepted < caught.value.attempts
    with pytest.raises(TooRareError):
        rare.draw_distinct(1, 1)


def test_a_request_fails_only_where_every_longer_one_does(
    model: Checkpoint, engine: LiveEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowance, "letters_allowed", lambda names: 400 + 20 * names)

    def succeeds(count: int) -> bool:
        sampler = engine.sampler(Settings(), [automaton(model, contains="ab")])
        try:
            return len(drawn(sampler, 5, count)) == count
        except TooRareError:
            return False

    outcomes = [succeeds(count) for count in range(1, 60)]
    assert outcomes == sorted(outcomes, reverse=True)
    assert {True, False} == set(outcomes)


def test_what_may_be_taken_never_falls() -> None:
    allowed = allowance.letters_allowed(np.arange(1, 20_000))
    assert (np.diff(allowed) > 0).all()


def test_what_no_name_meets_is_said_at_once(model: Checkpoint, engine: LiveEngine) -> None:
    with pytest.raises(UnsatisfiableError, match="no name of 1 to 64 letters"):
        engine.sampler(Settings(), [nothing(model.vocabulary.size)])
    for how, automata in (
        (Settings(), [automaton(model, pattern="a+"), automaton(model, pattern="b+")]),
        (Settings(max_length=3), [automaton(model, contains="abcd")]),
        (Settings(min_length=5), [automaton(model, pattern="a|bb")]),
        (Settings(min_length=2, max_length=2), [automaton(model, pattern="(abc)+")]),
    ):
        with pytest.raises(UnsatisfiableError):
            engine.sampler(how, automata)
    first = int(np.argmin(engine.next_probabilities([], Settings())[1:]))
    with pytest.raises(UnsatisfiableError):
        engine.sampler(Settings(top_k=1), [automaton(model, prefix=ABC[first])])


def test_a_beginning_that_all_names_share_costs_no_attempts(five: Checkpoint) -> None:
    sampler = LiveEngine(five).sampler(Settings(0.6), [automaton(five, prefix="qxzjqwv")])
    assert all(five.vocabulary.decode(name).startswith("qxzjqwv") for name in drawn(sampler, 1, 50))


def test_different_names_are_the_first_ones_of_the_draws(engine: LiveEngine) -> None:
    sampler = engine.sampler(Settings(max_length=6), [])
    expected = list(dict.fromkeys(drawn(sampler, 9, 2_000)))
    for count in (1, 16, 17, 150):
        assert [tuple(name) for name in sampler.draw_distinct(9, count).rows()] == expected[:count]


def test_different_names_run_out(model: Checkpoint, engine: LiveEngine) -> None:
    sampler = engine.sampler(Settings(), [automaton(model, pattern="a|bc|da")])
    names = [tuple(name) for name in sampler.draw_distinct(9, 10).rows()]
    assert sorted(model.vocabulary.decode(name) for name in names) == ["a", "bc", "da"]


@pytest.mark.parametrize("asked", [{}, {"suffix": "ab"}, {"pattern": "b.*|ca"}])
def test_the_most_probable_names_are_those_of_the_table(
    model: Checkpoint, engine: LiveEngine, table: TableEngine, asked: dict[str, str]
) -> None:
    automata = [automaton(model, **asked)] if asked else []
    avoid = Listing.listing(["ab", "b"], model.vocabulary)
    how = Settings(0.9, max_length=7)
    found = engine.sampler(how, automata, avoid).most_probable(25)
    expected = table.sampler(how, automata, avoid).most_probable(25)
    assert [ranked.symbols for ranked in found] == [ranked.symbols for ranked in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.log_prob == pytest.approx(other.log_prob, abs=1e-9)


def test_a_ranking_that_takes_too_long_is_refused(
    model: Checkpoint, engine: LiveEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.live_ranking.MAX_OPENED", 20)
    with pytest.raises(ConstraintError, match="too many candidates") as caught:
        engine.sampler(Settings(), [automaton(model, contains="abcd")]).most_probable(20)
    assert caught.value.field == "k"


def test_steps_leave_out_what_cannot_be_and_sum_to_1(model: Checkpoint, engine: LiveEngine, table: TableEngine) -> None:
    name = model.vocabulary.encode("abca")
    steps = engine.sampler(Settings(), []).stepper()(name)
    np.testing.assert_allclose(steps, table.sampler(Settings(), []).stepper()(name), atol=1e-6)
    under = engine.sampler(Settings(max_length=4), [automaton(model, prefix="ab", suffix="a")]).stepper()(name)
    np.testing.assert_allclose(under.sum(axis=1), 1)
    assert under[0, 1] == under[1, 2] == under[3, 1] == under[4, 0] == 1


def test_the_share_of_attempts_that_end_well_is_near_the_exact_one(engine: LiveEngine, table: TableEngine) -> None:
    how = Settings(max_length=4)
    exact = table.sampler(how, []).probability
    assert engine.sampler(how, []).accepted_share(1, 4_000) == pytest.approx(exact, abs=4 * math.sqrt(0.25 / 4_000))
    assert engine.sampler(how, []).probability is None


def test_thresholds_are_whole_parts_that_possible_symbols_share() -> None:
    rows = np.array([[0.0, 0.5, 0.5, 0.0], [1.0, 0.0, 0.0, 0.0], [0.25, 0.0, 0.0, 0.75]])
    half, quarter = PARTS // 2 + 1, PARTS // 4 + 1
    expected = [[0, half, PARTS, PARTS], [PARTS] * 4, [quarter, quarter, quarter, PARTS]]
    assert thresholds_of(rows).tolist() == expected


def test_the_engine_follows_the_size_of_the_table(model: Checkpoint, five: Checkpoint) -> None:
    assert isinstance(engine_for(model), TableEngine)
    assert isinstance(engine_for(model, budget_bytes=100), LiveEngine)
    assert isinstance(engine_for(five), LiveEngine)
    assert live.DEFAULT_CACHE_BYTES == 64 << 20
