"""Requests of an import to the server: the project, rows in batches, the baseline, and the state of days."""

import time
from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any, Self

from guard_cli.terminal import CommandError

if TYPE_CHECKING:  # help must not wait for Arrow and httpx
    import httpx
    import pyarrow as pa

_ARROW = "application/vnd.apache.arrow.stream"
_BATCH_ROWS = 5_000
_TIMEOUT_S = 120
_POLL_S = 1.0
_RETRIES = 5
_CONFLICT = 409


class DaysChangedError(CommandError):
    """Days have changed since they were profiled; they will be profiled again."""


class ImportClient:
    """A client of the server that an import sends to; use it as a context manager."""

    def __init__(self, server: str, key: str) -> None:
        import httpx

        self._http = httpx.Client(base_url=server, headers={"X-API-Key": key}, timeout=_TIMEOUT_S)

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._http.close()

    def ensure_project(self, project_id: str, timezone: str | None) -> str:
        """Create the project if it does not exist, and return its time zone."""
        body = {"id": project_id, "name": project_id, "timezone": timezone or "UTC"}
        created = self._request("POST", "/api/v1/projects", json=body, allowed=_CONFLICT)
        if created.status_code != _CONFLICT:
            return str(created.json()["timezone"])
        return str(self._request("GET", f"/api/v1/projects/{project_id}").json()["timezone"])

    def send(self, path: str, rows: "pa.Table") -> Iterator[dict[str, Any]]:
        """Send rows in batches, and yield the server's summary of each; the index of an error counts all rows."""
        for start, body in iter_batches(rows):
            answer = self._request("POST", path, content=body, headers={"Content-Type": _ARROW}).json()
            yield answer | {"errors": [{**error, "index": error["index"] + start} for error in answer["errors"]]}

    def capture_baseline(self, project_id: str, model_id: str, first: date, last: date) -> int:
        """Capture a range of days as the baseline, unless it is the active one already; return its version.

        Raises
        ------
        DaysChangedError
            If rows or labels were counted on the days since they were profiled.
        """
        window = {"start": first.isoformat(), "end": last.isoformat()}
        baselines = self._request("GET", f"/api/v1/projects/{project_id}/models/{model_id}/baselines").json()["items"]
        for baseline in baselines:
            if baseline["active"] and {"start": baseline["start"], "end": baseline["end"]} == window:
                return int(baseline["version"])
        body = {"project_id": project_id, "model_id": model_id, **window}
        answer = self._request("POST", "/api/v1/baselines", json=body, allowed=_CONFLICT)
        if answer.status_code != _CONFLICT:
            return int(answer.json()["version"])
        has_changed = "days" in answer.json()  # those to be profiled again; without it, waiting would not help
        raise (DaysChangedError if has_changed else CommandError)(f"POST /api/v1/baselines: {_detail(answer)}")

    def wait(
        self,
        project_id: str,
        model_id: str,
        first: date,
        last: date,
        stage: str,
        report: Callable[[int], None],
        wait_s: float,
    ) -> None:
        """Wait until a stage has processed all days of a range; `report` is called with the number of those done.

        Raises
        ------
        CommandError
            If a day fails, or they are not processed in time.
        """
        end = time.monotonic() + wait_s
        while True:
            days = list(self._days(project_id, model_id, first, last))
            for day in days:
                if day["state"] == "failed":
                    raise CommandError(f"{day['day']} failed: {day['error']}")
            closed = [day for day in days if day["state"] != "open"]
            done = sum(day[f"{stage}_revision"] >= day["revision"] for day in closed)
            report(done)
            if done == len(closed):
                return
            if time.monotonic() > end:
                raise CommandError(
                    f"{len(closed) - done} days are not processed after {wait_s:.0f} s: does Dagster run (`ml-guard up`)?"
                    " Run the same import again to go on waiting."
                )
            time.sleep(_POLL_S)

    def _days(self, project_id: str, model_id: str, first: date, last: date) -> Iterator[dict[str, Any]]:
        path = f"/api/v1/projects/{project_id}/models/{model_id}/days"
        params = {"start": first.isoformat(), "end": last.isoformat(), "limit": "1000"}
        while True:
            page = self._request("GET", path, params=params).json()
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            params["cursor"] = page["next_cursor"]

    def overview(self, project_id: str, model_id: str, days: int) -> dict[str, Any] | None:
        """Return the overview of the model."""
        models = self._request("GET", "/api/v1/overview", params={"days": days}).json()["models"]
        return next((m for m in models if (m["project_id"], m["model_id"]) == (project_id, model_id)), None)

    def drifted_columns(self, project_id: str, model_id: str, day: str) -> list[str]:
        """Return the sentences about the columns that drift on a day."""
        path = f"/api/v1/projects/{project_id}/models/{model_id}/drift"
        reports = self._request("GET", path, params={"start": day, "end": day}).json()["items"]
        columns = {**reports[0]["features"], **reports[0]["envelope"]} if reports else {}
        return [f"{name}: {verdict['reason']}" for name, verdict in columns.items() if verdict["state"] == "drift"]

    def _request(self, method: str, path: str, *, allowed: int | None = None, **options: Any) -> "httpx.Response":
        import httpx

        for attempt in range(_RETRIES):
            try:
                response = self._http.request(method, path, **options)
            except httpx.TransportError as error:
                if attempt == _RETRIES - 1:
                    raise CommandError(
                        f"the server at {self._http.base_url} does not answer ({error}); start it with `ml-guard up`"
                    ) from error
            else:
                if response.is_success or response.status_code == allowed:
                    return response
                if response.status_code not in {429, 503}:
                    raise CommandError(f"{method} {path}: {_detail(response)}")
            time.sleep(2.0**attempt / 4)
        raise CommandError(f"{method} {path}: {_detail(response)}")


def iter_batches(rows: "pa.Table") -> Iterator[tuple[int, bytes]]:
    """Yield rows as Arrow IPC streams of a request each, with the index of their first row."""
    import pyarrow as pa

    for start in range(0, rows.num_rows, _BATCH_ROWS):
        batch = rows.slice(start, _BATCH_ROWS)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_table(batch)
        yield start, sink.getvalue().to_pybytes()


def _detail(response: "httpx.Response") -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError):
        return f"{response.status_code} {response.reason_phrase}"
