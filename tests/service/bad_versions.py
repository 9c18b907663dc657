"""Versions that no service should serve, put into a store as a careless program would."""

import secrets
import shutil
from pathlib import Path

from model.durable import replace_file
from model.store import Store
from model.version_files import MODEL_FILE


def publish_corrupt(root: Path, name: str) -> str:
    """Makes a copy of the current version current, one bit flipped, under a digest that was made up; returns it."""
    versions = root / name / "versions"
    digest = secrets.token_hex(32)
    shutil.copytree(versions / Store(root).current(name), versions / digest)
    file = versions / digest / MODEL_FILE
    data = bytearray(file.read_bytes())
    data[-2] ^= 4
    file.write_bytes(data)
    replace_file(root / name / "current", f"{digest}\n".encode())
    return digest
