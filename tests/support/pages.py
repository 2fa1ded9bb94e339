"""A signed-in reader of the pages."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI


@asynccontextmanager
async def sign_in(app: FastAPI, secret: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the session of a key."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://guard") as client:
        answer = await client.post("/sign-in", data={"key": secret})
        assert answer.status_code == 303, answer.text
        yield client


async def read_form_token(client: httpx.AsyncClient) -> str:
    """Return the token that the forms of the client's session carry."""
    page = await client.get("/")
    (token, *_) = re.findall(r'name="csrf" value="([^"]+)"', page.text)
    return str(token)
