"""The context of a request: who asks, for which project, under which id."""

import asyncio
from dataclasses import dataclass
from typing import Any

from serving.audit.entry import AuditEntry
from serving.auth.principal import Principal


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What all work for one request needs of it.

    Attributes
    ----------
    route : path of the route as the app declares it.
    entry : the ledger's entry of the request.
    disconnected : done when the client has disconnected; None if nothing watches for that.
    """

    route: str
    request_id: str
    principal: Principal
    project_id: str | None
    entry: AuditEntry
    disconnected: "asyncio.Future[Any] | None" = None

    @property
    def is_disconnected(self) -> bool:
        """Whether the client has disconnected."""
        return self.disconnected is not None and self.disconnected.done()
