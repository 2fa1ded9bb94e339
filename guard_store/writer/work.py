"""Works of requests, the steps that store them, and the errors of storing them.

Each domain has its own kinds of work and its own step; the order of the steps is `guard_store.steps`.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from guard_store.writer.sessions import Session


class QueueFullError(Exception):
    """The queue of rows that wait for their commit is full; nothing of this request was stored."""


class StoreUnavailableError(Exception):
    """The transaction failed; sending the same rows again is safe, even if it was committed."""


class RowsRefusedError(ValueError):
    """The database rejects these rows and would reject them again; nothing of this request was stored."""


class Work:
    """A part of a request that one domain stores in the writer's transaction.

    Attributes
    ----------
    request_id : id of the request, for the log.
    """

    __slots__ = ()

    request_id: str | None

    @property
    def weight(self) -> int:
        """Number of rows as counted by the queue, at least 1."""
        return 1

    @property
    def needs_flush(self) -> bool:
        """Whether the work must survive a crash of the machine, not only of the process."""
        return True


class Step(Protocol):
    """One domain's part of a transaction."""

    @property
    def kinds(self) -> tuple[type[Work], ...]:
        """The kinds of work that the step stores."""

    def apply(self, session: Session, works: Sequence[Any]) -> Sequence[Work]:
        """Store the works of these kinds, at least one; return works that result from them, for later steps."""
