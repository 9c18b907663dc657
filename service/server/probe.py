"""`python -m service.server.probe`: is the service of this container or machine ready? Exit code 0 if it is.

It finds the service among the running processes, so that it asks where that one listens, and never through a proxy.
Only the standard library is loaded: health checks come often.
"""

import http.client
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

_SERVE = ("-m", "service", "serve")
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_SECONDS = 2.0


def main() -> int:
    options = next(services(), None)
    if options is None:
        return _fail("no service is running here")
    try:
        status = _ask(options)
    except OSError as error:
        return _fail(f"the service does not answer: {error}")
    return 0 if status == http.HTTPStatus.OK else _fail(f"the service is not ready: it answers {status}")


def services(processes: Path = Path("/proc")) -> Iterator[dict[str, str]]:
    """The options of each running service."""
    for path in sorted(processes.glob("[0-9]*/cmdline")):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has just ended
            continue
        for at in range(len(words) - len(_SERVE) + 1):
            if tuple(words[at : at + len(_SERVE)]) == _SERVE:
                yield _options(words[at + len(_SERVE) :])


def _options(words: Sequence[str]) -> dict[str, str]:
    found = {}
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name in ("--host", "--port", "--uds"):
            found[name[2:]] = value if equals else following
    return found


def _ask(options: dict[str, str]) -> int:
    """Raises OSError."""
    host = options.get("host", "127.0.0.1")
    connection = http.client.HTTPConnection(
        _EVERYWHERE.get(host, host), int(options.get("port", "8000")), timeout=_SECONDS
    )
    with closing(connection):
        if "uds" in options:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(_SECONDS)
            connection.sock.connect(options["uds"])
        connection.request("GET", "/readyz")
        return connection.getresponse().status


def _fail(why: str) -> int:
    print(why, file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
