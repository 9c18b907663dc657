"""The most probable names against exhaustive search on a small world."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.constraints.compile_constraints import Constraints, compile_constraints
from model.errors import ConstraintError, UnsatisfiableError
from model.sampling import ranking
from model.sampling.ranking import most_probable
from model.sampling.sampler import Sampler
from model.store.store import BUNDLED, Store
from model.text.vocabulary import Vocabulary
from model.transitions.automaton import Transitions
from model.transitions.scoring import character_log_probs
from model.transitions.shaping import ShapeSettings

AB = Vocabulary(("a", "b"))
LONGEST = 7


def random_table(seed: int) -> Transitions:
    logits = np.random.default_rng(seed).normal(size=(AB.size**2, AB.size))
    return Transitions.dense(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), 2)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 999),
    lengths=st.tuples(st.integers(1, LONGEST), st.integers(1, LONGEST)).map(sorted),
    constraints=st.builds(Constraints, st.sampled_from([None, "a", "ba"]), st.sampled_from([None, "b"])),
    count=st.integers(1, 300),
)
def test_the_ranking_equals_exhaustive_search(
    seed: int, lengths: list[int], constraints: Constraints, count: int
) -> None:
    table = random_table(seed)
    names = [
        "".join(letters) for k in range(lengths[0], lengths[1] + 1) for letters in itertools.product("ab", repeat=k)
    ]
    names = [n for n in names if n.startswith(constraints.prefix or "") and n.endswith(constraints.suffix or "")]
    try:
        sampler = Sampler(table, ShapeSettings(1.0, None, None, *lengths), compile_constraints(constraints, AB))
    except UnsatisfiableError:
        assert not names
        return
    parts = character_log_probs(table, [AB.encode(name) for name in names])
    scores = {name: float(part.sum()) for name, part in zip(names, parts, strict=True)}
    found = [(AB.decode(ranked.symbols), ranked.log_prob) for ranked in most_probable(sampler.plan, count)]
    # Rearranged names tie exactly, so names are compared by their scores, each once.
    assert len({name for name, _ in found}) == len(found) == min(count, len(names))
    assert [score for _, score in found] == pytest.approx(sorted(scores.values(), reverse=True)[:count], abs=1e-9)
    assert [score for _, score in found] == pytest.approx([scores[name] for name, _ in found], abs=1e-9)


def test_the_best_names_of_the_bundled_model_are_better_than_any_that_is_drawn() -> None:
    version = Store(BUNDLED).load("us-names")
    vocabulary, table = version.checkpoint.vocabulary, version.transitions
    sampler = Sampler(table, ShapeSettings(min_length=4))
    best = most_probable(sampler.plan, 50)
    assert [name.log_prob for name in best] == sorted((name.log_prob for name in best), reverse=True)
    top = {vocabulary.decode(name.symbols) for name in best}
    assert len(top) == 50
    for draws in sampler.draw(2, 50_000):
        for name, log_prob in zip(draws.decode(vocabulary), sampler.log_probs(draws), strict=True):
            assert name in top or log_prob <= best[-1].log_prob + 1e-9


def test_names_of_equal_probability_come_in_alphabetical_order() -> None:
    table = Transitions.dense(np.full((AB.size, AB.size), -math.log(AB.size)), 1)
    found = most_probable(Sampler(table, ShapeSettings(min_length=3, max_length=3)).plan, 8)
    assert [AB.decode(name.symbols) for name in found] == ["".join(each) for each in itertools.product("ab", repeat=3)]


def test_a_set_with_fewer_names_gives_them_all() -> None:
    sampler = Sampler(random_table(1), ShapeSettings(max_length=2))
    found = most_probable(sampler.plan, 100)
    assert len(found) == 2 + 4
    assert math.fsum(math.exp(name.log_prob) for name in found) == pytest.approx(sampler.probability)


def test_a_search_that_would_grow_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "MAX_OPENED", 50)
    with pytest.raises(ConstraintError, match="too many candidates"):
        most_probable(Sampler(random_table(1), ShapeSettings(max_length=40)).plan, 1000)
