"""Names a second in one process, beside other ways to have names; then what constraints cost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch

from benchmarks.sampling import constraints, libraries, torch_loop
from benchmarks.sampling.memory import peak_mib
from benchmarks.tools.served import Served
from benchmarks.tools.tables import print_table, quantity
from benchmarks.tools.timing import rate
from model.sampling.sampler import Sampler

_THREADS = (1, 2)
_BATCH = 10_000
_SEED = 1


def main(quick: bool) -> None:
    served = Served()
    _print_rates(served, quick)
    constraints.main(served, quick)
    _print_memory()


def _print_rates(served: Served, quick: bool) -> None:
    count, few, rounds = (200_000, 100, 2) if quick else (1_000_000, 1_000, 5)
    sampler = served.sampler()
    drawn = [rate(count, partial(_draw, sampler, count, n), rounds) for n in _THREADS]
    texts = [rate(count, partial(_draw, sampler, count, n, served.render), rounds) for n in _THREADS]
    found: list[tuple[str, list[float]]] = [
        (f"namesmith: {count:,} names drawn, as arrays", drawn),
        (f"namesmith: {count:,} names drawn and rendered", texts),
    ]
    found += _of_torch(few, rounds)
    found += _of_libraries(served, _BATCH, rounds)
    rows = [
        [name, quantity(rates[0]), quantity(rates[1] if len(rates) > 1 else None), f"{texts[0] / rates[0]:,.1f}"]
        for name, rates in found
    ]
    columns = ["in process", "names/s, 1 thread", "2 threads", "namesmith rendered / this, 1 thread"]
    print_table("Names a second, no constraints:", columns, rows)


def _draw(sampler: Sampler, count: int, threads: int, use: Callable[..., object] | None = None) -> None:
    """Each thread has its own range of indices."""
    share = count // threads

    def work(first: int) -> None:
        for names in sampler.draw(_SEED, share, first):
            if use is not None:
                use(names)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(0, share * threads, share)))


def _of_torch(few: int, rounds: int) -> list[tuple[str, list[float]]]:
    checkpoint, generator = torch_loop.bundled(), torch.Generator().manual_seed(_SEED)
    usual = torch.get_num_threads()
    batched, single = [], []
    for threads in _THREADS:
        torch.set_num_threads(threads)
        batched.append(rate(_BATCH, lambda: torch_loop.batched(checkpoint, _BATCH, generator), rounds))
        single.append(rate(few, lambda: torch_loop.one_by_one(checkpoint, few, generator), rounds))
    torch.set_num_threads(usual)
    return [
        (f"torch, network called for each character, {_BATCH:,} names at once", batched),
        ("torch, network called for each character, a name at a time", single),
    ]


def _of_libraries(served: Served, count: int, rounds: int) -> list[tuple[str, list[float]]]:
    letters = served.model.version.header.block_size
    found = []
    if (first_name := libraries.faker()) is not None:
        found.append((f"{libraries.label('faker')}: `first_name`", [rate(count, lambda: first_name(count), rounds)]))
    if (walk := libraries.markovify(served.training_names, letters)) is not None:
        name = f"{libraries.label('markovify')}: chain over {letters} letters, the same list"
        found.append((name, [rate(count, lambda: walk(count), rounds)]))
    return found


def _print_memory() -> None:
    counts = (100_000, 1_000_000)
    few, many = (peak_mib(count) for count in counts)
    if few is None or many is None:
        print("\nPeak memory is read from /proc, which is not here.")
        return
    rows = [[f"{counts[0]:,}", f"{few:.1f}"], [f"{counts[1]:,}", f"{many:.1f}"]]
    rows.append(["growth (goal: none)", f"{many - few:+.1f}"])
    print_table("Peak memory of a process that draws and renders names chunk by chunk:", ["names", "MiB"], rows)
