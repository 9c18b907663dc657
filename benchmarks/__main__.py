"""`scripts/bench [NAME ...]`: runs the benchmarks named, or all of them."""

import platform
import sys

import torch

from benchmarks import serving, training

BENCHMARKS = {"training": training.main, "serving": serving.main}


def main() -> None:
    names = sys.argv[1:] or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        print(f"error: no benchmark {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        sys.exit(2)
    print(
        f"{platform.machine()}, {torch.get_num_threads()} threads, Python {platform.python_version()}, "
        f"torch {torch.__version__}"
    )
    for name in names:
        print(f"\n## {name}")
        BENCHMARKS[name]()


main()
