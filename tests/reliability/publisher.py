"""`python -m tests.reliability.publisher STORE`: publishes from a process of its own, as training does.

A line on standard input, `good` or `corrupt`, publishes another version of us-names; a line of JSON with its digest and
when it was there (monotonic seconds, the same for all processes) answers.
"""

import json
import sys
import time
from pathlib import Path

import torch

from model.network import checkpoint
from model.network.checkpoint import Checkpoint
from model.store.store import BUNDLED, Store
from tests.service.bad_versions import publish_corrupt

NAME = "us-names"


def main() -> None:
    """Answers until its input ends."""
    root = Path(sys.argv[1])
    torch.set_num_threads(1)
    bundled = Store(BUNDLED).load(NAME)
    for number, line in enumerate(sys.stdin):
        if line.strip() == "corrupt":
            digest = publish_corrupt(root, NAME)
        else:
            model = bundled.checkpoint
            facts = {**model.facts, "number": number}
            data = checkpoint.dumps(Checkpoint(model.stack, model.block_size, model.vocabulary, facts))
            digest = Store(root).publish(NAME, data, bundled.training_names, {})
        sys.stdout.write(json.dumps({"digest": digest, "at": time.monotonic()}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
