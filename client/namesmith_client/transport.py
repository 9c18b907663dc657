"""What both clients have in common of httpx."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypedDict

import httpx

from namesmith_client.errors import ConnectionFailedError, TimedOutError

DEFAULT_URL = "http://127.0.0.1:8000"


class Options(TypedDict):
    """Of an httpx client."""

    base_url: str
    headers: dict[str, str]
    timeout: httpx.Timeout


def options(url: str, api_key: str | None, timeout: float) -> Options:
    """For the address of a service, the key it wants, and how long to wait for it, seconds."""
    headers = {"User-Agent": "namesmith-client"}
    if api_key is not None:
        headers["Authorization"] = f"Bearer {api_key}"
    return {"base_url": url, "headers": headers, "timeout": httpx.Timeout(timeout)}


@contextmanager
def failures() -> Iterator[None]:
    """Turns httpx's errors into ours."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise TimedOutError(f"no answer in time ({type(error).__name__})") from error
    except (httpx.TransportError, httpx.StreamError, httpx.DecodingError) as error:
        raise ConnectionFailedError(str(error) or type(error).__name__) from error
