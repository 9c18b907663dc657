"""What a trained model brings into the store."""

from pathlib import Path

import numpy as np
import pytest

from model.measures.percentiles import LOSS_QUANTILES, quantiles_of
from model.sampling.language_model import LanguageModel
from model.store.store import Store
from training.data.read_list import NameList
from training.data.splits import split
from training.gate.submission import trained
from training.recipe.presets import Preset
from training.run.run import Config


@pytest.mark.usefixtures("_pictures")
def test_a_version_knows_the_losses_of_the_names_that_were_held_out(
    tiny: NameList, quick: Preset, tmp_path: Path
) -> None:
    config = Config(quick)
    trained("x", tiny, config, None, 0.1).publish(Store(tmp_path), tiny.distinct)
    version = Store(tmp_path).load("x")
    parts = split(tiny.names, config.split)
    held_out = [tiny.names[i] for i in (*parts.dev, *parts.test)]
    assert held_out
    language_model = LanguageModel(version.transitions)
    expected = quantiles_of(language_model, held_out, version.checkpoint.vocabulary)
    assert expected is not None
    assert np.array_equal(version.manifest[LOSS_QUANTILES], expected)
