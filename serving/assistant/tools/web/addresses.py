"""Forbidden addresses: all that are not plainly public, and those that embed another address.

The set covers IANA's special-purpose registries (RFC 6890) and multicast; transition formats (IPv4-mapped and -compatible,
NAT64, 6to4, Teredo) are refused completely, regardless of the embedded address.
"""

import ipaddress
from collections.abc import Collection, Iterable
from typing import Final, TypeAlias

from serving.assistant.tools.errors import DeniedError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_V4 = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
    *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
)
# Clouds serve their metadata at these too: one has a public prefix, one is in the range of carrier-grade NAT.
_METADATA = ("168.63.129.16/32", "100.100.100.200/32")
# All but 2000::/3, the range of global unicast, and the special-purpose blocks inside it.
_V6 = (
    *("::/3", "4000::/2", "8000::/1"),
    *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20"),
)
FORBIDDEN: Final[tuple[Network, ...]] = tuple(ipaddress.ip_network(text) for text in (*_V4, *_METADATA, *_V6))
"""Networks that are refused."""


def require_public(host: str, addresses: Iterable[str], forbidden: Collection[Network]) -> list[str]:
    """Return the addresses of a host if all of them are public.

    Raises
    ------
    DeniedError
        If there is none, or one is forbidden; the message does not reveal which.
    """
    parsed = [_parse(text) for text in addresses]
    if not parsed:
        raise DeniedError("ssrf.no_address", f"The host {host} has no address.")
    if any(is_forbidden(address, forbidden) for address in parsed):
        raise DeniedError("ssrf.address", f"The host {host} has an address that is not public.")
    return [str(address) for address in parsed]


def is_forbidden(address: Address, forbidden: Collection[Network]) -> bool:
    """Return whether an address is forbidden."""
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return True
    return any(address in network for network in forbidden if network.version == address.version)


def _parse(text: str) -> Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise DeniedError("ssrf.address", "The resolver returned something that is not an address.") from error
