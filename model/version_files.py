"""What a version's directory holds beside its model: manifest, distinct names of the training list, report."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model.errors import StoreError
from model.header import digest as digest_of
from model.header import read
from model.vocabulary import is_printable

MODEL_FILE = "model.safetensors"
NAMES_FILE = "names.txt"
MANIFEST_FILE = "manifest.json"
REPORT_FILE = "report/report.html"
DIAGNOSTICS_FILE = "report/diagnostics.json"
_LISTED = {MODEL_FILE, NAMES_FILE, REPORT_FILE, DIAGNOSTICS_FILE}


def manifest_file(name: str, digest: str, files: Mapping[str, bytes], facts: dict[str, Any]) -> bytes:
    """The manifest of a version made of `files`, published now. Raises ValueError or TypeError for facts that
    are not plain JSON."""
    manifest = {
        "format_version": 1,
        "name": name,
        "digest": digest,
        "published_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": {file: digest_of(content) for file, content in files.items()},
        "facts": facts,
    }
    return (json.dumps(manifest, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()


def read_files(directory: Path, name: str, digest: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Manifest, model and names of the version `digest` of `name`. Raises StoreError, and CheckpointError for a file
    that cannot be read, unless each file is what the manifest says and the model what its directory says."""
    manifest = _read_manifest(directory, name, digest)
    asked = {file: read_file(directory, manifest, file) for file in (MODEL_FILE, NAMES_FILE)}
    contents = {file: content for file, content in asked.items() if content is not None}
    if digest_of(contents[MODEL_FILE]) != digest:
        raise StoreError(f"{directory / MODEL_FILE} does not have the digest of its directory: the version is damaged")
    return manifest, contents


def read_file(directory: Path, manifest: Mapping[str, Any], file: str) -> bytes | None:
    """A file of a version; None where its manifest lists none. Raises StoreError, and CheckpointError for one that
    cannot be read, unless the file is what the manifest says."""
    if file not in manifest["files"]:
        return None
    content = read(directory / file)
    if digest_of(content) != manifest["files"][file]:
        raise StoreError(f"{directory / file} is not what its manifest says: the version is damaged")
    return content


def _read_manifest(directory: Path, name: str, digest: str) -> dict[str, Any]:
    path = directory / MANIFEST_FILE
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        raise StoreError(f"{path} is missing or not JSON: the version is damaged") from None
    if not (
        isinstance(manifest, dict)
        and manifest.get("format_version") == 1
        and isinstance(manifest.get("facts"), dict)
        and isinstance(manifest.get("files"), dict)
        and {MODEL_FILE} <= manifest["files"].keys() <= _LISTED
    ):
        raise StoreError(f"{path} is not a manifest of format 1: the version is damaged")
    if (manifest.get("name"), manifest.get("digest")) != (name, digest):
        raise StoreError(f"{path} is of another version: the version is damaged")
    return manifest


def names_file(names: Iterable[str]) -> bytes:
    """The names, sorted, one a line. Raises StoreError for one that does not fit a line."""
    lines = sorted(names)
    if broken := next((line for line in lines if not all(map(is_printable, line))), None):
        raise StoreError(f"the name {broken[:64]!a} cannot be kept: it holds characters that cannot be printed")
    return "".join(f"{line}\n" for line in lines).encode()


def parse_names(content: bytes, directory: Path) -> frozenset[str]:
    """What `names_file` wrote. Raises StoreError, naming the directory."""
    try:
        return frozenset(content.decode("utf-8").split("\n")) - {""}
    except UnicodeDecodeError:
        raise StoreError(f"{directory / NAMES_FILE} is not UTF-8 text: the version is damaged") from None
