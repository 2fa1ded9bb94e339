"""Whose address a request comes from: the connection's, or what proxies that we trust say of it."""

import ipaddress
from collections.abc import Iterable, Sequence

from starlette.types import Scope

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_IPV6_HOST_BITS = 64  # a single customer has that many addresses
NOWHERE = "unknown"


def address_of(scope: Scope) -> str:
    """The caller's address as limits count it: an IPv6 address stands for its /64."""
    client = scope.get("client")
    host = str(client[0]) if client else NOWHERE
    if ":" not in host:
        return host
    address = _address(host)
    if not isinstance(address, ipaddress.IPv6Address):
        return host if address is None else str(address)
    return str(ipaddress.IPv6Address(int(address) >> _IPV6_HOST_BITS << _IPV6_HOST_BITS))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    address = _address(host)
    return address is not None and address.is_loopback


class Proxies:
    """Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.

    Parameters
    ----------
    trusted : their addresses or networks.
    """

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusted: tuple[Network, ...] = tuple(ipaddress.ip_network(one, strict=False) for one in trusted)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._trusted)

    def apply(self, scope: Scope) -> None:
        """Put the caller's address and scheme into a request's scope."""
        client = scope.get("client")
        address = _address(str(client[0])) if client else None
        if address is None or not self._trusts(address):
            return
        hops = [hop.strip() for value in _values(scope, b"x-forwarded-for") for hop in value.split(",")]
        for hop in reversed(hops):  # each proxy appends whom it has heard
            said = _address(hop)
            if said is None:
                break
            address = said
            if not self._trusts(said):
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
    """An address, also with a port; None where it is none."""
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
