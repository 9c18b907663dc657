"""Options that say how a list is to be read, the same for every command that takes one."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from model.reading.asked import Asked, ListFormat, Where, delimiter_of


def _where(text: str) -> Where:
    column, equals, value = text.partition("=")
    if not (equals and column.strip()):
        raise typer.BadParameter(f"{text[:64]!a} is not COLUMN=VALUE")
    return Where(column.strip(), value.strip())


def _options(
    format: Annotated[
        ListFormat | None, typer.Option("--format", help="Format of the list; by default, detected from its content.")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option("--delimiter", help="Separator between cells: one character, or `tab`, or `space`.")
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option("--encoding", help="Text encoding of the list, such as windows-1252; by default, detected."),
    ] = None,
    column: Annotated[
        str | None, typer.Option("--column", help="Column that holds the names: its heading, or its number from 1.")
    ] = None,
    weight_column: Annotated[
        str | None,
        typer.Option(
            "--weight-column",
            help="Column that holds the weights of the names: its heading or number; `none` for no weights.",
        ),
    ] = None,
    where: Annotated[
        Where | None,
        typer.Option(
            "--where", parser=_where, metavar="COLUMN=VALUE", help="Use only rows with this value in this column."
        ),
    ] = None,
) -> Asked:
    return Asked(format, delimiter_of(delimiter), encoding, column, weight_column, where)


def reading_a_list(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command these options; its parameter `asked` is what they say."""
    options = inspect.signature(_options).parameters

    @wraps(command)
    def reading(**given: Any) -> None:
        command(asked=_options(**{name: given.pop(name) for name in options}), **given)

    own = inspect.signature(command).parameters.values()
    parameters = [each.replace(kind=each.KEYWORD_ONLY) for each in own if each.name != "asked"]
    parameters += [each.replace(kind=each.KEYWORD_ONLY) for each in options.values()]
    reading.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    reading.__annotations__ = {each.name: each.annotation for each in parameters}
    return reading
