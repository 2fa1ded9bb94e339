"""A signed-in reader of the pages: a client with the cookie of a session in place of a key."""

import re

import httpx
from fastapi import FastAPI

from guard_core.settings import Role
from tests.support.clients import Clients


async def sign_in(clients: Clients, role: Role, project_id: str | None = None) -> httpx.AsyncClient:
    """Return a client that has signed in with a new key of a role."""
    _, secret = clients.services.keys.create(f"{role} of pages", role, project_id)
    client = open_browser(clients.app)
    clients.opened.append(client)
    answer = await client.post("/sign-in", data={"key": secret})
    assert answer.status_code == 303, answer.text
    return client


def open_browser(app: FastAPI) -> httpx.AsyncClient:
    """Return a client without a session; it keeps cookies, and follows no redirects."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://guard")


def form_token_of(page: str) -> str:
    """Return the token that the forms of a page carry."""
    match = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert match is not None, "the page has no form"
    return match[1]
