"""Divergences against a list of every name, against drawn names, and against what is known without either."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.compiler.dense_table import compile_table
from model.errors import TableTooLargeError, UnsatisfiableError
from model.measures.divergence import Divergence, NameChain, divergence
from model.measures.divergence_estimates import Drawn, estimate_jensen_shannon
from model.sampling.language_model import LanguageModel
from model.store.store import BUNDLED, Store
from model.text.vocabulary import Vocabulary
from model.transitions.automaton import Transitions

LONGEST = 4


def random_chain(seed: int, letters: str, block_size: int, spread: float = 1.5, impossible: float = 0.0) -> NameChain:
    """Each symbol is `impossible` with that chance, but for one in each row."""
    random, size = np.random.default_rng(seed), len(letters) + 1
    logits = random.normal(size=(size**block_size, size)) * spread
    off = random.random(logits.shape) < impossible
    off[np.arange(len(off)), random.integers(size, size=len(off))] = False
    logits[off] = -np.inf
    return NameChain(
        Transitions.dense(logits - np.logaddexp.reduce(logits, axis=1)[:, None], block_size), vocabulary(letters)
    )


def vocabulary(letters: str) -> Vocabulary:
    return Vocabulary(tuple(letters))


def every_name(chain: NameChain) -> dict[str, float]:
    """Chances given that a name has 1 to LONGEST letters: windows of symbols looked up in a dictionary."""
    symbols = ["", *chain.vocabulary.letters]
    block_size = chain.transitions.block_size
    contexts = itertools.product(symbols, repeat=block_size)
    rows = dict(zip(contexts, np.exp(chain.transitions.log_probs).tolist(), strict=True))
    found = {}
    for length in range(1, LONGEST + 1):
        for name in itertools.product(symbols[1:], repeat=length):
            framed = ("",) * block_size + name + ("",)
            steps = ((framed[i : i + block_size], framed[i + block_size]) for i in range(length + 1))
            found["".join(name)] = math.prod(rows[context][symbols.index(symbol)] for context, symbol in steps)
    total = math.fsum(found.values())
    return {name: value / total for name, value in found.items() if value > 0} if total else {}


def summed(p: dict[str, float], q: dict[str, float]) -> float:
    if not p.keys() <= q.keys():
        return math.inf
    return math.fsum(chance * math.log(chance / q[name]) for name, chance in p.items())


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    blocks=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    letters=st.sampled_from([("ab", "ab"), ("ab", "ba"), ("ab", "cab"), ("cab", "ab"), ("ab", "bc"), ("a", "ab")]),
    impossible=st.sampled_from([0.0, 0.0, 0.3]),
)
def test_the_divergence_equals_the_sum_over_every_name(
    seed: int, blocks: tuple[int, int], letters: tuple[str, str], impossible: float
) -> None:
    p, q = (random_chain(seed + i, letters[i], blocks[i], 1.5, impossible) for i in (0, 1))
    names, others = every_name(p), every_name(q)
    if not names or not others:
        with pytest.raises(UnsatisfiableError):
            divergence(p, q, LONGEST)
        return
    found, expected = divergence(p, q, LONGEST), summed(names, others)
    assert found.per_name == pytest.approx(expected, rel=1e-9, abs=1e-12)
    characters = math.fsum(chance * (len(name) + 1) for name, chance in names.items())
    assert found.per_character == pytest.approx(expected / characters, rel=1e-9, abs=1e-12)


def test_a_model_is_no_way_from_itself_with_a_longer_memory_than_it_needs() -> None:
    """The same chances with one more symbol of context, which says nothing, and letters in another order."""
    p = random_chain(1, "abc", 2)
    order = [0, 3, 1, 2]  # the letters c, a, b
    table = p.transitions.log_probs.reshape(4, 4, 4)[np.ix_(order, order, order)]
    longer = NameChain(Transitions.dense(np.tile(table.reshape(16, 4), (4, 1)), 3), vocabulary("cab"))
    for first, second in ((p, longer), (longer, p), (p, p)):
        assert divergence(first, second).per_name == pytest.approx(0, abs=1e-12)


def test_letters_that_the_other_model_lacks_make_it_infinite_one_way_alone() -> None:
    p, q = random_chain(1, "abc", 2), random_chain(2, "ab", 1)
    assert divergence(p, q) == Divergence(math.inf, math.inf)
    assert math.isfinite(divergence(q, p).per_name)


def test_too_many_contexts_of_both_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = random_chain(1, "abc", 2), random_chain(2, "ab", 3)
    monkeypatch.setattr("model.transitions.product.MAX_NUMBERS", 40)
    with pytest.raises(TableTooLargeError, match="together, the two models have more than 10 contexts"):
        divergence(first, second)


@pytest.fixture(scope="module")
def bundled() -> NameChain:
    model = Store(BUNDLED).load("us-names-classic").checkpoint
    return NameChain(compile_table(model), model.vocabulary)


@pytest.fixture(scope="module")
def shifted(bundled: NameChain) -> NameChain:
    """The bundled model at temperature 1.1."""
    logits = bundled.transitions.log_probs / 1.1
    return NameChain(Transitions.dense(logits - np.logaddexp.reduce(logits, axis=1)[:, None], 3), bundled.vocabulary)


def drawn(chain: NameChain, count: int) -> Drawn:
    return Drawn(LanguageModel(chain.transitions), chain.vocabulary, count)


def test_the_divergence_of_real_models_agrees_with_names_drawn_from_them(
    bundled: NameChain, shifted: NameChain
) -> None:
    """300,000 names, within 4 standard errors, which are below 2 %."""
    for p, q in ((bundled, shifted), (shifted, bundled)):
        exact, own, other = divergence(p, q), drawn(p, 300_000), drawn(q, 1)
        differences = own.log_probs(own.texts) - other.log_probs(own.texts)
        standard_error = differences.std() / math.sqrt(len(differences))
        assert standard_error < 0.02 * exact.per_name
        assert abs(differences.mean() - exact.per_name) < 4 * standard_error
        characters = 1 + sum(map(len, own.texts)) / len(own.texts)
        assert differences.mean() / characters == pytest.approx(exact.per_character, rel=0.04)


def test_jensen_shannon_agrees_with_the_sum_over_every_name() -> None:
    """Names longer than LONGEST are too rare to count. Within 4 standard errors."""
    p, q = random_chain(3, "ab", 1, 0.1), random_chain(4, "bc", 2, 0.1)
    ending = [
        NameChain(
            Transitions.dense(np.log(0.02 * np.exp(c.transitions.log_probs) + 0.98 * np.eye(3)[0]), b), c.vocabulary
        )
        for c, b in ((p, 1), (q, 2))
    ]
    first, second = map(every_name, ending)
    middle = {name: (first.get(name, 0) + second.get(name, 0)) / 2 for name in first.keys() | second.keys()}
    expected = (summed(first, middle) + summed(second, middle)) / 2
    found = estimate_jensen_shannon(*(drawn(chain, 100_000) for chain in ending))
    assert abs(found.value - expected) < 4 * found.standard_error
    assert 0 < found.value < math.log(2)


def test_an_estimate_between_models_without_a_common_name_is_as_far_as_can_be() -> None:
    p, q = (drawn(random_chain(1, letters, 1), 1_000) for letters in ("ab", "cd"))
    assert estimate_jensen_shannon(p, q).value == pytest.approx(math.log(2), abs=1e-12)
