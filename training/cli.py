"""The command line of the training package: train, evaluate, publish, list."""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Never

import torch
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from model import checkpoint, header, store
from model.engines import engine_for
from model.errors import NamesmithError
from model.store import Store, check_name
from training.counted_list import Losses
from training.dataset import DataError, NameList, read_names
from training.evaluation import sample_quality
from training.gate import GateRefusedError, examine, require
from training.presets import PRESETS
from training.progress import training_progress
from training.run import Config, Result, fit, measure, override
from training.splits import SplitRule

FAILED, REFUSED = 1, 3

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Train, judge and publish name models.")
out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True, soft_wrap=True, highlight=False)


class Device(StrEnum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def _known_preset(value: str) -> str:
    if value not in PRESETS:
        raise typer.BadParameter(f"{value[:64]!r} is not one of {', '.join(PRESETS)}")
    return value


PresetOption = Annotated[str, typer.Option(callback=_known_preset, metavar="|".join(PRESETS), help="How to train.")]
StoreOption = Annotated[Path, typer.Option("--store", envvar="NAMESMITH_STORE", help="Directory of the store.")]
NameOption = Annotated[str | None, typer.Option("--name", help="Name of the model; the file's name if left out.")]
DataArgument = Annotated[Path, typer.Argument(help="Text file, one name a line, or CSV with a `name` column.")]
WeightOption = Annotated[str | None, typer.Option("--weight-column", help="CSV column that weighs each name.")]
SplitOption = Annotated[SplitRule, typer.Option("--split", help="By name, or line by line as in the lectures.")]
SkipOption = Annotated[bool, typer.Option("--skip-bad-lines", help="Leave out lines that cannot be used.")]


@app.command("train")
def train_command(
    data: DataArgument,
    name: NameOption = None,
    preset: PresetOption = "fast",
    store_dir: StoreOption = store.OWN,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of weights and batches.")] = 1,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.auto,
    split: SplitOption = SplitRule.NAMES,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result to this file.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Publish even if the gate refuses; recorded.")] = False,
    layers: Annotated[Path | None, typer.Option(help="JSON file: the list of layers to use instead.")] = None,
    block_size: Annotated[int, typer.Option(min=1, max=32, help="Characters of context.")] = 3,
    steps: Annotated[int | None, typer.Option(min=1, help="Instead of the preset's.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=2, help="Instead of the preset's.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=1e-9, max=1e6, help="Instead of the preset's.")] = None,
    weight_column: WeightOption = None,
    skip_bad_lines: SkipOption = False,
) -> None:
    """Train on a list of names and publish the model."""
    model_name = check_name(name if name is not None else _name_from(data))
    _check_writable(json_file)
    _check_store(store_dir)
    with _interruptible():
        names = read_names(data, weight_column=weight_column, skip_bad_lines=skip_bad_lines)
        config = Config(
            preset=override(PRESETS[preset], steps, batch_size, learning_rate),
            seed=seed,
            split=split,
            block_size=block_size,
            layers=None if layers is None else _read_layers(layers),
            device=_device(device),
        )
        _describe(names)
        with training_progress(out, config.preset.steps) as progress:
            result = fit(names, config, progress)
        _print_losses(result.losses)
        out.print(f"{result.parameters:,} parameters, {result.history.seconds:.1f} s of training")
        facts = {**result.facts(), **_pass_gate(result, force)}
        Store(store_dir).publish(model_name, result.data, names.distinct, facts)
    if json_file:
        json_file.write_text(json.dumps(_json_result(result, model_name), indent=2) + "\n", encoding="utf-8")
    out.print(f"published [bold]{model_name}[/], digest {result.digest[:12]}, to {escape(str(store_dir))}")


@app.command("evaluate")
def evaluate_command(
    name: Annotated[str, typer.Argument(help="Name of a published model.")],
    data: DataArgument,
    store_dir: StoreOption = store.OWN,
    digest: Annotated[str | None, typer.Option(help="A version other than the current one.")] = None,
    split: SplitOption = SplitRule.NAMES,
    weight_column: WeightOption = None,
    skip_bad_lines: SkipOption = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result to this file.")] = None,
) -> None:
    """Losses of a published model on a list, and the quality of what it generates."""
    _check_writable(json_file)
    version = _holding(name, store_dir).load(name, digest)
    normalization = version.checkpoint.vocabulary.normalization
    names = read_names(data, normalization, weight_column, skip_bad_lines)
    losses, baselines = measure(version.checkpoint, names, split)
    quality = sample_quality(engine_for(version.checkpoint), version.checkpoint.vocabulary, frozenset(names.names))
    _print_losses(losses)
    for part, reached in baselines.items():
        ways = ", ".join(f"{way.replace('_', '-')} {loss:.4f}" for way, loss in reached.items())
        out.print(f"{part} by counting: {ways}")
    out.print(f"of {quality.count:,} sampled names {quality.uniqueness:.1%} are distinct, {quality.novelty:.1%} new")
    if json_file:
        facts = {"digest": version.digest, **_loss_fields(losses), "baselines": baselines, "quality": asdict(quality)}
        json_file.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


@app.command("publish")
def publish_command(
    file: Annotated[Path, typer.Argument(help="A checkpoint file.")],
    name: Annotated[str, typer.Option("--name", help="Name of the model.")],
    data: Annotated[Path | None, typer.Option("--data", help="Its list, so that new names can be told.")] = None,
    store_dir: StoreOption = store.OWN,
) -> None:
    """Publish a checkpoint file and make it current."""
    content = header.read(file)
    model = checkpoint.load(file)
    names = None if data is None else read_names(data, model.vocabulary.normalization).distinct
    digest = Store(store_dir).publish(name, content, names, {"published_from": file.name})
    out.print(f"published [bold]{name}[/], digest {digest[:12]}, to {escape(str(store_dir))}")


@app.command("list")
def list_command(store_dir: StoreOption = store.OWN) -> None:
    """What the store holds, and the models that come with the repository."""
    for root in (store_dir, store.BUNDLED):
        shelf = Store(root)
        table = Table(title=escape(str(root)), title_justify="left")
        for column in ("model", "digest", "current", "published", "dev loss"):
            table.add_column(column, no_wrap=True)
        for name in shelf.names():
            for digest in shelf.digests(name):
                table.add_row(
                    name, digest[:12], "yes" if digest == shelf.current(name) else "", *_facts(shelf, name, digest)
                )
        out.print(table if table.rows else f"{escape(str(root))}: no models")


def _facts(shelf: Store, name: str, digest: str) -> tuple[str, str]:
    """When a version was published and its dev loss, as far as they are known."""
    try:
        version = shelf.load(name, digest)
    except NamesmithError:
        return "damaged", ""
    losses = version.checkpoint.facts.get("losses")
    dev = losses.get("dev") if isinstance(losses, dict) else None
    return str(version.manifest.get("published_at", "")), f"{dev:.4f}" if isinstance(dev, float) else ""


def main() -> None:
    """Runs the command line; every expected failure is one line and an exit code."""
    try:
        app()
    except GateRefusedError as error:
        _fail(str(error), REFUSED)
    except NamesmithError as error:
        _fail(str(error), FAILED)
    except OSError as error:
        _fail(f"{error.filename or 'input or output'}: {error.strerror}", FAILED)


def _fail(message: str, code: int) -> Never:
    err.print(f"[red]error:[/] {escape(message)}")
    sys.exit(code)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends a run with one line. Nothing is written before the store publishes, and that is atomic."""
    try:
        yield
    except KeyboardInterrupt:
        raise NamesmithError("interrupted; nothing was published") from None


def _pass_gate(result: Result, force: bool) -> dict[str, Any]:
    """What the manifest keeps of the gate. Raises GateRefusedError unless forced."""
    checks = examine(result)
    forced = False
    try:
        require(checks)
    except GateRefusedError:
        if not force:
            raise
        err.print("[yellow]the gate refused this model; published all the same (--force), and recorded[/]")
        forced = True
    return {"gate": [asdict(check) for check in checks], "forced": forced}


def _name_from(data: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "-", data.stem.lower()).strip("-") or "names"


def _holding(name: str, store_dir: Path) -> Store:
    own = Store(store_dir)
    return own if name in own.names() else Store(store.BUNDLED)


def _check_writable(file: Path | None) -> None:
    """Fails before minutes of training rather than after them."""
    if file is None:
        return
    target = file if file.exists() else file.parent
    if file.is_dir() or not file.parent.is_dir() or not os.access(target, os.W_OK):
        raise NamesmithError(f"cannot write {file}: choose a file in a directory that exists and can be written")


def _check_store(root: Path) -> None:
    """The same for the store, which need not exist yet."""
    there = next(path for path in (root, *root.resolve().parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise NamesmithError(f"cannot write to the store {root}: {there} is not a directory that can be written")


def _read_layers(path: Path) -> list[dict[str, Any]]:
    try:
        layers = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"cannot read the layer list {path}: {error}") from None
    if not (isinstance(layers, list) and all(isinstance(layer, dict) for layer in layers)):
        raise DataError(f'{path}: a layer list is a JSON array of objects such as {{"type": "Tanh"}}')
    return layers


def _device(device: Device) -> str:
    if device == Device.auto:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == Device.cuda and not torch.cuda.is_available():
        raise NamesmithError("no CUDA device is available; use --device cpu")
    return device.value


def _describe(names: NameList) -> None:
    out.print(f"{len(names.names):,} names, {len(names.distinct):,} distinct, from {escape(names.source)}")
    if names.empty_lines:
        out.print(f"{names.empty_lines:,} empty line{'' if names.empty_lines == 1 else 's'} passed over")
    for line in names.skipped[:5]:
        err.print(f"[yellow]left out[/] {escape(line)}")
    if len(names.skipped) > 5:
        err.print(f"[yellow]left out[/] {len(names.skipped) - 5:,} more lines")


def _print_losses(losses: Losses) -> None:
    out.print(f"train loss {losses.train:.4f}")
    if losses.dev is None or losses.test is None:
        err.print("[yellow]the list is too small to hold names out: there is no dev or test loss[/]")
    else:
        out.print(f"dev loss   {losses.dev:.4f}\ntest loss  {losses.test:.4f}")


def _loss_fields(losses: Losses) -> dict[str, float | None]:
    return {"train_loss": losses.train, "dev_loss": losses.dev, "test_loss": losses.test}


def _json_result(result: Result, name: str) -> dict[str, Any]:
    return {
        "name": name,
        **_loss_fields(result.losses),
        "parameters": result.parameters,
        "digest": result.digest,
        **result.facts(),
    }
