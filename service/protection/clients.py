"""Who a client is: its key, or its address, or for IPv6 the network that one subscriber has to itself."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.types import Scope

_SUBSCRIBER_BITS = 64


def asker_of(scope: Scope) -> str:
    """The name of its key, or else its address."""
    owner: str | None = scope.get("owner")
    return client_of(scope) if owner is None else owner


def client_of(scope: Scope) -> str:
    client = scope.get("client")
    return _network(client[0]) if client else "unknown"


@lru_cache(maxsize=4096)
def _network(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((address, _SUBSCRIBER_BITS), strict=False))
    return host
