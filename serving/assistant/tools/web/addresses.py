"""Which addresses nobody may be sent to: all that are not plainly public, and those that carry another address inside.

The set is that of IANA's special-purpose registries (RFC 6890) and multicast; transition formats (IPv4-mapped and -compatible,
NAT64, 6to4, Teredo) are refused as a whole, whatever they carry.
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
# Clouds answer their metadata at these too: one is public by its prefix, one lies in a carrier's range.
_METADATA = ("168.63.129.16/32", "100.100.100.200/32")
# All but 2000::/3, of which addresses are given out; and what is special there.
_V6 = (
    *("::/3", "4000::/2", "8000::/1"),
    *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20"),
)
FORBIDDEN: Final[tuple[Network, ...]] = tuple(ipaddress.ip_network(text) for text in (*_V4, *_METADATA, *_V6))
"""Networks that are refused."""


def require_public(host: str, addresses: Iterable[str], forbidden: Collection[Network]) -> list[str]:
    """The addresses of a host, if every one of them may be connected to.

    Raises
    ------
    DeniedError
        Where there is none, or one that is refused; which one is not said.
    """
    found = [_address(text) for text in addresses]
    if not found:
        raise DeniedError("ssrf.no_address", f"The host {host} has no address.")
    if any(is_forbidden(address, forbidden) for address in found):
        raise DeniedError("ssrf.address", f"The host {host} has an address that is not public.")
    return [str(address) for address in found]


def is_forbidden(address: Address, forbidden: Collection[Network]) -> bool:
    """Whether an address is refused."""
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return True
    return any(address in network for network in forbidden if network.version == address.version)


def _address(text: str) -> Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise DeniedError("ssrf.address", "A resolver answered what is not an address.") from error
