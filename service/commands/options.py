"""Options made from the fields of a request: a command takes what HTTP takes, with the same limits and words."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from model.store import store
from service.bulk.formats import ENDINGS, FileFormat

StoreOption = Annotated[Path, typer.Option("--store", envvar="NAMESMITH_STORE", help="Directory of your own models.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the result.")]
OutputOption = Annotated[
    Path,
    typer.Option(
        "--output", "-o", help="Output file, written completely or not at all; - for stdout.", show_default="-"
    ),
]
OWN_STORE = store.OWN
STANDARD = Path("-")
"""Stands for stdin and stdout."""
Fields = TypeVar("Fields", bound=BaseModel)
_METAVARS = {int: "INTEGER", float: "NUMBER", str: "TEXT"}


class OptionError(Exception):
    """A value that an option does not take."""

    def __init__(self, field: str, why: str) -> None:
        option = f"--{field.replace('_', '-')}: " if field else ""
        super().__init__(option + why)


def asking(fields: type[Fields]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command an option for each field of `fields`; its parameter `asked` is what they say, validated. The
    command raises OptionError for what the fields do not take."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def asked_for(**options: Any) -> None:
            given = {name: options.pop(name) for name in fields.model_fields}
            command(asked=validated(fields, given), **options)

        own = inspect.signature(command).parameters.values()
        parameters = [_parameter(name, field) for name, field in fields.model_fields.items()]
        parameters += [each.replace(kind=each.KEYWORD_ONLY) for each in own if each.name != "asked"]
        asked_for.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        asked_for.__annotations__ = {each.name: each.annotation for each in parameters}
        return asked_for

    return decorate


def validated(fields: type[Fields], given: dict[str, Any]) -> Fields:
    """What was given, as a request. Raises OptionError."""
    try:
        return fields.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise OptionError(".".join(map(str, first["loc"][:1])), first["msg"]) from None


def file_or_none(path: Path) -> Path | None:
    """None for stdin and stdout."""
    return None if path == STANDARD else path


def format_of(path: Path | None, chosen: FileFormat | None, otherwise: FileFormat, field: str) -> FileFormat:
    """The format that was chosen, or else that of the file's ending, or `otherwise` for stdin and stdout (None). Raises
    OptionError, naming the option `field` that chooses one, for an ending that tells none."""
    if chosen is not None or path is None:
        return chosen or otherwise
    if path.suffix.lower() not in ENDINGS:
        raise OptionError(field, f"choose one: the ending of {path.name} is none of {', '.join(ENDINGS)}")
    return ENDINGS[path.suffix.lower()]


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    """Values are text, which pydantic reads as it reads that of a query; true or false is a flag, and a list is an
    option that may come several times."""
    flags = [f"--{name.replace('_', '-')}", *([f"-{name}"] if len(name) == 1 else [])]
    if field.annotation is bool:
        annotation: Any = Annotated[bool, typer.Option(*flags, help=field.description)]
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
    default = False if field.default is None else str(field.default)
    option = typer.Option(*flags, metavar=_metavar(field.annotation), help=field.description, show_default=default)
    kind: Any = list[str] if _is_list(field.annotation) else str
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(map(_is_list, get_args(annotation)))


def _metavar(annotation: Any) -> str:
    """What a value looks like, in capitals, or the values there are."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "|".join(arguments)
    if origin in (Annotated, list):
        return _metavar(arguments[0])
    if origin in (Union, UnionType):
        return "|".join(dict.fromkeys(_metavar(each) for each in arguments if each is not NoneType))
    return _METAVARS[annotation]
