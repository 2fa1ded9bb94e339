"""A client that is signed in to the pages."""

import httpx
from fastapi import FastAPI


async def sign_in(app: FastAPI, secret: str) -> httpx.AsyncClient:
    """Return a client with a session of this key; the caller closes it."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://guard")
    response = await client.post("/sign-in", data={"key": secret, "next": "/"})
    assert response.status_code == 303, response.text
    return client
