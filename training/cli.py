"""The command line of the training package: each command's home is a module of `training.commands`."""

import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import Never

import typer
from rich.markup import escape

from model.errors import NamesmithError
from training.commands.compare import compare_versions
from training.commands.evaluate import evaluate
from training.commands.housekeeping.exporting import export_version
from training.commands.housekeeping.importing import import_version
from training.commands.housekeeping.listing import list_versions
from training.commands.housekeeping.prune import prune
from training.commands.housekeeping.publish import publish
from training.commands.housekeeping.remove import remove
from training.commands.housekeeping.rename import rename
from training.commands.housekeeping.rollback import rollback
from training.commands.housekeeping.verify import verify
from training.commands.report import report
from training.commands.sweep import sweep
from training.commands.train import train
from training.commands.train_all import train_all
from training.console.console import err
from training.gate.checks import GateRefusedError
from training.run.memory import enough_memory

FAILED, REFUSED = 1, 3

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Train, judge and publish name models.")
app.command("train")(train)
app.command("train-all")(train_all)
app.command("evaluate")(evaluate)
app.command("compare")(compare_versions)
app.command("report")(report)
app.command("publish")(publish)
app.command("rollback")(rollback)
app.command("verify")(verify)
app.command("prune")(prune)
app.command("remove")(remove)
app.command("rename")(rename)
app.command("export")(export_version)
app.command("import")(import_version)
app.command("sweep")(sweep)
app.command("list")(list_versions)


def main() -> None:
    """Runs the command line; every expected failure is one line and an exit code."""
    if isinstance(sys.stdout, TextIOWrapper):
        with suppress(OSError):  # what was opened in another way
            # As stderr: a terminal may know fewer letters than names have.
            sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with enough_memory():
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
