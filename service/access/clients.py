"""Who a client is: its key, or its address, or for IPv6 the network that one subscriber has to itself."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.types import Scope

_SUBSCRIBER_BITS = 64
_THIS_MACHINE = "127.0.0.1"


def asker_of(scope: Scope) -> str:
    """The name of its key, or else its address."""
    owner: str | None = scope.get("owner")
    return client_of(scope) if owner is None else owner


def client_of(scope: Scope) -> str:
    client = scope.get("client")
    return _network(client[0]) if client else "unknown"


def here_or(client: tuple[str, int] | None) -> tuple[str, int]:
    """Address and port of a client: this machine's for one of a Unix socket (None), and an IPv4 address as such where a
    socket of both families tells it as IPv6, ::ffff:192.0.2.1."""
    host, port = client or (_THIS_MACHINE, 0)
    address = ip_address(host) if host.startswith("::ffff:") and "%" not in host else None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (host if mapped is None else str(mapped), port)


@lru_cache(maxsize=4096)
def _network(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((address, _SUBSCRIBER_BITS), strict=False))
    return host
