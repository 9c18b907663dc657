"""The usual stack and the presets."""

import json

import pytest
import torch

from model.network.stack import Stack
from training.recipe.presets import PRESETS, Layers, override, suited
from training.recipe.stacks import forgetful_stack, forgetful_wide_stack, tanh_stack, wide_stack


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
    assert {"classic", "fast", "careful", "standard", "best"} <= PRESETS.keys()


def test_the_classic_preset_is_the_lecture_loop() -> None:
    classic = PRESETS["classic"]
    assert (classic.optimizer, classic.learning_rate, classic.batch_size, classic.steps) == ("sgd", 0.1, 32, 200_000)


def test_an_override_changes_what_it_names_and_keeps_the_share_of_evaluations() -> None:
    changed = override(PRESETS["classic"], 2_000, 64, 0.5)
    assert (changed.steps, changed.batch_size, changed.learning_rate) == (2_000, 64, 0.5)
    assert changed.evaluate_every == 100
    assert override(PRESETS["fast"], None, None, None) == PRESETS["fast"]
    assert override(PRESETS["classic"], 1, None, None).evaluate_every == 1


def test_a_short_list_gets_fewer_steps_of_what_is_taught_and_no_others() -> None:
    for name, preset in PRESETS.items():
        assert suited(preset, 150_000) == preset
        short = suited(preset, 1_500)
        if preset.teaching is None:
            assert short == preset
        else:
            assert short.steps == pytest.approx(preset.steps / 10, abs=1), name
            assert short.teaching is not None
            assert short.teaching.preset.steps == pytest.approx(preset.teaching.preset.steps / 10, abs=1)
            assert suited(preset, 1).steps == pytest.approx(preset.steps / 20, abs=1)


def test_another_learning_rate_keeps_the_rate_of_matrices_in_proportion() -> None:
    fast = PRESETS["fast"]
    changed = override(fast, None, None, 3 * fast.learning_rate)
    assert changed.matrix_rate == pytest.approx(3 * fast.matrix_rate)
    assert override(PRESETS["classic"], None, None, 0.5).matrix_rate == 0.0


@pytest.mark.parametrize("made", [wide_stack, forgetful_stack, forgetful_wide_stack])
def test_the_stacks_of_the_other_presets_fit_what_they_are_made_for(made: Layers) -> None:
    for symbols, block_size in ((27, 8), (5, 1), (120, 3)):
        Stack.build(made(symbols, block_size)).check_shapes(block_size, symbols)
        small = Stack.build(made(symbols, block_size, dim=2, width=4))
        small.check_shapes(block_size, symbols)


def test_the_facts_of_a_preset_that_is_taught_tell_of_its_teachers() -> None:
    best = PRESETS["best"]
    assert best.teaching is not None
    facts = json.loads(json.dumps(best.facts()))
    assert facts["targets"] == "taught"
    assert facts["matrix_rate"] == best.matrix_rate
    assert facts["teaching"]["networks"] == best.teaching.networks
    assert facts["teaching"]["each"]["steps"] == best.teaching.preset.steps
    assert best.teaching.steps == best.teaching.networks * best.teaching.preset.steps
    assert "teaching" not in PRESETS["fast"].facts()
    assert "matrix_rate" not in PRESETS["classic"].facts()
