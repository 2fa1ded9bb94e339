"""Signed-in clients of the pages, and their forms."""

import re
from typing import Any

import httpx

from guard_core.settings import Role
from tests.support.clients import Clients


async def sign_in(clients: Clients, role: Role, project_id: str | None = None) -> httpx.AsyncClient:
    """Return a client without a key that has signed in with a new key of this role."""
    _, secret = clients.services.keys.create(f"{role} of {project_id}", role, project_id)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(clients.app), base_url="http://guard")
    clients.opened.append(client)
    answer = await client.post("/sign-in", data={"key": secret})
    assert answer.status_code == 303, answer.text
    return client


async def send_form(client: httpx.AsyncClient, page: str, action: str, **fields: Any) -> httpx.Response:
    """Send a form with the token that a page shows."""
    shown = await client.get(page)
    token = re.search(r'name="csrf" value="([0-9a-f]+)"', shown.text)
    assert token is not None
    return await client.post(action, data={"csrf": token[1], **fields})
