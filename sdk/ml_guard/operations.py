"""Operations of the API, written once for both clients: they yield requests and return results, without transport."""

import gzip
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from ml_guard.errors import ApiError, DayNotProcessedError
from ml_guard.exchange import Answer, Send, Steps, Wait, exchange
from ml_guard.frames import arrow_bodies, frame_events
from ml_guard.results import BatchResult, EventResult, Rows
from ml_guard.shapes import Event, Instance, Label, Row, Scalar, chunks, encode, encoded_rows

_API = "/api/v1"
_JSON = {"Content-Type": "application/json"}
_NDJSON = {"Content-Type": "application/x-ndjson"}
_ARROW = {"Content-Type": "application/vnd.apache.arrow.stream"}
_REPEATABLE = frozenset({"GET", "HEAD", "PUT"})
_NOT_FOUND, _CONFLICT = 404, 409
_MAX_ROWS = 10_000
_MAX_BYTES = 16 * 2**20

Json = dict[str, Any]
Day = date | str


class Operations:
    """The methods of both clients; each yields the requests and waits of one call, and returns its result."""

    def __init__(self, retries: int) -> None:
        self._retries = retries

    def ingest_event(
        self,
        *,
        project_id: str,
        model_id: str,
        y_pred: Scalar,
        features: Mapping[str, Scalar],
        latency_ms: float | None = None,
        y_proba: float | None = None,
        endpoint: str | None = None,
        timestamp: datetime | str | None = None,
        event_id: str | None = None,
        request_id: str | None = None,
        model_version: str | None = None,
        segment: str | None = None,
    ) -> Steps[EventResult]:
        """Send one event, which is durable on return. `timestamp` defaults to now, `event_id` to a new id."""
        fields = {name: value for name, value in locals().items() if name != "self"}
        if event_id is None:
            del fields["event_id"]
        answer = yield from self._exchange(Send("POST", f"{_API}/events", encode(Event(**fields)), headers=_JSON))
        body = _json(answer)
        return EventResult(body["event_id"], body["status"], answer.request_id)

    def ingest_events(
        self, events: Iterable[Event | Mapping[str, Any]], *, compress: bool = False
    ) -> Steps[BatchResult]:
        """Send any number of events, read lazily, in requests of 10,000 rows at most; valid rows of a batch are stored.

        Set `event_id` in each row (`Event` has one by default) if you may send the same events again.
        """
        return (yield from self._send_rows(f"{_API}/events/batch", events, Event, compress=compress))

    def ingest_frame(
        self, frame: Any, /, *, columns: Mapping[str, str] | None = None, compress: bool = False, **fields: Any
    ) -> Steps[BatchResult]:
        """Send the rows of a data frame of pandas or polars, or of an Arrow table, as events; NaN becomes null.

        Columns named like fields of an event are these fields, all others are features; `columns` renames them first, as in
        `{"churned": "y_pred"}`. The index of pandas is left out, except levels named like a field, such as `event_id`. Further arguments are fields that all rows share: `project_id`, `model_id`, `endpoint`.
        """
        path = f"{_API}/events/batch"
        events = frame_events(frame, columns or {}, fields)
        if isinstance(events, Iterator):
            return (yield from self._send_rows(path, events, Event, compress=compress))
        bodies = arrow_bodies(events, max_rows=_MAX_ROWS, max_bytes=_MAX_BYTES)
        return (yield from self._send_bodies(path, bodies, _ARROW, compress=compress))

    def send_labels(self, labels: Iterable[Label | Mapping[str, Any]], *, compress: bool = False) -> Steps[BatchResult]:
        """Send the true outcomes of events, as soon as they are known."""
        return (yield from self._send_rows(f"{_API}/labels", labels, Label, compress=compress))

    def send_encoded(self, lines: Iterable[bytes], shape: type[Event] | type[Label]) -> Steps[BatchResult]:
        """Send events or labels that are lines of JSON already."""
        path = f"{_API}/events/batch" if shape is Event else f"{_API}/labels"
        return (yield from self._send_lines(path, lines))

    def predict(
        self,
        features: Mapping[str, Scalar],
        *,
        model: str | None = None,
        project_id: str | None = None,
        event_id: str | None = None,
        segment: str | None = None,
        explain: bool = False,
    ) -> Steps[Json]:
        """Predict one row; `model` is an id (its champion), `id@alias` or `id/version`. The prediction is stored as an event."""
        row = encode(Instance(features=features, event_id=event_id, segment=segment))
        return (yield from self._predict(row[1:-1], model, project_id, explain=explain))

    def predict_many(
        self, instances: Iterable[Mapping[str, Any]], *, model: str | None = None, project_id: str | None = None
    ) -> Steps[Json]:
        """Predict many rows in one request; each has `features`, and optionally `event_id`, `timestamp` and `segment`."""
        rows = b",".join(encoded_rows(instances, Instance, "instances"))
        return (yield from self._predict(b'"instances":[' + rows + b"]", model, project_id, explain=False))

    def query(
        self, question: str, *, grounded: bool = True, project_id: str | None = None, top_k: int = 5
    ) -> Steps[Json]:
        """Query the knowledge base; the answer has `citations` with verbatim quotes from their sources, or is `declined`.

        `grounded=False` allows a language model to answer beyond the sources. The request is not retried after it may have
        been processed, because each answer may cost money.
        """
        body = {"question": question, "grounded": grounded, "top_k": top_k}
        return (
            yield from self._post(f"{_API}/query", body if project_id is None else {**body, "project_id": project_id})
        )

    def research(self, topic: str, steps: Sequence[str] | None = None, project_id: str | None = None) -> Steps[Json]:
        """Research a topic; the result has findings with quotes and sources, the audit trace, and the risk check.

        `steps` is a selection of search, fetch, summarize, in this order; the default is all of them.
        """
        body: Json = {"topic": topic}
        if steps is not None:
            body["steps"] = list(steps)
        if project_id is not None:
            body["project_id"] = project_id
        return (yield from self._post("/research", body))

    def force_retraining(self, project_id: str, model_id: str, *, reason: str, as_of: str | None = None) -> Steps[Json]:
        """Request a training regardless of the retrain rule; return its flag.

        An active flag, or too few labelled rows, raises ApiError with status 409.
        """
        path = f"{_model(project_id, model_id)}/retrain"
        return (yield from self._post(path, {"reason": reason, "as_of": as_of}))

    def flags(self, project_id: str, model_id: str) -> Steps[Rows]:
        """List the model's retrain flags, newest first."""
        return (yield from self._items("flags", project_id, model_id))

    def versions(self, project_id: str, model_id: str) -> Steps[Rows]:
        """List the model's registered versions with aliases and metrics, newest first."""
        return (yield from self._items("versions", project_id, model_id))

    def create_project(
        self,
        project_id: str,
        *,
        name: str | None = None,
        timezone: str = "UTC",
        settings: Mapping[str, Any] | None = None,
    ) -> Steps[Json]:
        """Create a project with local days in `timezone` (IANA name). An existing id raises ApiError with status 409."""
        body = {"id": project_id, "name": name or project_id, "timezone": timezone, "settings": dict(settings or {})}
        return (yield from self._post(f"{_API}/projects", body))

    def get_project(self, project_id: str) -> Steps[Json]:
        """Read a project."""
        return _json((yield from self._exchange(Send("GET", f"{_API}/projects/{quote(project_id, safe='')}"))))

    def ensure_project(self, project_id: str, *, name: str | None = None, timezone: str = "UTC") -> Steps[Json]:
        """Read a project, or create it if it does not exist."""
        try:
            return (yield from self.get_project(project_id))
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise
        try:
            return (yield from self.create_project(project_id, name=name, timezone=timezone))
        except ApiError as error:
            if error.status != _CONFLICT:  # another process has just created it
                raise
            return (yield from self.get_project(project_id))

    def wait_until_processed(
        self, project_id: str, model_id: str, day: Day, *, timeout_s: float = 600.0, poll_s: float = 1.0
    ) -> Steps[Json]:
        """Wait until all stages of a local day are done; return its state.

        Raises
        ------
        DayNotProcessedError
            If the day is not done within `timeout_s` seconds.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                days = yield from self.days(project_id, model_id, start=day, end=day)
            except ApiError as error:
                if error.status != _NOT_FOUND:  # the model is known from its first event on
                    raise
                days = Rows()
            if days and days[0]["state"] == "done":
                return days[0]
            if time.monotonic() + poll_s > deadline:
                raise DayNotProcessedError(str(day), days[0] if days else {})
            yield Wait(poll_s)

    def capture_baseline(self, project_id: str, model_id: str, start: Day, end: Day) -> Steps[Json]:
        """Capture the local days from `start` to `end`, inclusive, as the model's new active baseline."""
        body = {"project_id": project_id, "model_id": model_id, "start": str(start), "end": str(end)}
        return (yield from self._post(f"{_API}/baselines", body))

    def baselines(self, project_id: str, model_id: str) -> Steps[Rows]:
        """List all versions of the model's baseline, newest first; one of them is active."""
        return (yield from self._items("baselines", project_id, model_id))

    def metrics(
        self, project_id: str, model_id: str, *, start: Day | None = None, end: Day | None = None
    ) -> Steps[Rows]:
        """Read the metrics of each local day from `start` to `end`, inclusive."""
        return (yield from self._items("metrics", project_id, model_id, start, end))

    def drift(self, project_id: str, model_id: str, *, start: Day | None = None, end: Day | None = None) -> Steps[Rows]:
        """Read the drift report of each local day from `start` to `end`, inclusive."""
        return (yield from self._items("drift", project_id, model_id, start, end))

    def performance(
        self, project_id: str, model_id: str, *, start: Day | None = None, end: Day | None = None
    ) -> Steps[Rows]:
        """Read the realised and estimated performance of each local day from `start` to `end`, inclusive."""
        return (yield from self._items("performance", project_id, model_id, start, end))

    def days(self, project_id: str, model_id: str, *, start: Day | None = None, end: Day | None = None) -> Steps[Rows]:
        """Read the state of each local day: its counts, and how far it is processed."""
        return (yield from self._items("days", project_id, model_id, start, end))

    def costs(self, project_id: str, *, start: Day | None = None, end: Day | None = None) -> Steps[Rows]:
        """Read the costs of each local day from `start` to `end`, inclusive; amounts are decimal text."""
        return (yield from self._pages(f"{_API}/costs", {"project_id": project_id, **_range(start, end)}))

    def unit_costs(self, project_id: str, *, start: Day | None = None, end: Day | None = None) -> Steps[Rows]:
        """Read the costs per thousand predictions of each local day, in total and by model."""
        return (yield from self._pages(f"{_API}/costs/units", {"project_id": project_id, **_range(start, end)}))

    def cost_forecast(self, project_id: str, *, day: Day | None = None) -> Steps[Json]:
        """Read the forecast of a month's costs as of the end of a local day, by default yesterday."""
        params = {"project_id": project_id, **({} if day is None else {"day": str(day)})}
        return _json((yield from self._exchange(Send("GET", f"{_API}/costs/forecast", params=params))))

    def pull_costs(
        self,
        project_id: str,
        *,
        day: Day | None = None,
        start: Day | None = None,
        end: Day | None = None,
        overwrite: bool = False,
    ) -> Steps[Json]:
        """Pull costs from AWS for one local day, or for the days from `start` to `end`; `overwrite` reads final days again."""
        params = {"project_id": project_id, **_range(start, end), "overwrite": str(overwrite).lower()}
        if day is not None:
            params["day"] = str(day)
        # Each request to AWS costs money: it is retried only if the server reported that it did nothing.
        request = Send("POST", f"{_API}/costs/pull", params=params, repeatable=False)
        return _json((yield from self._exchange(request)))

    def alerts(
        self,
        *,
        project_id: str | None = None,
        model_id: str | None = None,
        state: str | None = None,
        severity: str | None = None,
        kind: str | None = None,
    ) -> Steps[Rows]:
        """List alerts, newest first; alerts of a model that are open at the same time share an `incident_id`."""
        filters = {"project_id": project_id, "model_id": model_id, "state": state, "severity": severity, "kind": kind}
        params = {name: value for name, value in filters.items() if value is not None}
        return (yield from self._pages(f"{_API}/alerts", params))

    def alert(self, alert_id: str) -> Steps[Json]:
        """Read an alert with its history and the messages of its incident."""
        return _json((yield from self._exchange(Send("GET", f"{_API}/alerts/{quote(alert_id, safe='')}"))))

    def acknowledge_alert(self, alert_id: str, reason: str) -> Steps[Json]:
        """Acknowledge an alert: no further message is sent if it gets worse, only one when it is resolved."""
        return (yield from self._post(f"{_API}/alerts/{quote(alert_id, safe='')}/acknowledge", {"reason": reason}))

    def request(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: Any = None
    ) -> Steps[Any]:
        """Make a request of any route, such as `request("GET", "/api/v1/overview")`; return its JSON, or its text if it has none.

        Parameters that are None are left out. Only GET, HEAD and PUT are retried after they may have been processed. An empty
        response is None. Errors are those of all other methods.
        """
        if not path.startswith("/"):
            raise ValueError("path: must begin with a slash, as in /api/v1/overview")
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        request = Send(
            method.upper(),
            path,
            content,
            params={name: _param(value) for name, value in (params or {}).items() if value is not None},
            headers={} if content is None else _JSON,
            repeatable=method.upper() in _REPEATABLE,
        )
        response = (yield from self._exchange(request)).response
        if not response.content:
            return None
        return response.json() if "json" in response.headers.get("Content-Type", "") else response.text

    def rows(self, path: str, *, params: Mapping[str, Any] | None = None) -> Steps[Rows]:
        """Read all pages of any route that lists `items`, such as `rows("/api/v1/incidents")`."""
        named = {name: _param(value) for name, value in (params or {}).items() if value is not None}
        return (yield from self._pages(path, named))

    def health(self) -> Steps[Json]:
        """Check that the server is alive; return `{"status": "ok"}`."""
        return _json((yield from self._exchange(Send("GET", f"{_API}/health"))))

    def _exchange(self, request: Send) -> Steps[Answer]:
        return (yield from exchange(request, retries=self._retries))

    def _predict(self, rows: bytes, model: str | None, project_id: str | None, *, explain: bool) -> Steps[Json]:
        """Send rows to predict, as members of a JSON object, with the options of the request."""
        options = {"model": model, "project_id": project_id, "explain": explain or None}
        members = [json.dumps({name: value})[1:-1].encode() for name, value in options.items() if value is not None]
        content = b"{" + b",".join([rows, *members]) + b"}"
        # Repeatable because of the event ids: the same prediction again is a duplicate.
        return _json((yield from self._exchange(Send("POST", "/predict", content, headers=_JSON))))

    def _post(self, path: str, body: Json) -> Steps[Json]:
        content = json.dumps(body, allow_nan=False).encode()
        return _json((yield from self._exchange(Send("POST", path, content, headers=_JSON, repeatable=False))))

    def _send_rows(
        self, path: str, rows: Iterable[Row | Mapping[str, Any]], shape: type[Row], *, compress: bool
    ) -> Steps[BatchResult]:
        lines = (row + b"\n" for row in encoded_rows(rows, shape))
        return (yield from self._send_lines(path, lines, compress=compress))

    def _send_lines(self, path: str, lines: Iterable[bytes], *, compress: bool = False) -> Steps[BatchResult]:
        bodies = ((b"".join(chunk), len(chunk)) for chunk in chunks(lines, max_rows=_MAX_ROWS, max_bytes=_MAX_BYTES))
        return (yield from self._send_bodies(path, bodies, _NDJSON, compress=compress))

    def _send_bodies(
        self, path: str, bodies: Iterable[tuple[bytes, int]], headers: Mapping[str, str], *, compress: bool
    ) -> Steps[BatchResult]:
        """Send bodies, each with its number of rows."""
        total, sent = BatchResult(), 0
        if compress:
            headers = {**headers, "Content-Encoding": "gzip"}
        for body, rows in bodies:
            content = gzip.compress(body, compresslevel=1) if compress else body
            answer = yield from self._exchange(Send("POST", path, content, headers=headers))
            total += BatchResult.from_answer(_json(answer), first_row=sent, request_id=answer.request_id)
            sent += rows
        return total

    def _items(
        self, what: str, project_id: str, model_id: str, start: Day | None = None, end: Day | None = None
    ) -> Steps[Rows]:
        return (yield from self._pages(f"{_model(project_id, model_id)}/{what}", _range(start, end)))

    def _pages(self, path: str, params: dict[str, str]) -> Steps[Rows]:
        items = Rows()
        while True:
            page = _json((yield from self._exchange(Send("GET", path, params=params))))
            if "items" not in page:
                raise ValueError(f"path: {path} lists no items; use request")
            items += page["items"]
            if not page.get("next_cursor"):
                return items
            params["cursor"] = str(page["next_cursor"])


def _model(project_id: str, model_id: str) -> str:
    return f"{_API}/projects/{quote(project_id, safe='')}/models/{quote(model_id, safe='')}"


def _param(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _range(start: Day | None, end: Day | None) -> dict[str, str]:
    return {name: str(day) for name, day in (("start", start), ("end", end)) if day is not None}


def _json(answer: Answer) -> Json:
    try:
        body = answer.response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError.from_response(answer.response, answer.request_id)
    return body
