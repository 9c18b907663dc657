"""What a worker is told when it starts.

uvicorn is imported late: the check of its version comes before.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.server.listener import BACKLOG
from service.settings import Settings
from service.telemetry import logs

if TYPE_CHECKING:
    import uvicorn


@dataclass(frozen=True)
class Options:
    """What the command line says of a worker; can be sent to another process."""

    access_log: bool = False

    def config(self, application: Any, settings: Settings) -> "uvicorn.Config":
        """Sets logging up, too."""
        import uvicorn

        from service.server.connection import Connection

        logs.set_up(settings.log_format, settings.log_level)
        return uvicorn.Config(
            application,
            interface="asgi3",
            http=Connection,
            ws="none",
            lifespan="on",
            backlog=BACKLOG,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
            server_header=False,
            log_config=None,
            access_log=False,  # the application has its own
        )
