"""The obvious sampler: a forward pass of the network and a draw for each character."""

import torch

from model.network.checkpoint import Checkpoint
from model.store import store
from model.store.store import Store
from model.text.vocabulary import BOUNDARY, MAX_NAME_LENGTH


def bundled() -> Checkpoint:
    checkpoint = Store(store.BUNDLED).load("us-names").checkpoint
    checkpoint.stack.eval()
    return checkpoint


@torch.no_grad()
def one_by_one(checkpoint: Checkpoint, count: int, generator: torch.Generator) -> list[str]:
    """One name after the other."""
    names = []
    for _ in range(count):
        context, symbols = [BOUNDARY] * checkpoint.block_size, list[int]()
        while len(symbols) < MAX_NAME_LENGTH:
            probabilities = torch.softmax(checkpoint.stack(torch.tensor([context])), dim=1)
            symbol = int(torch.multinomial(probabilities, 1, generator=generator))
            if symbol == BOUNDARY:
                break
            symbols.append(symbol)
            context = [*context[1:], symbol]
        names.append(checkpoint.vocabulary.decode(symbols))
    return names


@torch.no_grad()
def batched(checkpoint: Checkpoint, count: int, generator: torch.Generator) -> list[str]:
    """All names at once, those that have ended left out of the next pass."""
    contexts = torch.full((count, checkpoint.block_size), BOUNDARY)
    alive = torch.arange(count)
    drawn = torch.full((count, MAX_NAME_LENGTH), BOUNDARY)
    for position in range(MAX_NAME_LENGTH):
        probabilities = torch.softmax(checkpoint.stack(contexts), dim=1)
        symbols = torch.multinomial(probabilities, 1, generator=generator)
        drawn[alive, position] = symbols[:, 0]
        going_on = symbols[:, 0] != BOUNDARY
        contexts = torch.cat([contexts[:, 1:], symbols], dim=1)[going_on]
        alive = alive[going_on]
        if not len(alive):
            break
    letters = ["", *checkpoint.vocabulary.letters]
    return ["".join(letters[symbol] for symbol in row) for row in drawn.tolist()]
