"""The client address of a request: that of the connection, or the one that trusted proxies report."""

import ipaddress
from collections.abc import Iterable, Sequence

from starlette.types import Scope

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_IPV6_HOST_BITS = 64  # one customer usually has a whole /64
_UNKNOWN = "unknown"


def address_of(scope: Scope) -> str:
    """Return the caller's address for rate limits; IPv6 addresses are reduced to their /64."""
    client = scope.get("client")
    host = str(client[0]) if client else _UNKNOWN
    if ":" not in host:
        return host
    address = _address(host)
    if not isinstance(address, ipaddress.IPv6Address):
        return host if address is None else str(address)
    return str(ipaddress.IPv6Address(int(address) >> _IPV6_HOST_BITS << _IPV6_HOST_BITS))


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    address = _address(host)
    return address is not None and address.is_loopback


class Proxies:
    """The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted.

    Parameters
    ----------
    trusted : their addresses or networks.
    """

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusted: tuple[Network, ...] = tuple(ipaddress.ip_network(text, strict=False) for text in trusted)

    def __bool__(self) -> bool:
        """Return whether there is any trusted proxy."""
        return bool(self._trusted)

    def apply(self, scope: Scope) -> None:
        """Replace the address and the scheme in the scope of a request with those that trusted proxies report."""
        client = scope.get("client")
        address = _address(str(client[0])) if client else None
        if address is None or not self._trusts(address):
            return
        hops = [hop.strip() for value in _values(scope, b"x-forwarded-for") for hop in value.split(",")]
        for hop in reversed(hops):  # each proxy appends the address of its peer
            hop_address = _address(hop)
            if hop_address is None:
                break
            address = hop_address
            if not self._trusts(hop_address):
                break
        scope["client"] = (str(address), 0)
        schemes = [
            scheme.strip().lower() for value in _values(scope, b"x-forwarded-proto") for scheme in value.split(",")
        ]
        if schemes and schemes[-1] in {"http", "https"}:
            scope["scheme"] = schemes[-1]

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _address(text: str) -> Address | None:
    """Parse an address, with or without a port; None if it is invalid."""
    bare = text.removeprefix("[").partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _values(scope: Scope, name: bytes) -> Iterable[str]:
    return [str(value, "latin-1") for key, value in scope["headers"] if key == name]
