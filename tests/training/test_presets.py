"""The usual stack and the presets."""

import json

import pytest
import torch

from model.stack import Stack
from training.presets import PRESETS, override
from training.stacks import tanh_stack


def test_the_usual_stack_has_47_024_parameters_for_27_symbols_and_three_characters() -> None:
    assert Stack.build(tanh_stack(27, 3), device="meta").parameter_count == 47_024


@pytest.mark.parametrize(("symbols", "block_size", "dim", "width"), [(27, 3, 10, 100), (5, 1, 2, 4), (120, 8, 24, 68)])
def test_the_usual_stack_fits_its_vocabulary_and_survives_a_round_trip_through_json(
    symbols: int, block_size: int, dim: int, width: int
) -> None:
    description = tanh_stack(symbols, block_size, dim, width)
    stack = Stack.build(json.loads(json.dumps(description)))
    stack.check_shapes(block_size, symbols)
    assert Stack.build(stack.describe()).describe() == stack.describe()
    for described, layer in zip(description, stack.describe(), strict=True):
        assert described.items() <= layer.items()
    assert stack.eval()(torch.zeros(2, block_size, dtype=torch.long)).shape == (2, symbols)


def test_presets_are_found_by_their_own_name() -> None:
    assert all(preset.name == name for name, preset in PRESETS.items())
    assert {"classic", "fast"} <= PRESETS.keys()


def test_the_classic_preset_is_the_lecture_loop() -> None:
    classic = PRESETS["classic"]
    assert (classic.optimizer, classic.learning_rate, classic.batch_size, classic.steps) == ("sgd", 0.1, 32, 200_000)


def test_an_override_changes_what_it_names_and_keeps_the_share_of_evaluations() -> None:
    changed = override(PRESETS["classic"], 2_000, 64, 0.5)
    assert (changed.steps, changed.batch_size, changed.learning_rate) == (2_000, 64, 0.5)
    assert changed.evaluate_every == 100
    assert override(PRESETS["fast"], None, None, None) == PRESETS["fast"]
    assert override(PRESETS["classic"], 1, None, None).evaluate_every == 1
