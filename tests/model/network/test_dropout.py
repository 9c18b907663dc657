"""Layers that forget in training: how much, that it is made up for or is meant, and that it can be repeated."""

from typing import Any

import pytest
import torch
from torch import Tensor

from model.compiler.compile_model import compile_model
from model.network import checkpoint
from model.network.checkpoint import Checkpoint
from model.network.folding import fold
from model.network.layers import Dropout, SymbolDropout
from model.network.stack import Stack
from model.sampling.language_model import LanguageModel
from model.text.vocabulary import Vocabulary
from model.transitions.shaping import ShapeSettings
from training.recipe.stacks import forgetful_stack, forgetful_wide_stack, tanh_stack

COUNT = 200_000


def drawing(layer: Dropout | SymbolDropout, seed: int = 1) -> Dropout | SymbolDropout:
    layer.generator = torch.Generator().manual_seed(seed)
    return layer


def assert_share(found: Tensor, chance: float) -> None:
    """Within five standard errors of `COUNT` draws."""
    assert float(found.double().mean()) == pytest.approx(chance, abs=1e-9 + 5 * (chance * (1 - chance) / COUNT) ** 0.5)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9])
def test_each_number_is_dropped_with_probability_p_and_the_others_make_up_for_it(p: float) -> None:
    x = torch.full((COUNT // 10, 10), 3.0)
    out = drawing(Dropout(p))(x)
    assert_share(out == 0, p)
    torch.testing.assert_close(out[out != 0], torch.full_like(out[out != 0], 3 / (1 - p)))


@pytest.mark.parametrize(("p", "block_size"), [(0.1, 1), (0.1, 3), (0.3, 8), (0.6, 3)])
def test_symbols_are_forgotten_whole_and_far_ones_more_often(p: float, block_size: int) -> None:
    out = drawing(SymbolDropout(p))(torch.ones(COUNT, block_size, 2))
    assert torch.equal(out[..., 0], out[..., 1])
    for place in range(block_size):
        distance = block_size - place
        assert_share(out[:, place, 0] == 0, min(0.8, 2 * p * distance / block_size))
    assert bool(((out == 0) | (out == 1)).all())  # nothing is scaled


def test_symbols_are_forgotten_independently() -> None:
    out = drawing(SymbolDropout(0.3))(torch.ones(COUNT, 2, 1))[..., 0] == 0
    assert_share(out.all(1), 0.6 * 0.3)


@pytest.mark.parametrize("layer", [Dropout(0.5), SymbolDropout(0.5)], ids=repr)
def test_evaluation_forgets_nothing_and_needs_no_generator(layer: Dropout | SymbolDropout) -> None:
    x = torch.ones(4, 3, 2)
    layer.generator = None
    layer.train(False)
    assert torch.equal(layer(x), x)
    layer.train()
    with pytest.raises(ValueError, match="give the stack a generator with draw_from"):
        layer(x)


@pytest.mark.parametrize("layer", [Dropout(0.5), SymbolDropout(0.3)], ids=repr)
def test_a_seed_forgets_the_same_again_and_the_global_state_has_no_part(layer: Dropout | SymbolDropout) -> None:
    x = torch.ones(50, 3, 2)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = drawing(layer, 7)(x)
    assert not torch.equal(layer(x), first)
    torch.manual_seed(2)
    assert torch.equal(drawing(layer, 7)(x), first)
    assert not torch.equal(drawing(layer, 8)(x), first)
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5, float("nan")])
@pytest.mark.parametrize("kind", [Dropout, SymbolDropout])
def test_what_is_no_probability_below_1_is_refused(p: float, kind: type[Dropout] | type[SymbolDropout]) -> None:
    with pytest.raises(ValueError, match="not a probability below 1"):
        kind(p)


def test_gradients_come_back_through_what_was_kept_alone() -> None:
    x = torch.ones(100, 4, requires_grad=True)
    out = drawing(Dropout(0.5))(x)
    gradient = torch.autograd.grad(out.sum(), x)[0]
    assert torch.equal(gradient, out.detach())  # 2 where it was kept, else 0


VOCABULARY = Vocabulary.from_names(["abcdefg"])


def forgetful(description: list[dict[str, Any]]) -> Stack:
    stack = Stack.build(description)
    stack.reset_parameters(torch.Generator().manual_seed(1))
    return stack.eval()


def test_dropout_of_nothing_is_built_kept_and_changes_nothing() -> None:
    description = tanh_stack(VOCABULARY.size, 3, dim=4, width=8)
    idle = [*description[:-1], {"type": "Dropout", "p": 0.0}, {"type": "SymbolDropout", "p": 0}, description[-1]]
    idle.insert(1, idle.pop(-2))  # symbols are forgotten before they are one vector
    kept = checkpoint.loads(checkpoint.dumps(Checkpoint(forgetful(idle), 3, VOCABULARY))).stack
    contexts = torch.randint(VOCABULARY.size, (20, 3), generator=torch.Generator().manual_seed(2))
    assert [entry for entry in kept.describe() if "p" in entry] == [entry for entry in idle if "p" in entry]
    assert torch.equal(kept.train().draw_from(torch.Generator())(contexts), forgetful(description).train()(contexts))


@pytest.mark.parametrize("made", [forgetful_stack, forgetful_wide_stack])
def test_a_stack_that_forgets_is_described_kept_and_folded(made: Any) -> None:
    stack = forgetful(made(VOCABULARY.size, 3, dim=4, width=8))
    kept = checkpoint.loads(checkpoint.dumps(Checkpoint(stack, 3, VOCABULARY))).stack
    assert kept.describe() == stack.describe()
    contexts = torch.randint(VOCABULARY.size, (20, 3), generator=torch.Generator().manual_seed(2))
    assert torch.equal(kept(contexts), stack(contexts))
    folded = fold(kept)
    assert not any(isinstance(layer, Dropout | SymbolDropout) for layer in folded.layers)
    assert type(folded.layers[0]).__name__ == "PositionTables"
    torch.testing.assert_close(folded(contexts), stack(contexts), rtol=1e-5, atol=1e-5)


def test_a_copy_of_a_stack_draws_from_what_it_is_given() -> None:
    stack = forgetful(forgetful_stack(VOCABULARY.size, 3, dim=4, width=8)).train()
    contexts = torch.zeros(5, 3, dtype=torch.long)
    with pytest.raises(ValueError, match="draw_from"):
        stack(contexts)
    first = stack.draw_from(torch.Generator().manual_seed(1))(contexts)
    assert torch.equal(stack.to().draw_from(torch.Generator().manual_seed(1))(contexts), first)


def test_a_language_model_gives_names_of_such_a_network() -> None:
    model = Checkpoint(forgetful(forgetful_wide_stack(VOCABULARY.size, 2, dim=4, width=8)), 2, VOCABULARY)
    expected = torch.softmax(model.stack.to(dtype=torch.float64)(torch.tensor([[0, 3]])), 1)[0]
    language_model = LanguageModel(compile_model(model, None))
    assert sum(len(some.decode(VOCABULARY)) for some in language_model.sampler(ShapeSettings(), []).draw(0, 5)) == 5
    found = torch.as_tensor(language_model.next_probabilities([3], ShapeSettings())).double()
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)
