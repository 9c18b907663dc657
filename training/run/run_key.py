"""The name of a run: runs of one name come to one result."""

import hashlib
import json
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy
import torch

from training.data.read_list import NameList
from training.recipe.presets import Preset
from training.run.run import Config

_ROOT = Path(__file__).resolve().parents[2]


def run_key(names: NameList, config: Config, threads: int | None = None) -> str:
    """SHA-256, in hexadecimal, over all that decides the result: list, configuration, program and machine. `threads`
    compute it; None for as many as this process has."""
    decides = {
        "list": [names.source, str(names.where), names.fingerprint()],
        "preset": _plain(config.preset, config.context),
        "config": {**vars(config), "preset": config.preset.name, "block_size": config.context},
        "program": program(),
        "machine": [platform.machine(), threads or torch.get_num_threads(), torch.__version__, numpy.__version__],
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _plain(preset: Preset, block_size: int) -> dict[str, Any]:
    """All of a preset as JSON; its function of layers is known by what it gives."""
    plain = {**asdict(preset), "layers": preset.layers(2, block_size)}
    if preset.teaching is not None:
        plain["teaching"]["preset"] = _plain(preset.teaching.preset, block_size)
    return plain


def program() -> str:
    """A digest of the code: another version may round otherwise, or draw other numbers."""
    hashed = hashlib.sha256()
    for path in sorted(path for package in ("model", "training") for path in (_ROOT / package).rglob("*.py")):
        hashed.update(hashlib.sha256(path.read_bytes()).digest())
    return hashed.hexdigest()
