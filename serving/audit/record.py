"""What is put on record of one request: begun by the middleware, filled in by whoever learns something, written at its end.

The chain is `guard_store.ledger`; when a record is written is `serving.http.middleware`.
"""

import hashlib
from typing import Any

import msgspec

from guard_core.days import now_us
from guard_store.ledger.bodies import Bodies
from guard_store.ledger.entry import Entry
from guard_store.spending.requests import SettleCall

_MAX_NAME = 128
_json = msgspec.json.Encoder().encode


class Record:
    """A request on its way; attributes that are not described here are those of `guard_store.ledger.entry.Entry`.

    Attributes
    ----------
    done : whether it is on record already, by the transaction of what it did.
    bodies : what its project keeps of it.
    settlement : of the call of a language model that it made: settled by the transaction that puts it on record.
    """

    __slots__ = (
        "_answer",
        "_body",
        "_fields",
        "bodies",
        "details",
        "done",
        "key_id",
        "project_id",
        "role",
        "settlement",
    )

    def __init__(self) -> None:
        self.done = False
        self.key_id: str | None = None
        self.role = "guest"
        self.project_id: str | None = None
        self.settlement: SettleCall | None = None
        self.bodies: Bodies | None = None
        self.details: dict[str, Any] = {}
        self._fields: dict[str, Any] = {}
        self._body: Any = None
        self._answer: Any = None

    def note(self, **fields: Any) -> None:
        """Remember fields of the entry."""
        self._fields.update(fields)

    def request_piece(self, piece: bytes) -> None:
        """A part of the request's body."""
        if self._body is None:
            self._body = hashlib.sha256()
        self._body.update(piece)

    def answer_piece(self, piece: bytes) -> None:
        """A part of the answer's body."""
        if self._answer is None:
            self._answer = hashlib.sha256()
        self._answer.update(piece)

    def entry(self, route: str, method: str, status: int, request_id: str) -> Entry:
        """The row as it stands now."""
        return Entry(
            at_us=now_us(),
            route=route[:_MAX_NAME],
            method=method[:16],
            status=status,
            request_id=request_id,
            key_id=self.key_id,
            role=self.role,
            project_id=self.project_id,
            request_hash=None if self._body is None else self._body.hexdigest(),
            response_hash=None if self._answer is None else self._answer.hexdigest(),
            details=_json(self.details).decode(),
            **self._fields,
        )
