"""What a worker does besides answering."""

import asyncio
import gc
from typing import Any

import pytest
import uvicorn

from service.server.options import Options
from service.server.server import Server
from service.settings import Settings


def test_garbage_collection_passes_over_what_is_there_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    async def started(*_: Any) -> None:
        pass

    monkeypatch.setattr(uvicorn.Server, "startup", started)
    settings = Settings()
    server = Server(Options().config(None, settings), settings, None)
    try:
        asyncio.run(server.startup())
        assert gc.get_freeze_count() > len(gc.get_objects())
    finally:
        gc.unfreeze()
