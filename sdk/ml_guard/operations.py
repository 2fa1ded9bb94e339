"""What the API can be asked for, written once for both clients: requests out, results in, no transport."""

import gzip
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from ml_guard.errors import ApiError
from ml_guard.exchange import Answer, Send, Steps, exchange
from ml_guard.results import BatchResult, EventResult
from ml_guard.shapes import Event, Label, Row, Scalar, chunks, encode, encoded_lines

_API = "/api/v1"
_JSON = {"Content-Type": "application/json"}
_NDJSON = {"Content-Type": "application/x-ndjson"}
_MAX_ROWS = 10_000
_MAX_BYTES = 16 * 2**20

Json = dict[str, Any]
Day = date | str


class Operations:
    """Every method walks through the requests that one call of a client takes."""

    def __init__(self, retries: int) -> None:
        self._retries = retries

    def ingest_event(
        self,
        *,
        project_id: str,
        model_id: str,
        latency_ms: float,
        y_pred: Scalar,
        features: Mapping[str, Scalar],
        y_proba: float | None = None,
        endpoint: str | None = None,
        timestamp: datetime | str | None = None,
        event_id: str | None = None,
        request_id: str | None = None,
        model_version: str | None = None,
        segment: str | None = None,
    ) -> Steps[EventResult]:
        """Send one event; when this returns, it is stored. `timestamp` defaults to now, `event_id` to a new one."""
        given = {name: value for name, value in locals().items() if name != "self"}
        if event_id is None:
            del given["event_id"]
        answer = yield from self._exchange(Send("POST", f"{_API}/events", encode(Event(**given)), headers=_JSON))
        body = _json(answer)
        return EventResult(body["event_id"], body["status"], answer.request_id)

    def ingest_events(
        self, events: Iterable[Event | Mapping[str, Any]], *, compress: bool = False
    ) -> Steps[BatchResult]:
        """Send any number of events, read lazily, in requests of 10,000 rows at most; good rows of a batch are kept.

        Give `event_id`s (or `Event`s, which have one) if you may send the same events again.
        """
        return (yield from self._send_rows(f"{_API}/events/batch", events, Event, compress=compress))

    def send_labels(self, labels: Iterable[Label | Mapping[str, Any]], *, compress: bool = False) -> Steps[BatchResult]:
        """Send what really happened to events, whenever it becomes known."""
        return (yield from self._send_rows(f"{_API}/labels", labels, Label, compress=compress))

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
        """Ask the champion about one row; `model` is an id, `id@alias` or `id/version`. The prediction becomes an event."""
        body = {"features": dict(features), "event_id": event_id or uuid.uuid4().hex, "segment": segment}
        return (yield from self._predict(body, model, project_id, explain=explain))

    def predict_many(
        self, instances: Iterable[Mapping[str, Any]], *, model: str | None = None, project_id: str | None = None
    ) -> Steps[Json]:
        """Ask about many rows in one request: each has `features`, and may have `event_id`, `timestamp` and `segment`."""
        rows = [{"event_id": uuid.uuid4().hex, **instance} for instance in instances]
        return (yield from self._predict({"instances": rows}, model, project_id, explain=False))

    def query(
        self, question: str, *, grounded: bool = True, project_id: str | None = None, top_k: int = 5
    ) -> Steps[Json]:
        """Ask the knowledge base; the answer has `citations` whose quotes stand in their sources, or is `declined`.

        `grounded=False` lets a language model answer beyond the sources. Never asked twice: each answer may cost.
        """
        body = {"question": question, "grounded": grounded, "top_k": top_k}
        return (
            yield from self._post(f"{_API}/query", body if project_id is None else {**body, "project_id": project_id})
        )

    def research(self, topic: str, steps: Sequence[str] | None = None, project_id: str | None = None) -> Steps[Json]:
        """Research a topic: findings with their quotes and sources, the audit trace, the risk check.

        `steps` are some of search, fetch, summarize, in this order; all unless given.
        """
        body: Json = {"topic": topic}
        if steps is not None:
            body["steps"] = list(steps)
        if project_id is not None:
            body["project_id"] = project_id
        return (yield from self._post("/research", body))

    def force_retraining(self, project_id: str, model_id: str, *, reason: str, as_of: str | None = None) -> Steps[Json]:
        """Ask for a training whatever the rule says; returns the flag. An active flag is an ApiError with status 409."""
        path = f"{_model(project_id, model_id)}/retrain"
        return (yield from self._post(path, {"reason": reason, "as_of": as_of}))

    def flags(self, project_id: str, model_id: str) -> Steps[list[Json]]:
        """The model's retrain flags, newest first."""
        return (yield from self._items("flags", project_id, model_id))

    def versions(self, project_id: str, model_id: str) -> Steps[list[Json]]:
        """The model's registered versions with aliases and metrics, newest first."""
        return (yield from self._items("versions", project_id, model_id))

    def create_project(
        self,
        project_id: str,
        *,
        name: str | None = None,
        timezone: str = "UTC",
        settings: Mapping[str, Any] | None = None,
    ) -> Steps[Json]:
        """Create a project; its days are those of `timezone` (IANA). An existing one is an ApiError with status 409."""
        body = {"id": project_id, "name": name or project_id, "timezone": timezone, "settings": dict(settings or {})}
        return (yield from self._post(f"{_API}/projects", body))

    def get_project(self, project_id: str) -> Steps[Json]:
        """Read a project."""
        return _json((yield from self._exchange(Send("GET", f"{_API}/projects/{quote(project_id, safe='')}"))))

    def capture_baseline(self, project_id: str, model_id: str, start: Day, end: Day) -> Steps[Json]:
        """Make the local days from `start` to `end`, both included, the model's reference from now on."""
        body = {"project_id": project_id, "model_id": model_id, "start": str(start), "end": str(end)}
        return (yield from self._post(f"{_API}/baselines", body))

    def baselines(self, project_id: str, model_id: str) -> Steps[list[Json]]:
        """All versions of the model's reference, newest first; one of them is active."""
        return (yield from self._items("baselines", project_id, model_id))

    def metrics(
        self, project_id: str, model_id: str, *, start: Day | None = None, end: Day | None = None
    ) -> Steps[list[Json]]:
        """Each local day's metrics, from `start` to `end`, both included."""
        return (yield from self._items("metrics", project_id, model_id, start, end))

    def drift(
        self, project_id: str, model_id: str, *, start: Day | None = None, end: Day | None = None
    ) -> Steps[list[Json]]:
        """Each local day's drift report, from `start` to `end`, both included."""
        return (yield from self._items("drift", project_id, model_id, start, end))

    def performance(
        self, project_id: str, model_id: str, *, start: Day | None = None, end: Day | None = None
    ) -> Steps[list[Json]]:
        """Each local day's performance, realised and estimated, from `start` to `end`, both included."""
        return (yield from self._items("performance", project_id, model_id, start, end))

    def news(
        self, project_id: str, model_id: str, *, start: Day | None = None, end: Day | None = None
    ) -> Steps[list[Json]]:
        """Each local day's counts and how far its processing has come."""
        return (yield from self._items("news", project_id, model_id, start, end))

    def costs(self, project_id: str, *, start: Day | None = None, end: Day | None = None) -> Steps[list[Json]]:
        """Each local day's costs, from `start` to `end`, both included; amounts are decimal text."""
        return (yield from self._pages(f"{_API}/costs", {"project_id": project_id, **_range(start, end)}))

    def unit_costs(self, project_id: str, *, start: Day | None = None, end: Day | None = None) -> Steps[list[Json]]:
        """Each local day's costs for a thousand predictions, and by model."""
        return (yield from self._pages(f"{_API}/costs/units", {"project_id": project_id, **_range(start, end)}))

    def cost_forecast(self, project_id: str, *, day: Day | None = None) -> Steps[Json]:
        """What the month comes to, as it looks at the end of a local day: yesterday, unless one is named."""
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
        """Have AWS asked for one local day, or for those from `start` to `end`; `overwrite` reads final days again."""
        params = {"project_id": project_id, **_range(start, end), "overwrite": str(overwrite).lower()}
        if day is not None:
            params["day"] = str(day)
        # Each request to AWS costs money: it is not repeated unless the server has said that it did nothing.
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
    ) -> Steps[list[Json]]:
        """Alerts, newest first; those that are open together for a model have one `incident_id`."""
        wanted = {"project_id": project_id, "model_id": model_id, "state": state, "severity": severity, "kind": kind}
        params = {name: value for name, value in wanted.items() if value is not None}
        return (yield from self._pages(f"{_API}/alerts", params))

    def alert(self, alert_id: str) -> Steps[Json]:
        """One alert with its history, and the messages of its incident."""
        return _json((yield from self._exchange(Send("GET", f"{_API}/alerts/{quote(alert_id, safe='')}"))))

    def acknowledge_alert(self, alert_id: str, reason: str) -> Steps[Json]:
        """Say that somebody looks after it: nobody is told that it got worse any more, but that it ended."""
        return (yield from self._post(f"{_API}/alerts/{quote(alert_id, safe='')}/acknowledge", {"reason": reason}))

    def health(self) -> Steps[Json]:
        """`{"status": "ok"}` from a server that is alive."""
        return _json((yield from self._exchange(Send("GET", f"{_API}/health"))))

    def _exchange(self, request: Send) -> Steps[Answer]:
        return (yield from exchange(request, retries=self._retries))

    def _predict(self, body: Json, model: str | None, project_id: str | None, *, explain: bool) -> Steps[Json]:
        named = {"model": model, "project_id": project_id, "explain": explain or None}
        wanted = {name: value for name, value in {**body, **named}.items() if value is not None}
        content = json.dumps(wanted, allow_nan=False, default=_as_text).encode()
        # The ids make it repeatable: the same prediction again is a duplicate.
        return _json((yield from self._exchange(Send("POST", "/predict", content, headers=_JSON))))

    def _post(self, path: str, body: Json) -> Steps[Json]:
        content = json.dumps(body, allow_nan=False).encode()
        return _json((yield from self._exchange(Send("POST", path, content, headers=_JSON, repeatable=False))))

    def _send_rows(
        self, path: str, rows: Iterable[Row | Mapping[str, Any]], shape: type[Row], *, compress: bool
    ) -> Steps[BatchResult]:
        total, sent = BatchResult(), 0
        headers = {**_NDJSON, "Content-Encoding": "gzip"} if compress else _NDJSON
        for chunk in chunks(encoded_lines(rows, shape), max_rows=_MAX_ROWS, max_bytes=_MAX_BYTES):
            content = gzip.compress(b"".join(chunk), compresslevel=1) if compress else b"".join(chunk)
            answer = yield from self._exchange(Send("POST", path, content, headers=headers))
            total += BatchResult.from_answer(_json(answer), first_row=sent, request_id=answer.request_id)
            sent += len(chunk)
        return total

    def _items(
        self, what: str, project_id: str, model_id: str, start: Day | None = None, end: Day | None = None
    ) -> Steps[list[Json]]:
        return (yield from self._pages(f"{_model(project_id, model_id)}/{what}", _range(start, end)))

    def _pages(self, path: str, params: dict[str, str]) -> Steps[list[Json]]:
        items: list[Json] = []
        while True:
            page = _json((yield from self._exchange(Send("GET", path, params=params))))
            items += page["items"]
            if not page.get("next_cursor"):
                return items
            params["cursor"] = str(page["next_cursor"])


def _model(project_id: str, model_id: str) -> str:
    return f"{_API}/projects/{quote(project_id, safe='')}/models/{quote(model_id, safe='')}"


def _range(start: Day | None, end: Day | None) -> dict[str, str]:
    return {name: str(day) for name, day in (("start", start), ("end", end)) if day is not None}


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def _json(answer: Answer) -> Json:
    try:
        body = answer.response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError.from_response(answer.response, answer.request_id)
    return body
