"""The issuer's metadata (its discovery document), and JSON documents of an issuer in general.

What is read from them belongs to `signing_keys` and `code_flow`.
"""

from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

TIMEOUT_S: Final = 5.0
"""Seconds that a request to the issuer may take."""
_MAX_BYTES = 2**20


class FetchError(Exception):
    """A document of the issuer cannot be used; the message is the reason."""


async def fetch_metadata(session: aiohttp.ClientSession, issuer: str) -> dict[str, Any]:
    """Fetch the metadata of an issuer.

    Raises
    ------
    FetchError
        If the answer is not the metadata of this issuer.
    """
    metadata = await fetch_json(session, issuer.rstrip("/") + "/.well-known/openid-configuration")
    if metadata.get("issuer") != issuer:
        raise FetchError("its discovery document is of another issuer")
    return metadata


def endpoint_of(metadata: dict[str, Any], name: str) -> str:
    """Return the URL that the metadata give an endpoint; it has TLS if the issuer has.

    Raises
    ------
    FetchError
        If there is none.
    """
    url = metadata.get(name)
    if not isinstance(url, str):
        raise FetchError(f"its discovery document names no {name}")
    if urlsplit(url).scheme not in {"https", urlsplit(metadata["issuer"]).scheme}:
        raise FetchError(f"its discovery document names a {name} without TLS")
    return url


async def fetch_json(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    """Fetch a JSON object.

    Raises
    ------
    FetchError
        If the answer is another one.
    """
    async with session.get(url, allow_redirects=False, headers={"Accept": "application/json"}) as response:
        if response.status != 200:
            raise FetchError(f"{url} answered {response.status}")
        return await read_json(response)


async def read_json(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """Read the JSON object in an answer, 1 MiB at most.

    Raises
    ------
    FetchError
        If it is something else.
    """
    data = await response.content.read(_MAX_BYTES)
    while not response.content.at_eof() and len(data) < _MAX_BYTES:
        data += await response.content.read(_MAX_BYTES)
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise FetchError(f"{response.url.with_query(None)} answered what is not a JSON object")
    return document
