"""`scripts/bench [--quick] [NAME ...]`: runs the benchmarks named, or all of them, and prints Markdown."""

import argparse
from collections.abc import Callable

from benchmarks.tools import machine


def main() -> None:
    benchmarks = {
        "training": _training,
        "sampling": _sampling,
        "http": _http,
        "models": _models,
        "files": _files,
        "capacity": _capacity,
    }
    on_request = {"recipes": _recipes, "cluster": _cluster, "lists": _lists, "names": _names}
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(benchmarks)} (default: all), or {', '.join(on_request)}"
    )
    parser.add_argument("--quick", action="store_true", help="a short trial: its figures mean little")
    arguments = parser.parse_args()
    names = arguments.names or list(benchmarks)
    known: dict[str, Callable[[bool], None]] = {**benchmarks, **on_request}
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no benchmark {unknown[0]!r}; there are: {', '.join(known)}")
    chosen = [(name, known[name]) for name in names]
    machine.describe()
    for name, benchmark in chosen:
        print(f"\n## {name}{' (a short trial)' if arguments.quick else ''}")
        benchmark(arguments.quick)


def _training(quick: bool) -> None:
    from benchmarks.training import presets

    presets.main(quick)


def _recipes(quick: bool) -> None:
    from benchmarks.training import recipes

    recipes.main(quick)


def _sampling(quick: bool) -> None:
    from benchmarks.sampling import in_process

    in_process.main(quick)


def _http(quick: bool) -> None:
    from benchmarks.http import over_http  # does without PyTorch, as the service does

    over_http.main(quick)


def _models(quick: bool) -> None:  # noqa: ARG001
    from benchmarks.http import further_models

    further_models.main()


def _cluster(quick: bool) -> None:
    from benchmarks.scale import cluster  # needs Ray

    cluster.main(quick)


def _lists(quick: bool) -> None:
    from benchmarks.training import large_lists

    large_lists.main(quick)


def _names(quick: bool) -> None:
    from benchmarks.training import drawn_names

    drawn_names.main(quick)


def _files(quick: bool) -> None:
    from benchmarks.scale import files

    files.main(quick)


def _capacity(quick: bool) -> None:
    from benchmarks.scale import capacity

    capacity.main(quick)


main()
