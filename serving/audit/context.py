"""The context of a request: its caller, its project and its id."""

import asyncio
from dataclasses import dataclass
from typing import Any

from serving.audit.entry import AuditEntry
from serving.auth.principal import Principal


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The attributes of a request that all work for it shares.

    Attributes
    ----------
    route : path of the route as the app declares it.
    entry : the ledger's entry of the request.
    cache_control : the request's header of that name.
    disconnected : done when the client has disconnected; None if disconnects are not watched.
    """

    route: str
    request_id: str
    principal: Principal
    project_id: str | None
    entry: AuditEntry
    disconnected: "asyncio.Future[Any] | None" = None
    cache_control: str = ""

    @property
    def is_disconnected(self) -> bool:
        """Whether the client has disconnected."""
        return self.disconnected is not None and self.disconnected.done()
