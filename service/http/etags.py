"""Answers that a client may keep, and asks about each time (RFC 9110, section 13)."""

from collections.abc import Mapping

from fastapi import Response


def answer(known: str | None, tag: str, content: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    """`content`, or 304 where `known` (If-None-Match) holds `tag`, which stands for it: a digest, not yet quoted,
    that no other tag can hold."""
    quoted = f'"{tag}"'
    kept = {**headers, "ETag": quoted, "Cache-Control": "no-cache"}
    if known is not None and (quoted in known or known.strip() == "*"):
        return Response(status_code=304, headers=kept)
    return Response(content, media_type=media_type, headers=kept)
