"""An id for every request: the client's own where it is plain, else a new one."""

import re
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_RAW_HEADER = b"x-request-id"
_PLAIN = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class RequestIdMiddleware:
    """Puts `request_id` into the scope and the header on the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == _RAW_HEADER), b"")
        request_id = given.decode("ascii") if _PLAIN.fullmatch(given) else secrets.token_hex(16)
        scope["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *(pair for pair in message["headers"] if pair[0] != _RAW_HEADER),
                    (_RAW_HEADER, request_id.encode("ascii")),
                ]
            await send(message)

        await self.app(scope, receive, send_with_id)
