"""How strange a name is beside known ones, against counting."""

import numpy as np
import pytest
import torch

from model.compiler.dense_table import compile_table
from model.measures.percentiles import LOSS_QUANTILES, loss_quantiles, parse_quantiles, quantiles_of, share_above
from model.network import checkpoint
from model.network.checkpoint import Checkpoint
from model.network.stack import Stack
from model.sampling.language_model import LanguageModel
from model.store.publishing import contents
from model.text.names import Names
from model.text.vocabulary import Vocabulary

ABC = Vocabulary(("a", "b", "c"))


@pytest.fixture(scope="module")
def model() -> Checkpoint:
    network = Stack.build([{"type": "Embedding", "num_embeddings": 4, "embedding_dim": 4}, {"type": "Flatten"}])
    network.reset_parameters(torch.Generator().manual_seed(1))
    return Checkpoint(network.eval(), 1, ABC, {})


@pytest.fixture(scope="module")
def language_model(model: Checkpoint) -> LanguageModel:
    return LanguageModel(compile_table(model))


def names(seed: int, count: int) -> list[str]:
    chance = np.random.default_rng(seed)
    return ["".join(chance.choice(list("abc"), chance.integers(1, 9))) for _ in range(count)]


def losses_of(language_model: LanguageModel, texts: list[str]) -> list[float]:
    """Name by name."""
    return [-float(language_model.log_probs(Names.of([ABC.encode(text)])).sum()) / (len(text) + 1) for text in texts]


def test_the_share_is_that_of_counting(language_model: LanguageModel) -> None:
    known, asked = sorted(set(names(1, 4_000))), names(2, 500)
    quantiles = quantiles_of(language_model, [*known, known[0], "", "xa"], ABC)
    assert quantiles is not None
    every, losses = np.array(losses_of(language_model, known)), np.array(losses_of(language_model, asked))
    counted = (every[None, :] > losses[:, None]).mean(axis=1)
    assert np.abs(share_above(quantiles, losses) - counted).max() < 0.004
    assert share_above(quantiles, np.array([0.0, 99.0])).tolist() == [1.0, 0.0]


def test_shares_of_the_known_names_are_uniform(language_model: LanguageModel) -> None:
    """By Kolmogorov and Smirnov's distance."""
    known = sorted(set(names(3, 6_000)))
    quantiles = quantiles_of(language_model, known, ABC)
    assert quantiles is not None
    shares = np.sort(share_above(quantiles, np.array(losses_of(language_model, known))))
    assert np.abs(shares - np.arange(len(shares)) / len(shares)).max() < 0.01


@pytest.mark.parametrize("held_out", [[], ["b", "cab", "cc", "xx"]])
def test_a_version_keeps_those_of_the_names_held_out_or_else_of_its_list(
    model: Checkpoint, language_model: LanguageModel, held_out: list[str]
) -> None:
    listed = names(4, 50)
    entry = contents(checkpoint.dumps(model), listed, None, held_out=held_out).manifest[LOSS_QUANTILES]
    expected = quantiles_of(language_model, held_out or listed, ABC)
    kept = parse_quantiles(entry)
    assert expected is not None
    assert kept is not None
    assert np.array_equal(kept, expected)


def test_without_names_there_is_nothing_to_compare_with(model: Checkpoint, language_model: LanguageModel) -> None:
    assert loss_quantiles(language_model, Names.of([])) is None
    assert LOSS_QUANTILES not in contents(checkpoint.dumps(model), None, None).manifest


@pytest.mark.parametrize(
    "entry", [None, 1, [], [1.0] * 1000, ["1.0"] * 1001, [float("nan")] * 1001, [*[1.0] * 1000, 0.5]]
)
def test_what_is_not_such_an_entry_counts_as_none(entry: object) -> None:
    assert parse_quantiles(entry) is None
    assert parse_quantiles([0.25] * 1001) is not None
