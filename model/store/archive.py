"""A version as one file, for a backup or another machine: a zip of all its files, with the head of its model's history.

It is read within bounds, and strictly: nothing but a version's own files, each once, and each what the manifest says.
"""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from model.errors import StoreError
from model.network.checkpoint_header import MAX_FILE_BYTES
from model.store import history
from model.store.history import History
from model.store.stored_version import StoredVersion
from model.store.version_files import (
    LISTED,
    MANIFEST_FILE,
    MAX_MANIFEST_BYTES,
    MODEL_FILE,
    check_content,
    check_digest,
    parse_manifest,
    write_manifest,
)

HISTORY_ENTRY = "history"
MAX_ARCHIVE_BYTES = 1 << 30
"""Of the file, and of all that is in it."""
_HISTORY_HEAD = 20
_MAX_HISTORY_BYTES = 65 * _HISTORY_HEAD
_MAX_DIRECTORY_BYTES = 1 << 14
"""Of the list of entries at the end of a zip; ours has some 600."""
_BEGIN, _END, _END_BYTES, _ZIP64, _ZIP64_BYTES = b"PK\3\4", b"PK\5\6", 22, b"PK\6\7", 20
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MOMENT = (1980, 1, 1, 0, 0, 0)
"""Of each entry, so that one version always gives the same file."""


@dataclass(frozen=True)
class Archive:
    """A version that is whole; the manifest is not among its `files`. `history` ends with it."""

    manifest: dict[str, Any]
    files: dict[str, bytes]
    history: History


def pack(manifest: Mapping[str, Any], files: Mapping[str, bytes], past: History) -> bytes:
    """The bytes of a file; `past` are the digests that were current, the last being this version's."""
    entries = {MANIFEST_FILE: write_manifest(manifest), HISTORY_ENTRY: history.dumps(past[-_HISTORY_HEAD:]), **files}
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(entries.items()):
            archive.writestr(zipfile.ZipInfo(name, _MOMENT), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def unpack(data: bytes, path: Path) -> Archive:
    """What `pack` wrote, as far as digests tell; `path` is for messages. Raises StoreError and CheckpointError."""
    entries = _entries(data, path)
    manifest = parse_manifest(entries.pop(MANIFEST_FILE), path / MANIFEST_FILE)
    past = _history(entries.pop(HISTORY_ENTRY), manifest["digest"], path)
    if missing := entries.keys() ^ manifest["files"].keys():
        raise StoreError(f"{path} does not hold exactly the files that its manifest lists: {min(missing)[:64]!a}")
    for file, content in entries.items():
        check_content(path, manifest, file, content)
    check_digest(path, manifest, entries)
    StoredVersion.of(manifest, entries, path)
    return Archive(manifest, entries, past)


def _entries(data: bytes, path: Path) -> dict[str, bytes]:
    """Contents by name: manifest, history, model, and others of a version."""
    limits = dict.fromkeys(LISTED, MAX_FILE_BYTES)
    limits |= {MANIFEST_FILE: MAX_MANIFEST_BYTES, HISTORY_ENTRY: _MAX_HISTORY_BYTES}
    _check_directory(data, path)
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            infos = archive.infolist()
            names = [info.filename for info in infos]
            strange = [each.filename for each in infos if not _expected(each, limits)]
            if strange or len(set(names)) < len(names) or sum(info.file_size for info in infos) > MAX_ARCHIVE_BYTES:
                raise StoreError(f"{path} holds files that belong to no version: {', '.join(strange)[:64]!a}")
            if lacking := sorted({MANIFEST_FILE, HISTORY_ENTRY, MODEL_FILE} - set(names)):
                raise StoreError(f"{path} lacks {lacking[0]}: it was not written by `export`")
            return {info.filename: archive.read(info) for info in infos}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, ValueError, EOFError) as error:
        raise StoreError(f"{path} was not written by `export`, or is damaged ({str(error)[:80]})") from None


def _expected(info: zipfile.ZipInfo, limits: Mapping[str, int]) -> bool:
    return info.file_size <= limits.get(info.filename, -1) and info.compress_type in _COMPRESSIONS


def _check_directory(data: bytes, path: Path) -> None:
    """Nothing stands before the zip or behind it, and its list of entries, which is read whole, is short."""
    end = data[-_END_BYTES:]
    before = data[-_END_BYTES - _ZIP64_BYTES :][:4]
    size = int.from_bytes(end[12:16], "little")
    if data[:4] != _BEGIN or end[:4] != _END or end[-2:] != b"\0\0" or before == _ZIP64 or size > _MAX_DIRECTORY_BYTES:
        raise StoreError(f"{path} was not written by `export`, or is cut short")


def _history(content: bytes, digest: str, path: Path) -> History:
    try:
        past = history.loads(content)
    except StoreError as error:
        raise StoreError(f"{path}: {HISTORY_ENTRY}: {error}") from None
    if past[-1:] != (digest,):
        raise StoreError(f"{path}: {HISTORY_ENTRY} does not end with the version")
    return past
