"""Where the commands print: results to standard output, warnings and errors to standard error."""

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from training.data.read_list import NameList
from training.data.splits import MIN_TO_HOLD_OUT

if TYPE_CHECKING:
    from training.data.counted_list import Losses
    from training.run.run import Result

out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def print_list(names: NameList) -> None:
    form = "" if names.layout is None else f", {names.layout}"
    out.print(f"{len(names.names):,} names, {len(names.distinct):,} distinct, from {escape(names.source + form)}")
    if names.empty_lines:
        out.print(f"{names.empty_lines:,} empty line{'' if names.empty_lines == 1 else 's'} skipped")
    for line in names.skipped[:5]:
        err.print(f"[yellow]left out[/] {escape(line)}")
    if len(names.skipped) > 5:
        err.print(f"[yellow]left out[/] {len(names.skipped) - 5:,} more lines")


def print_losses(losses: "Losses") -> None:
    out.print(f"train loss {losses.train:.4f}")
    if losses.dev is None or losses.test is None:
        err.print(
            f"[yellow]the list is too small to hold names out ({MIN_TO_HOLD_OUT} distinct ones are needed): there is "
            "no dev or test loss. The gate cannot judge how the model does on names that it has not seen, and "
            "`evaluate` cannot compare with counting[/]"
        )
    else:
        out.print(f"dev loss   {losses.dev:.4f}\ntest loss  {losses.test:.4f}")


def print_served(result: "Result") -> None:
    """How many contexts are served, and what the network alone would reach, where that is something else."""
    contexts = f"served as {len(result.transitions):,} contexts"
    if result.network_losses is None:
        out.print(contexts)
        return
    losses = result.network_losses
    held_out = "" if losses.dev is None or losses.test is None else f", dev {losses.dev:.4f}, test {losses.test:.4f}"
    out.print(f"{contexts}; the network alone: train {losses.train:.4f}{held_out}")
