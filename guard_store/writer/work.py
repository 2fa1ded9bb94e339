"""What is stored in one transaction: works, the steps that do them, and the errors that a request's work can end in.

Each domain has its own kinds of work and its own step; which steps there are, and in which order, is `guard_store.steps`.
"""

from collections.abc import Sequence
from typing import Protocol

from guard_store.writer.sessions import Session


class QueueFullError(Exception):
    """So many rows wait for their commit that no more are taken now; nothing of this request was stored."""


class StoreUnavailableError(Exception):
    """The transaction failed; sending the same again is safe, whatever became of it."""


class RowsRefusedError(ValueError):
    """The database refuses these rows, and will refuse them again; nothing of this request was stored."""


class Work:
    """What a request asks of one domain in the writer's transaction.

    Attributes
    ----------
    request_id : of the request, for the log.
    """

    __slots__ = ()

    request_id: str | None

    @property
    def weight(self) -> int:
        """Rows as the queue counts them; at least 1, because an empty work takes a place too."""
        return 1

    @property
    def needs_flush(self) -> bool:
        """Whether it must survive the death of the machine, not only that of the process."""
        return True


class Step(Protocol):
    """One domain's part of a transaction."""

    def apply(self, session: Session, works: Sequence[Work]) -> Sequence[Work]:
        """Do this domain's works among those of a group, and return works that follow from them, for the steps after it."""
