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
_FEW_NAMES = 200
"""Distinct ones. With so few, half of the names outside a list have a pair of letters that it never has."""
_FAR_ABOVE = 0.5
"""Nats a character: a list of 1,000 first names leads to 0.7, one of 32,000 to 0.2."""


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


def warn_of_a_short_list(names: NameList, losses: "Losses") -> None:
    """Says where the model knows its list far better than other names, and what helps."""
    gap = 0.0 if losses.dev is None else losses.dev - losses.train
    if len(names.distinct) >= _FEW_NAMES and gap <= _FAR_ABOVE:
        return
    few = [f"the list has fewer than {_FEW_NAMES} distinct names"] * (len(names.distinct) < _FEW_NAMES)
    far = [f"the dev loss is {gap:.2f} above the train loss"] * (gap > _FAR_ABOVE)
    err.print(
        f"[yellow]{' and '.join((*few, *far))}: the model knows its list far better than other names, and will join "
        "letters that no name of the list joins. More names help; so does drawing at a temperature of 0.6 or so[/]"
    )


def print_served(result: "Result") -> None:
    """How many contexts are served, and what the network alone would reach, where that is something else."""
    contexts = f"served as {len(result.transitions):,} contexts"
    if result.network_losses is None:
        out.print(contexts)
        return
    losses = result.network_losses
    held_out = "" if losses.dev is None or losses.test is None else f", dev {losses.dev:.4f}, test {losses.test:.4f}"
    out.print(f"{contexts}; the network alone: train {losses.train:.4f}{held_out}")
