"""What every test shares."""

from collections.abc import Iterator

import pytest
import torch

SLOW = {
    "browser", "cluster", "reliability",
    "test_bundled_models.py", "test_commands.py", "test_compilation.py", "test_determinism.py", "test_docker.py",
    "test_end_to_end.py", "test_four_runs.py", "test_interruptions.py", "test_large_alphabets.py", "test_leaks.py",
    "test_parallel.py", "test_supply_chain.py", "test_without_ray.py",
}  # fmt: skip
"""Folders and files whose tests are slow by nature: browsers, clusters, containers, soaks, whole trainings.
`scripts/test` leaves them out, `scripts/test --all` does not."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if SLOW.intersection(item.path.relative_to(config.rootpath).parts):
            item.add_marker("slow")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Networks this small are slower with more, and far slower where tests run side by side."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
