"""Streams that are counted for as long as somebody may read them."""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from service.admission.limits import Admission


class HeldStream:
    """A place among the streams, from the beginning of the `with` block to the end of the answer; without an answer,
    to the end of the block."""

    def __init__(self, places: Admission) -> None:
        self._places = places
        self._handed_on = False

    def __enter__(self) -> Self:
        """Raises ProblemError, 503."""
        self._places.take(1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._handed_on:
            self._places.give_back(1)

    def response(self, parts: Iterator[bytes], media_type: str, headers: Mapping[str, str]) -> StreamingResponse:
        self._handed_on = True
        return _Response(self._places, parts, media_type=media_type, headers=headers)


class _Response(StreamingResponse):
    def __init__(
        self, places: Admission, parts: Iterator[bytes], *, media_type: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(parts, media_type=media_type, headers=headers)
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._places.give_back(1)
