"""`train-all`: one published model for each list of a folder."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from model.errors import NamesmithError
from model.reading.asked import Asked
from model.store import store
from model.store.store import Store
from training.commands.train_options import (
    BatchSizeOption,
    BlockSizeOption,
    ContextsOption,
    LearningRateOption,
    MarginOption,
    PresetOption,
    SeedOption,
    StepsOption,
    name_from,
)
from training.console.console import err, out
from training.console.device import Device, DeviceOption, chosen_device
from training.console.interruptions import interruptible
from training.console.list_options import reading_a_list
from training.console.on_cluster import ClusterOption, CpusOption, on_cluster, spread_over
from training.console.options import SkipOption, SplitOption, StoreOption, check_store, check_writable, current_version
from training.console.tables import number
from training.data.read_list import read_names
from training.data.splits import SplitRule
from training.gate.checks import GateRefusedError
from training.recipe.defaults import MARGIN
from training.recipe.presets import PRESETS, override, suited

if TYPE_CHECKING:
    from training.search.collection import Outcome


@reading_a_list
def train_all(
    asked: Asked,
    folder: Annotated[Path, typer.Argument(help="Folder of lists: files that end in .txt, .csv and the like.")],
    preset: PresetOption = "standard",
    store_dir: StoreOption = store.OWN,
    seed: SeedOption = 1,
    device: DeviceOption = Device.auto,
    split: SplitOption = SplitRule.NAMES,
    margin: MarginOption = MARGIN,
    block_size: BlockSizeOption = None,
    steps: StepsOption = None,
    batch_size: BatchSizeOption = None,
    learning_rate: LearningRateOption = None,
    contexts: ContextsOption = None,
    skip_bad_lines: SkipOption = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the outcomes to this file.")] = None,
    cluster: ClusterOption = None,
    cpus: CpusOption = 1,
) -> None:
    """Train on each list of a folder and publish each model under the name of its file.

    If a list fails, or the gate refuses its model, the reason is shown and the other lists go on. Models that the
    store already holds for the same list and settings stay as they are.
    """
    check_writable(json_file)
    check_store(store_dir)
    from training.run.run import Config
    from training.search.collection import Collection, lists_in  # PyTorch, for this command alone

    collection = Collection(
        lists_in(folder, name_from),
        Store(store_dir),
        Config(
            preset=PRESETS[preset],
            seed=seed,
            split=split,
            block_size=block_size,
            device=chosen_device(device),
            contexts=contexts,
        ),
        margin,
        read=lambda path: read_names(path, None, asked, skip_bad_lines),
        current=lambda model: current_version(model, store_dir),
        preset=lambda names: override(suited(PRESETS[preset], names.characters), steps, batch_size, learning_rate),
        threads=None if cluster is None else cpus,
    )
    outcomes = _Outcomes(len(collection.lists))
    with on_cluster(cluster, cpus), interruptible(outcomes.interrupted):
        collection.train(spread_over(cluster, cpus, collection.config.device), outcomes.add)
    out.print(outcomes.table())
    if json_file:
        found = [asdict(outcome) for outcome in outcomes.sorted()]
        json_file.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    outcomes.check()


@dataclass
class _Outcomes:
    """What became of the lists so far."""

    lists: int
    done: "list[Outcome]" = field(default_factory=list)

    def add(self, outcome: "Outcome") -> None:
        self.done.append(outcome)
        where = f"{len(self.done)} of {self.lists}: {escape(outcome.file)}"
        if outcome.reason is None:
            out.print(f"{where}: {outcome.fate}, digest {(outcome.digest or '')[:12]}")
        else:
            err.print(f"[yellow]{where}: {outcome.fate}:[/] {escape(outcome.reason)}")

    def sorted(self) -> "list[Outcome]":
        return sorted(self.done, key=lambda outcome: outcome.model)

    def table(self) -> Table:
        table = Table(title=f"{self.lists:,} list{'' if self.lists == 1 else 's'}", title_justify="left")
        for column in ("list", "model", "", "digest", "dev loss", "seconds"):
            table.add_column(column, no_wrap=True, justify="right" if column in ("dev loss", "seconds") else "left")
        for found in self.sorted():
            losses = (number(found.dev_loss), number(found.seconds, ".1f"))
            table.add_row(escape(found.file), found.model, found.fate, (found.digest or "-")[:12], *losses)
        return table

    def interrupted(self) -> str:
        return f"interrupted after {len(self.done)} of {self.lists} lists; models already published stay"

    def check(self) -> None:
        """Raises NamesmithError, GateRefusedError where nothing else went wrong, unless each list has its model."""
        from training.search.collection import Fate

        count: Callable[[Fate], int] = [outcome.fate for outcome in self.done].count
        failed, refused = count(Fate.FAILED), count(Fate.REFUSED)
        if failed or refused:
            kind = NamesmithError if failed else GateRefusedError
            raise kind(
                f"{failed + refused} of {self.lists} lists were not published ({failed} failed, {refused} refused)"
            )
