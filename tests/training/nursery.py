"""Starts training processes quickly: this one has imported everything, and forks for each line of its input, which is
a JSON list of arguments. It answers with the number of the process and, once that is over, with its exit code. What the
process says goes to the file that is this program's only argument. Networks are small, and teachers have few steps."""

import json
import os
import sys
from dataclasses import replace
from functools import partial

from training import cli
from training.recipe.presets import PRESETS, Preset

TEACHER_STEPS = 300


def main() -> None:
    PRESETS["careful"] = small(PRESETS["careful"])
    while line := sys.stdin.readline():
        process = os.fork()
        if not process:
            train(json.loads(line))
        tell(process)
        tell(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))


def small(preset: Preset) -> Preset:
    assert preset.teaching is not None
    each = preset.teaching.preset
    each = replace(each, steps=TEACHER_STEPS, batch_size=32, layers=partial(each.layers, dim=4, width=12))
    teaching = replace(preset.teaching, networks=2, preset=each)
    return replace(preset, batch_size=32, layers=partial(preset.layers, dim=4, width=12), teaching=teaching)


def train(arguments: list[str]) -> None:
    said = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    sys.argv = ["training", "train", *arguments]
    cli.main()


def tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
