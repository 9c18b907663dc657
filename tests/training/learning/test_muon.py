"""Updates of Muon, beside torch's own and beside the singular value decomposition."""

import pytest
import torch

from training.learning.muon import Muon, orthogonal

SHAPES = [(6, 6), (9, 4), (4, 9)]


@pytest.mark.parametrize("shape", SHAPES)
def test_an_orthogonal_matrix_keeps_the_singular_vectors_and_evens_the_values(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    between = u.T @ orthogonal(matrix) @ v.T
    assert torch.allclose(between, torch.diag(between.diagonal()), atol=1e-4)
    assert ((between.diagonal() > 0.6) & (between.diagonal() < 1.3)).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_it_steps_as_torchs_own_does_but_for_the_rounding_of_that_one(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(2)
    start = torch.randn(shape, generator=generator)
    mine, its = start.clone(), start.clone()
    ours, theirs = Muon([mine], lr=0.1), torch.optim.Muon([its], lr=0.1, weight_decay=0.0)
    for _ in range(3):
        mine.grad = torch.randn(shape, generator=generator)
        its.grad = mine.grad.clone()
        ours.step()
        theirs.step()  # type: ignore[no-untyped-call]
        averages = [optimizer.state[w]["momentum_buffer"] for optimizer, w in ((ours, mine), (theirs, its))]
        torch.testing.assert_close(*averages, rtol=1e-6, atol=1e-6)
    assert torch.allclose(mine, its, atol=0.02)
    assert not torch.allclose(mine, start, atol=0.05)


def test_a_matrix_without_a_gradient_stays() -> None:
    weight = torch.ones(2, 2)
    Muon([weight], lr=0.1).step()
    assert torch.equal(weight, torch.ones(2, 2))
