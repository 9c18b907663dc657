"""Versions that no service should serve, put into a store as a careless program would."""

import json
import secrets
import shutil
from pathlib import Path

from model.files.durable import replace_file
from model.network.checkpoint_header import digest as digest_of
from model.store.store import Store
from model.store.version_files import MANIFEST_FILE, MODEL_FILE, NAMES_FILE


def publish_corrupt(root: Path, name: str) -> str:
    """Makes a copy of the current version current, one bit flipped, under a digest that was made up; returns it."""
    versions = root / name / "versions"
    digest = secrets.token_hex(32)
    shutil.copytree(versions / Store(root).current(name), versions / digest)
    file = versions / digest / MODEL_FILE
    data = bytearray(file.read_bytes())
    data[-2] ^= 4
    file.write_bytes(data)
    make_current(root, name, digest)
    return digest


def publish_bytes(root: Path, name: str, data: bytes) -> Path:
    """Makes a version with these bytes for a model file current, without table and golden names; all digests fit. Gives
    the file."""
    digest = digest_of(data)
    versions = root / name / "versions"
    current = versions / Store(root).current(name)
    (versions / digest).mkdir()
    (versions / digest / MODEL_FILE).write_bytes(data)
    manifest = json.loads((current / MANIFEST_FILE).read_text(encoding="utf-8"))
    files = {MODEL_FILE: digest}
    if NAMES_FILE in manifest["files"]:
        shutil.copy(current / NAMES_FILE, versions / digest)
        files[NAMES_FILE] = manifest["files"][NAMES_FILE]
    kept = {key: manifest[key] for key in ("format_version", "name", "published_at", "facts")}
    text = json.dumps({**kept, "digest": digest, "files": files})
    (versions / digest / MANIFEST_FILE).write_text(text, encoding="utf-8")
    make_current(root, name, digest)
    return versions / digest / MODEL_FILE


def make_current(root: Path, name: str, digest: str) -> None:
    """Whatever is there."""
    replace_file(root / name / "current", f"{digest}\n".encode())
