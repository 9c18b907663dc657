"""The command line of the service: each command's home is a module of `service.commands`."""

import sys
from io import TextIOWrapper
from typing import Never

import typer
from pydantic import ValidationError

from model.errors import NamesmithError
from service.bulk.output import ReaderGoneError
from service.commands.key import key
from service.commands.options import OptionError
from service.commands.sample import sample
from service.commands.score import score
from service.commands.serve import serve
from service.http.problems import ProblemError

FAILED, BAD_USAGE = 1, 2

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Serve name models over HTTP, or use them here.")
app.command("serve")(serve)
app.command("sample")(sample)
app.command("score")(score)
app.command("key")(key)


def main() -> None:
    """Runs the command line; whatever is expected to go wrong is one line and an exit code."""
    if isinstance(sys.stdout, TextIOWrapper):
        # As stderr: a terminal may know fewer letters than names have.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except ReaderGoneError:  # it has what it wanted, as `head` has
        sys.exit(0)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            name = "NAMESMITH_" + "_".join(map(str, item["loc"])).upper()
            print(f"error: {name}: {item['msg']}", file=sys.stderr)  # noqa: T201
        sys.exit(BAD_USAGE)
    except OptionError as error:
        _fail(str(error), BAD_USAGE)
    except ProblemError as error:  # about a field, which is an option here
        _fail(str(OptionError(error.errors[0].pointer[1:], error.errors[0].detail)), BAD_USAGE)
    except NamesmithError as error:
        _fail(str(error), FAILED)
    except OSError as error:
        _fail(f"{error.filename or 'input or output'}: {error.strerror}", FAILED)


def _fail(message: str, code: int) -> Never:
    print(f"error: {message}", file=sys.stderr)  # noqa: T201
    sys.exit(code)
