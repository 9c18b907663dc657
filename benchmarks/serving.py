"""Names a second in process, from the table and from the network called for each character."""

import time
from collections.abc import Callable

import torch

from model import store
from model.checkpoint import Checkpoint
from model.sampling import Sampler
from model.shaping import Settings
from model.store import Store
from model.tabulation import compile_table
from model.vocabulary import BOUNDARY

_TABLE_NAMES = 200_000
_NETWORK_NAMES = 200
_MAX_LENGTH = 64


def main() -> None:
    checkpoint = Store(store.BUNDLED).load("us-names").checkpoint
    began = time.perf_counter()
    sampler = Sampler(compile_table(checkpoint), Settings())
    print(f"table and sampler ready after {time.perf_counter() - began:.2f} s")
    table = _rate(
        _TABLE_NAMES, lambda: [draws.decode(checkpoint.vocabulary) for draws in sampler.draw(1, _TABLE_NAMES)]
    )
    network = _rate(_NETWORK_NAMES, lambda: _one_by_one(checkpoint, _NETWORK_NAMES))
    print("| in process | names/s |\n|---|---|")
    print(f"| network called for each character | {network:,.0f} |")
    print(f"| table, {_TABLE_NAMES:,} names | {table:,.0f} |")
    print(f"ratio {table / network:,.0f}")


def _rate(count: int, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


@torch.no_grad()
def _one_by_one(checkpoint: Checkpoint, count: int) -> list[str]:
    """The obvious sampler: a forward pass and a draw for each character."""
    generator = torch.Generator().manual_seed(1)
    names = []
    for _ in range(count):
        context, symbols = [BOUNDARY] * checkpoint.block_size, list[int]()
        while len(symbols) < _MAX_LENGTH:
            probabilities = torch.softmax(checkpoint.stack(torch.tensor([context])), dim=1)
            symbol = int(torch.multinomial(probabilities, 1, generator=generator))
            if symbol == BOUNDARY:
                break
            symbols.append(symbol)
            context = [*context[1:], symbol]
        names.append(checkpoint.vocabulary.decode(symbols))
    return names
