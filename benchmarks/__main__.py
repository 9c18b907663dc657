"""`scripts/bench [--quick] [NAME ...]`: runs the benchmarks named, or all of them, and prints Markdown."""

import argparse
from collections.abc import Callable

from benchmarks import machine


def main() -> None:
    benchmarks = {"training": _training, "sampling": _sampling, "http": _http, "models": _models}
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(benchmarks)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="a short trial: its figures mean little")
    arguments = parser.parse_args()
    names = arguments.names or list(benchmarks)
    if unknown := [name for name in names if name not in benchmarks]:
        parser.error(f"no benchmark {unknown[0]!r}; there are: {', '.join(benchmarks)}")
    chosen: list[tuple[str, Callable[[bool], None]]] = [(name, benchmarks[name]) for name in names]
    machine.describe()
    for name, benchmark in chosen:
        print(f"\n## {name}{' (a short trial)' if arguments.quick else ''}")
        benchmark(arguments.quick)


def _training(quick: bool) -> None:  # noqa: ARG001
    from benchmarks import training

    training.main()


def _sampling(quick: bool) -> None:
    from benchmarks import in_process

    in_process.main(quick)


def _http(quick: bool) -> None:
    from benchmarks import over_http  # does without PyTorch, as the service does

    over_http.main(quick)


def _models(quick: bool) -> None:  # noqa: ARG001
    from benchmarks import further_models

    further_models.main()


main()
