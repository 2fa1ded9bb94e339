"""Dependencies of every route: a part of the running app by its type, the id of the request and its ledger entry.

Building the parts is the composition root, `serving.app`; authenticating the caller is `serving.auth.security`.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from starlette.types import Scope

from serving.audit.entry import AuditEntry

T = TypeVar("T")


class Parts:
    """The parts of the app, one object of each type.

    >>> parts = Parts(["text", 1.5])
    >>> parts.get(float)
    1.5
    """

    def __init__(self, parts: Iterable[object]) -> None:
        self._by_type: dict[type, object] = {}
        for part in parts:
            if type(part) in self._by_type:
                raise ValueError(f"two parts of the app are a {type(part).__name__}")
            self._by_type[type(part)] = part

    def get(self, kind: type[T]) -> T:
        """Return the part of a type.

        Raises
        ------
        LookupError
            If the app has no part of this type.
        """
        try:
            return self._by_type[kind]  # type: ignore[return-value]
        except KeyError:
            raise LookupError(f"the app has built no {kind.__name__}: add it to serving.app") from None


def part_of(scope: Scope, kind: type[T]) -> T:
    """Return the part of a type of the app that handles a request."""
    parts: Parts = scope["app"].parts
    return parts.get(kind)


def part(kind: type[T]) -> Callable[[Request], Awaitable[T]]:
    """Make the dependency that reads the part of a type: `Annotated[KeyService, Depends(part(KeyService))]`."""

    async def read_part(request: Request) -> T:  # FastAPI would run a plain function in a thread
        return part_of(request.scope, kind)

    return read_part


async def _request_id(request: Request) -> str:
    request_id: str = request.scope["state"]["request_id"]
    return request_id


async def _entry(request: Request) -> AuditEntry:
    entry: AuditEntry = request.scope["state"]["entry"]
    return entry


RequestId = Annotated[str, Depends(_request_id)]
EntryDep = Annotated[AuditEntry, Depends(_entry)]
"""The ledger's entry of the request."""
