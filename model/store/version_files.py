"""What a version's directory holds: manifest, model, table, distinct names of the training list, report."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from model.errors import StoreError
from model.files.regular import read_regular
from model.network.checkpoint_header import digest as digest_of
from model.network.checkpoint_header import read
from model.text.vocabulary import is_printable

MODEL_FILE = "model.safetensors"
NAMES_FILE = "names.txt"
TABLE_FILE = "table.safetensors"
MANIFEST_FILE = "manifest.json"
REPORT_FILE = "report/report.html"
DIAGNOSTICS_FILE = "report/diagnostics.json"
_OPENED = (MODEL_FILE, NAMES_FILE, TABLE_FILE)
LISTED = {MODEL_FILE, NAMES_FILE, TABLE_FILE, REPORT_FILE, DIAGNOSTICS_FILE}
MAX_MANIFEST_BYTES = 8 * 1024 * 1024
_PART_BYTES = 1 << 16


def manifest_file(
    name: str, digest: str, files: Mapping[str, bytes], facts: dict[str, Any], further: Mapping[str, Any]
) -> bytes:
    """The manifest of a version made of `files`, published now, with `further` entries. Raises ValueError
    or TypeError for facts that are not plain JSON."""
    manifest = {
        "format_version": 1,
        "name": name,
        "digest": digest,
        "published_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": {file: digest_of(content) for file, content in files.items()},
        "facts": facts,
        **further,
    }
    return write_manifest(manifest)


def write_manifest(manifest: Mapping[str, Any]) -> bytes:
    """The bytes of a manifest. Raises ValueError or TypeError for what is not plain JSON."""
    return (json.dumps(manifest, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()


def read_files(directory: Path, name: str, digest: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Manifest, model, names and table of the version `digest` of `name`. Raises StoreError, and CheckpointError for a
    file that cannot be read, unless each file is what the manifest says and the model what its directory says."""
    manifest = _read_manifest(directory / MANIFEST_FILE)
    _check_place(directory, manifest, name, digest)
    asked = {file: read_file(directory, manifest, file) for file in _OPENED}
    contents = {file: content for file, content in asked.items() if content is not None}
    check_digest(directory, manifest, contents)
    return manifest, contents


def read_all(directory: Path, name: str, digest: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The same with all of its files."""
    manifest, contents = read_files(directory, name, digest)
    asked = {file: read_file(directory, manifest, file) for file in manifest["files"].keys() - contents.keys()}
    return manifest, contents | {file: content for file, content in asked.items() if content is not None}


def read_file(directory: Path, manifest: Mapping[str, Any], file: str) -> bytes | None:
    """A file of a version; None where its manifest lists none. Raises StoreError, and CheckpointError for one that
    cannot be read, unless the file is what the manifest says."""
    if file not in manifest["files"]:
        return None
    content = read(directory / file)
    check_content(directory, manifest, file, content)
    return content


def check_content(directory: Path, manifest: Mapping[str, Any], file: str, content: bytes) -> None:
    """Raises StoreError unless the file is what the manifest says."""
    if digest_of(content) != manifest["files"][file]:
        raise StoreError(f"{directory / file} differs from what its manifest says: the version is damaged")


def check_digest(directory: Path, manifest: Mapping[str, Any], contents: Mapping[str, bytes]) -> None:
    """Raises StoreError unless the model has the digest of its version, which the directory bears too."""
    if digest_of(contents[MODEL_FILE]) != manifest["digest"]:
        raise StoreError(
            f"{directory / MODEL_FILE} does not match the digest that names its directory: the version is damaged"
        )


def check_others(directory: Path, manifest: Mapping[str, Any]) -> None:
    """What `read_files` leaves: raises StoreError or CheckpointError unless the other listed files are what the
    manifest says, and no further one is there."""
    for file in manifest["files"].keys() - _OPENED:
        read_file(directory, manifest, file)
    there = {path.relative_to(directory).as_posix() for path in directory.rglob("*") if not path.is_dir()}
    if strangers := sorted(there - manifest["files"].keys() - {MANIFEST_FILE}):
        raise StoreError(f"{directory} holds {strangers[0][:64]!a}, which its manifest does not list")


def parse_manifest(content: bytes, path: Path) -> dict[str, Any]:
    """What `manifest_file` wrote, of any version. Raises StoreError, naming the path."""
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError):
        raise StoreError(f"{path} is not JSON: the version is damaged") from None
    if not (
        isinstance(manifest, dict)
        and manifest.get("format_version") == 1
        and all(isinstance(manifest.get(entry), str) for entry in ("name", "digest"))
        and isinstance(manifest.get("facts"), dict)
        and isinstance(manifest.get("files"), dict)
        and {MODEL_FILE} <= manifest["files"].keys() <= LISTED
    ):
        raise StoreError(f"{path} is not a manifest of format 1: the version is damaged")
    return manifest


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        return parse_manifest(read_regular(path, MAX_MANIFEST_BYTES), path)
    except FileNotFoundError:
        raise StoreError(f"{path} is missing: the version is damaged") from None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from None


def _check_place(directory: Path, manifest: Mapping[str, Any], name: str, digest: str) -> None:
    """Raises StoreError for a version that was moved or copied by hand, saying what to do."""
    own_name, own_digest = manifest["name"], manifest["digest"]
    if (own_name, own_digest) == (name, digest):
        return
    if own_digest != digest:
        what = (
            f"version {own_digest[:12]!a}, but the directory is named after another version: rename the directory back"
        )
    else:
        what = (
            f"a version of {own_name[:64]!a}, and versions cannot be moved or copied by hand: undo that, then use "
            "`rename` to change the name, or `export` and `import` to copy it"
        )
    raise StoreError(f"{directory} holds {what}")


def names_file(names: Iterable[str]) -> bytes:
    """The names, sorted, one a line. Raises StoreError for one that does not fit a line."""
    lines = sorted(names)
    if broken := next((line for line in lines if not all(map(is_printable, line))), None):
        raise StoreError(f"the name {broken[:64]!a} cannot be stored: it holds characters that cannot be printed")
    return "".join(f"{line}\n" for line in lines).encode()


def parse_names(content: bytes, directory: Path) -> tuple[str, ...]:
    """What `names_file` wrote, as text in parts of whole lines, each small enough to be looked at in well under a
    millisecond. Raises StoreError, naming the directory."""
    begins = [0]
    while end := content.find(b"\n", begins[-1] + _PART_BYTES) + 1:
        begins.append(end)
    try:
        return tuple(content[begin:end].decode("utf-8") for begin, end in pairwise([*begins, len(content)]))
    except UnicodeDecodeError:
        raise StoreError(f"{directory / NAMES_FILE} is not UTF-8 text: the version is damaged") from None


def distinct_names(parts: Iterable[str]) -> frozenset[str]:
    """The names in what `parse_names` gives."""
    return frozenset("".join(parts).split("\n")) - {""}
