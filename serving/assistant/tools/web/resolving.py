"""Names to addresses, once for each hop: what was checked is what is connected to, whatever a server of names says next."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

from serving.assistant.tools.errors import DeniedError, ToolError
from serving.assistant.tools.web.addresses import Network, require_public
from serving.assistant.tools.web.urls import Target

Resolve: TypeAlias = Callable[[str], Awaitable[list[str]]]
"""All addresses of a name; raises `OSError` where there are none."""


async def system_addresses(host: str) -> list[str]:
    """The addresses of a name as this machine resolves it."""
    # The dot says that the name is whole: no search list of this machine makes another one of it.
    found = await asyncio.get_running_loop().getaddrinfo(f"{host}.", None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def checked_addresses(target: Target, resolve: Resolve, forbidden: Collection[Network]) -> list[str]:
    """The addresses of a target, each of which may be connected to.

    Raises
    ------
    DeniedError
        Where one may not.
    ToolError
        Where the name cannot be resolved.
    """
    if target.is_address:
        return require_public(target.host, [target.host], forbidden)
    try:
        addresses = await resolve(target.host)
    except OSError as error:
        raise ToolError(f"The host {target.host} cannot be resolved.") from error
    return require_public(target.host, addresses, forbidden)


class Pinned(AbstractResolver):
    """Answers with the addresses that were checked, for their host alone."""

    def __init__(self, target: Target, addresses: Collection[str]) -> None:
        self._target = target
        self._addresses = addresses

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - every checked address may be tried
    ) -> list[ResolveResult]:
        """The checked addresses, of whichever family."""
        if host != self._target.host:
            raise DeniedError("ssrf.address", "A connection was asked for that was not checked.")
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
        """Nothing to close."""
