"""The same list and seed give the same bytes, whatever else the machine does meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from model.network.layers import Embedding
from tests.training.conftest import hurried
from training.data.read_list import NameList, read_names
from training.recipe.presets import PRESETS
from training.run.run import Config, fit

LIST = Path(__file__).resolve().parents[3] / "data" / "us-names.csv"


@pytest.fixture(autouse=True)
def _several_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(threads)


def test_an_embedding_s_gradient_is_summed_in_a_fixed_order() -> None:
    """Many rows share a symbol; sums in the order in which threads arrive would differ in the last bits."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, 27, (20_000, 3), generator=generator)
    weights = torch.randn(20_000, 3, 10, generator=generator)

    def gradient() -> torch.Tensor:
        layer = Embedding(27, 10)
        layer.reset_parameters(torch.Generator().manual_seed(1))
        layer.weight.requires_grad_()
        (layer(ids) * weights).sum().backward()  # type: ignore[no-untyped-call]
        assert layer.weight.grad is not None
        return layer.weight.grad

    first = gradient()
    assert all(torch.equal(first, gradient()) for _ in range(10))


@pytest.mark.parametrize("preset", PRESETS)
def test_two_runs_on_real_data_have_one_digest(preset: str) -> None:
    everything = read_names(LIST)
    count = 2_000 if preset == "best" else 20_000  # of whose long contexts there are many
    some = NameList(everything.names[:count], everything.weights[:count], "some.csv")
    config = Config(hurried(preset, 6), block_size=PRESETS[preset].block_size)
    assert fit(some, config).digest == fit(some, config).digest
