"""A service of two workers in which GET /block blocks the event loop of the worker that gets it for a minute.

`python -m tests.reliability.blocking PORT`
"""

import sys
import time
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from service.server.listener import bind
from service.server.options import Options
from service.server.supervisor import Supervisor
from service.server.worker import Worker
from service.settings import Settings
from service.telemetry.metric_files import MetricFiles

BLOCKED_SECONDS = 60
HEALTH_SECONDS = 2.0


class BlockingOptions(Options):
    def config(self, application: Any, settings: Settings) -> uvicorn.Config:
        async def blocking(scope: Scope, receive: Receive, send: Send) -> None:
            if scope.get("path") == "/block":
                time.sleep(BLOCKED_SECONDS)
            await application(scope, receive, send)

        return super().config(blocking, settings)


def main(port: int) -> int:
    listener = bind("127.0.0.1", port)
    files = MetricFiles()
    try:
        return Supervisor(lambda: Worker(listener, BlockingOptions(), files), listener, 2, HEALTH_SECONDS, 5).run()
    finally:
        files.close()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
