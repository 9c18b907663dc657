"""Where to compute: `--device`."""

from enum import StrEnum
from typing import Annotated

import typer

from model.errors import NamesmithError


class Device(StrEnum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


DeviceOption = Annotated[
    Device, typer.Option("--device", help="Device to compute on; auto uses a GPU if there is one.")
]


def chosen_device(device: Device, processes: int = 1) -> str:
    """The name that PyTorch knows it by. Raises NamesmithError where it is not there, or not for several processes."""
    if processes > 1:
        if device == Device.cuda:
            raise NamesmithError("several processes can only compute on the CPU; use --device cpu or --processes 1")
        return "cpu"
    import torch  # when the list has been read

    if device == Device.auto:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == Device.cuda and not torch.cuda.is_available():
        raise NamesmithError("no CUDA device is available; use --device cpu")
    return device.value
