"""Clients of the app over ASGI, each with a key of its own."""

from dataclasses import dataclass

import httpx
from fastapi import FastAPI

from guard_core.settings import Role
from serving.app import Services


@dataclass
class Clients:
    """Clients with a key; made when asked for."""

    app: FastAPI
    services: Services
    opened: list[httpx.AsyncClient]

    def of(self, role: Role, project_id: str | None = None) -> httpx.AsyncClient:
        """A client with a new key of this role."""
        _, secret = self.services.keys.create(f"{role} of {project_id}", role, project_id)
        return self.with_key(secret)

    def with_key(self, secret: str) -> httpx.AsyncClient:
        """A client with this key."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://guard", headers={"X-API-Key": secret}
        )
        self.opened.append(client)
        return client
