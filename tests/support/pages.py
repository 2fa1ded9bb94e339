"""People who look at the pages: signed-in clients, and the token of their forms."""

import httpx

from serving.pages.sessions.service import COOKIE, form_token
from tests.support.clients import Clients


async def sign_in(clients: Clients, role: str, project_id: str | None = None) -> httpx.AsyncClient:
    """Return a client with a session and without a key."""
    _, secret = clients.services.keys.create(f"{role} of {project_id}", role, project_id)  # type: ignore[arg-type]
    client = httpx.AsyncClient(transport=httpx.ASGITransport(clients.app), base_url="https://guard")
    clients.opened.append(client)
    answer = await client.post("/sign-in", data={"key": secret})
    assert answer.status_code == 303, answer.text
    return client


def csrf_of(client: httpx.AsyncClient) -> str:
    """Return the token of the forms that this client is shown."""
    return form_token(client.cookies[COOKIE])
