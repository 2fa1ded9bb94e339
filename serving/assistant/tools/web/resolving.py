"""Name resolution, once for each hop: connections go to the checked addresses, whatever DNS returns afterwards."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

from serving.assistant.tools.errors import DeniedError, ToolError
from serving.assistant.tools.web.addresses import Network, require_public
from serving.assistant.tools.web.urls import Target

Resolve: TypeAlias = Callable[[str], Awaitable[list[str]]]
"""Returns all addresses of a name; raises `OSError` if there are none."""


async def resolve_by_system(host: str) -> list[str]:
    """Resolve a name as this machine does."""
    # The final dot marks the name as absolute, so that no DNS search list of this machine applies.
    entries = await asyncio.get_running_loop().getaddrinfo(f"{host}.", None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


async def resolve_checked(target: Target, resolve: Resolve, forbidden: Collection[Network]) -> list[str]:
    """Resolve a target and check all of its addresses.

    Raises
    ------
    DeniedError
        If an address is forbidden.
    ToolError
        If the name cannot be resolved.
    """
    if target.is_address:
        return require_public(target.host, [target.host], forbidden)
    try:
        addresses = await resolve(target.host)
    except OSError as error:
        raise ToolError(f"The host {target.host} cannot be resolved.") from error
    return require_public(target.host, addresses, forbidden)


class PinnedResolver(AbstractResolver):
    """Resolves one host to its checked addresses, and no other host."""

    def __init__(self, target: Target, addresses: Collection[str]) -> None:
        self._target = target
        self._addresses = addresses

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - every checked address may be tried
    ) -> list[ResolveResult]:
        """Return the checked addresses, of any family."""
        if host != self._target.host:
            raise DeniedError("ssrf.address", "A connection to an unchecked host was requested.")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Do nothing; there is nothing to close."""
