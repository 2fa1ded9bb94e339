"""The ledger's entry of one request: created by the middleware, filled in by the handlers, committed once.

The chain is `guard_store.ledger`; `serving.audit.service` commits entries.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.responses import Response
from starlette.types import Scope

from guard_core.days import now_us
from guard_store.ledger.bodies import Bodies
from guard_store.ledger.entry import Entry
from guard_store.spending.works import SettleCall
from serving.http.problems import Problem
from serving.http.rendering import problem_response

DISCONNECTED: Final = 499
"""Status of a request whose client left before the answer began."""
_MAX_NAME = 128
_MAX_PATH = 2_048
_json = msgspec.json.Encoder().encode


class AuditEntry:
    """The entry of a request in progress; the other attributes are those of `guard_store.ledger.entry.Entry`.

    Attributes
    ----------
    committed : whether it is on the ledger, or in the transaction that puts it there.
    status : of the answer; 499 until it begins.
    bodies : recorded bodies, if the project records them.
    settlement : of the call of a language model that the request made; committed with the entry.
    failure : a problem that ends the request from outside of its handler, such as a time limit.
    renderer : renders an error as the answer in place of JSON; set by pages.
    stream_error : renders an error as the last event of a stream; set by routes that stream.
    """

    __slots__ = (
        "_fields",
        "_request",
        "_response",
        "_scope",
        "bodies",
        "committed",
        "details",
        "failure",
        "key_id",
        "project_id",
        "renderer",
        "role",
        "settlement",
        "status",
        "stream_error",
    )

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.committed = False
        self.status = DISCONNECTED
        self.key_id: str | None = None
        self.role = "guest"
        self.project_id: str | None = None
        self.bodies: Bodies | None = None
        self.settlement: SettleCall | None = None
        self.failure: Problem | None = None
        self.details: dict[str, Any] = {}
        self.stream_error: Callable[[Problem], bytes] | None = None
        self.renderer: Callable[[Problem], Response] | None = None
        self._fields: dict[str, Any] = {}
        self._request: Any = None
        self._response: Any = None

    @property
    def route(self) -> str | None:
        """Path of the route as the app declares it; None before the request is routed."""
        return getattr(self._scope.get("route"), "path_format", None)

    @property
    def request_id(self) -> str:
        """Id of the request."""
        request_id: str = self._scope["state"]["request_id"]
        return request_id

    @property
    def has_begun(self) -> bool:
        """Whether the answer has a status already."""
        return self.status != DISCONNECTED

    def note(self, **fields: Any) -> None:
        """Set fields of the entry."""
        self._fields.update(fields)

    def note_outage(self, silent_s: float | None) -> None:
        """Note that the request is served by last known values of a database that could not be read for these seconds; None: it can."""
        if silent_s is not None:
            self.details["database_silent_s"] = round(silent_s, 1)

    def add_request(self, piece: bytes) -> None:
        """Hash a piece of the request's body."""
        if self._request is None:
            self._request = hashlib.sha256()
        self._request.update(piece)

    def add_response(self, piece: bytes) -> None:
        """Hash a piece of the answer's body."""
        if self._response is None:
            self._response = hashlib.sha256()
        self._response.update(piece)

    def copy_response_hash(self) -> Any:
        """Return the hash of the answer's body as it is now, for `restore_response_hash`."""
        return None if self._response is None else self._response.copy()

    def restore_response_hash(self, response_hash: Any) -> None:
        """Take back pieces of the answer's body that are not sent after all."""
        self._response = response_hash

    def render_problem(self, problem: Problem) -> Response:
        """Render an error as the answer."""
        if self.renderer is not None:
            return self.renderer(problem)
        return problem_response(problem, self.request_id, self._scope["path"])

    def answer_with(self, problem: Problem) -> bytes:
        """Record an error as the answer, or as the last event of a stream that has begun; return its body."""
        if self.has_begun and self.stream_error is not None:
            body = self.stream_error(problem)
        else:
            response = self.render_problem(problem)
            self.status, body = response.status_code, bytes(response.body)
        self.add_response(body)
        return body

    def row(self) -> Entry:
        """Return a snapshot of the entry for the ledger."""
        return Entry(
            at_us=now_us(),
            route=(self.route or "")[:_MAX_NAME],
            method=self._scope["method"][:16],
            status=self.status,
            request_id=self.request_id,
            key_id=self.key_id,
            role=self.role,
            project_id=self.project_id,
            request_hash=None if self._request is None else self._request.hexdigest(),
            response_hash=None if self._response is None else self._response.hexdigest(),
            details=_json(self._details_with_path()).decode(),
            **self._fields,
        )

    def _details_with_path(self) -> dict[str, Any]:
        """Return the details, with the path as called unless it is the route itself."""
        path: str = self._scope["path"]
        return self.details if path == self.route else {**self.details, "path": path[:_MAX_PATH]}
