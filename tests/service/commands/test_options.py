"""Commands take what HTTP takes: their options are made from the fields of the requests."""

from collections.abc import Callable
from typing import Any

import pytest
import typer
import typer.main
from fastapi.testclient import TestClient
from pydantic import BaseModel

from service import cli
from service.commands.options import OptionError, validated
from service.commands.sample import MAX_WRITTEN, SampleFields
from service.http.requests import LossRequest, SampleQuery, SampleRequest

Run = Callable[..., Any]
OF_FILES = {
    *("output", "form", "store", "quiet", "names", "column", "input_format", "cluster", "workers", "part_names"),
    *("bom", "delimiter", "encoding"),
}


def options_of(command: str) -> dict[str, Any]:
    commands = getattr(typer.main.get_command(cli.app), "commands", {})
    return {each.name: each for each in commands[command].params}


@pytest.mark.parametrize(
    ("command", "fields", "elsewhere"), [("sample", SampleRequest, set()), ("score", LossRequest, {"names"})]
)
def test_every_field_is_an_option_and_every_option_a_field(
    command: str, fields: type[BaseModel], elsewhere: set[str]
) -> None:
    options = options_of(command)
    assert set(options) - OF_FILES == set(fields.model_fields) - elsewhere
    for name, field in fields.model_fields.items():
        if name in elsewhere:
            continue
        assert f"--{name.replace('_', '-')}" in options[name].opts
        assert options[name].is_flag == (field.annotation is bool)
        if name != "n":
            assert options[name].help == field.description


def test_only_the_limit_of_n_is_another_one() -> None:
    ours, theirs = SampleFields.model_json_schema()["properties"], SampleQuery.model_json_schema()["properties"]
    assert ours.keys() == theirs.keys()
    assert ours | {"n": None} == theirs | {"n": None}
    assert ours["n"]["maximum"] == MAX_WRITTEN == 10**9
    assert validated(SampleFields, {"n": str(MAX_WRITTEN)}).n == MAX_WRITTEN
    with pytest.raises(OptionError, match="--n: "):
        validated(SampleFields, {"n": str(MAX_WRITTEN + 1)})


REFUSED = [
    {"n": "0"},
    {"n": "ten"},
    {"temperature": "11"},
    {"temperature": "nan"},
    {"top_k": "0"},
    {"top_k": "9999"},
    {"top_p": "1.5"},
    {"min_length": "65"},
    {"min_length": "9", "max_length": "8"},
    {"prefix": ""},
    {"pattern": "("},
    {"case": "small"},
    {"seed": "9" * 20},
    {"seed": "x" * 65},
    {"novel": "true", "model": "unlisted"},
]


@pytest.mark.parametrize("fields", REFUSED, ids=str)
def test_what_http_refuses_is_refused_in_the_same_words(both: TestClient, run: Run, fields: dict[str, str]) -> None:
    problem = both.get("/sample", params={"model": "tiny"} | fields).json()
    assert problem["status"] == 422
    arguments = [
        part
        for name, value in fields.items()
        for part in ([f"--{name}"] if value == "true" else [f"--{name.replace('_', '-')}", value])
    ]
    done = run("sample", *arguments)
    error = problem["errors"][0]
    option = f"--{error['pointer'][1:].replace('_', '-')}: " if error["pointer"] else ""
    assert (done.code, done.out, done.err) == (2, b"", f"error: {option}{error['detail']}\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["sample", "--model", "none"],
            1,
            "no such model; available models: tiny, unlisted, us-boys, us-girls, us-names",
        ),
        (["sample", "--prefix", "q"], 1, "no name of 1 to 8 letters meets these constraints"),
        (["sample", "--output", "/nowhere/names.txt"], 1, "/nowhere/names.txt: No such file or directory"),
        (["sample", "--output", "names.dat"], 2, "--format: choose one"),
        (["score", "/nowhere/names.txt"], 1, "/nowhere/names.txt: No such file or directory"),
        (["score", "names.dat"], 1, "names.dat: No such file or directory"),
        (["score", "--column", "given"], 2, "--column: a text file has no columns"),
        (["score", "--format", "text"], 2, "--format: a text file has no columns for the scores"),
        (["score", "--input-format", "csv", "--format", "parquet"], 2, "--format: csv input must be written as csv"),
        (["score", "--unknown", "maybe"], 2, "--unknown: "),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(run: Run, arguments: list[str], code: int, said: str) -> None:
    done = run(*arguments)
    assert done.code == code, done.err
    assert done.out == b""
    assert done.err.startswith("error: ")
    assert said in done.err
    assert done.err.count("\n") == 1
