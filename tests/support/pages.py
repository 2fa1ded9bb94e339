"""A browser's session for tests of pages."""

import re

import httpx


async def sign_in(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """Open a session with the key of a client; its cookie is sent from then on."""
    answer = await client.post("/sign-in", content=f"key={client.headers['X-API-Key']}&next=/")
    assert answer.status_code == 303, answer.text
    return client


async def csrf_token(client: httpx.AsyncClient, path: str) -> str:
    """Return the token of the forms of a page."""
    match = re.search(r'name="csrf" value="([^"]+)"', (await client.get(path)).text)
    assert match is not None
    return match[1]
