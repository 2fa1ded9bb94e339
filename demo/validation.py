"""`python -m demo.validation`: validate a running installation through its API, with a project of generated events.

The first failed check ends it with one line on stderr and exit code 1. A project cannot be deleted, so each run leaves
one: its name states what it is, and it neither raises alerts nor requests trainings. Starting the server is not done here.
"""

import os
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from ml_guard import DayNotProcessedError, MLGuardClient, MLGuardError

_MODEL_ID = "generated"
_BASELINE_DAYS, _DAYS = 5, 7  # then one day like the baseline, and one with a shift
_EVENTS_PER_DAY = 400
_SHIFT = 1.5  # in standard deviations; the default drift threshold corresponds to 0.45
_SHIFTED, _UNSHIFTED = "amount", ("age", "country")
_REQUEST_TIMEOUT_S = 30.0

Json = dict[str, Any]


class ValidationFailedError(Exception):
    """A check failed; the message is one line with the reason."""


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Validate the installation that the environment names, and return the exit code."""
    try:
        validate(_read_url(environment), _read_api_key(environment), timeout_s=_read_timeout(environment))
    except (ValidationFailedError, MLGuardError, httpx.HTTPError) as error:
        print("validation failed:", " ".join(str(error).split()), file=sys.stderr)
        return 1
    print("validation passed")
    return 0


def validate(url: str, api_key: str, *, timeout_s: float) -> None:
    """Check health, metrics and drift, and print a line for each check that passes.

    Raises
    ------
    ValidationFailedError
        If a check failed, or not all days are processed within `timeout_s` seconds.
    """
    deadline = time.monotonic() + timeout_s
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=back) for back in range(_DAYS + 1, 1, -1)]  # yesterday may not be closed yet
    headers = {"X-API-Key": api_key}
    with (
        MLGuardClient(url, api_key, timeout_s=_REQUEST_TIMEOUT_S, retries=2) as client,
        httpx.Client(base_url=url, headers=headers, timeout=_REQUEST_TIMEOUT_S) as http,
    ):
        _check_health(client)
        _check_prometheus_metrics(http)
        project_id = _create_project(client, http)
        _send_generated_days(client, project_id, days)
        _wait_for_days(client, project_id, days, deadline)
        _check_daily_metrics(client.metrics(project_id, _MODEL_ID), days)
        client.capture_baseline(project_id, _MODEL_ID, days[0], days[_BASELINE_DAYS - 1])
        _wait_for_days(client, project_id, days, deadline)
        _check_drift_of_days(client.drift(project_id, _MODEL_ID, start=days[-2], end=days[-1]), days[-2:])


def generate_events(project_id: str, days: Sequence[date]) -> Iterator[Json]:
    """Yield the events of the days, the same for each call; on the last day, one feature is shifted."""
    generator = random.Random(7)  # noqa: S311 (not for secrets)
    for day in days:
        shift = _SHIFT if day == days[-1] else 0.0
        for number in range(_EVENTS_PER_DAY):
            second = number * 86_400 // _EVENTS_PER_DAY
            probability = generator.betavariate(2, 2)
            yield {
                "project_id": project_id,
                "model_id": _MODEL_ID,
                "endpoint": "predict",
                "event_id": f"{day}-{number:03d}",
                "timestamp": (
                    datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)
                ).isoformat(),
                "latency_ms": generator.gammavariate(4, 10),
                "y_pred": int(probability > 0.5),
                "y_proba": probability,
                "features": {
                    _SHIFTED: generator.gauss(100 + 20 * shift, 20),
                    "age": generator.gauss(40, 10),
                    "country": generator.choice(["CA", "DE", "US"]),
                },
            }


def generate_labels(events: Sequence[Json]) -> Iterator[Json]:
    """Yield a label for each event, true as often as its probability states."""
    generator = random.Random(8)  # noqa: S311 (not for secrets)
    for event in events:
        yield {
            "project_id": event["project_id"],
            "event_id": event["event_id"],
            "y_true": int(generator.random() < event["y_proba"]),
        }


def check_drift(report: Json, *, drifted: Sequence[str]) -> None:
    """Check that a drift report names these columns as drifted and no others.

    Raises
    ------
    ValidationFailedError
        If the report names other columns, or a feature could not be judged.
    """
    states = {name: verdict["state"] for name, verdict in report["features"].items()}
    unjudged = {name: state for name, state in states.items() if state not in {"stable", "warning", "drift"}}
    if set(states) != {_SHIFTED, *_UNSHIFTED} or unjudged:
        raise ValidationFailedError(f"drift of {report['day']}: not every feature was judged: {states}")
    if report["drifted"] != list(drifted):
        expected, reported = (" and ".join(names) or "nothing" for names in (drifted, report["drifted"]))
        raise ValidationFailedError(f"drift of {report['day']}: expected {expected}, reported {reported}")


def _check_health(client: MLGuardClient) -> None:
    health = client.health()
    if health.get("status") != "ok":
        raise ValidationFailedError(f"health: expected status ok, got {health}")
    print("health: ok")


def _check_prometheus_metrics(http: httpx.Client) -> None:
    response = _accepted(http.get("/metrics"))
    samples = [line for line in response.text.splitlines() if line.startswith("ml_guard_")]
    if not samples:
        raise ValidationFailedError("/metrics: no metric of ML Guard in the response")
    print(f"/metrics: {len(samples)} samples")


def _create_project(client: MLGuardClient, http: httpx.Client) -> str:
    """Create a uniquely named project that raises no alerts and requests no trainings; return its id."""
    now = datetime.now(UTC)
    project_id = f"validation-{now:%Y%m%d-%H%M%S}-{random.SystemRandom().randrange(16**4):04x}"
    name = f"Validation of {now:%Y-%m-%d %H:%M} UTC: generated, can be ignored"
    client.create_project(project_id, name=name, settings={"retrain": {"enabled": False}})
    path = f"/api/v1/projects/{project_id}/alert-policies"
    for policy in _accepted(http.get(path)).json()["items"]:
        rule = {field: value for field, value in policy.items() if field not in {"name", "source"}}
        _accepted(http.put(f"{path}/{quote(policy['name'], safe='')}", json={**rule, "enabled": False}))
    print(f"project: {project_id}")
    return project_id


def _send_generated_days(client: MLGuardClient, project_id: str, days: Sequence[date]) -> None:
    events = list(generate_events(project_id, days))
    for kind, result in (
        ("events", client.ingest_events(events)),
        ("labels", client.send_labels(generate_labels(events))),
    ):
        if result.accepted != len(events):
            reason = f": {result.errors[0].reason}" if result.errors else ""
            raise ValidationFailedError(f"{result.accepted} of {len(events)} {kind} were accepted{reason}")
        print(f"{kind}: {result.accepted} accepted")


def _wait_for_days(client: MLGuardClient, project_id: str, days: Sequence[date], deadline: float) -> None:
    for day in days:
        try:
            client.wait_until_processed(project_id, _MODEL_ID, day, timeout_s=max(0.0, deadline - time.monotonic()))
        except DayNotProcessedError as error:
            raise ValidationFailedError(f"{error}; do Dagster's daemon and its sensor unprocessed_days run?") from error


def _check_daily_metrics(metrics: Sequence[Json], days: Sequence[date]) -> None:
    counts = {item["day"]: item["count"] for item in metrics}
    if counts != {str(day): _EVENTS_PER_DAY for day in days}:
        raise ValidationFailedError(f"metrics: expected {_EVENTS_PER_DAY} events on each of {_DAYS} days, got {counts}")
    print(f"metrics: {_DAYS} days")


def _check_drift_of_days(reports: Sequence[Json], days: Sequence[date]) -> None:
    by_day = {report["day"]: report for report in reports}
    for day, drifted in zip(days, ([], [_SHIFTED]), strict=True):
        if str(day) not in by_day:
            raise ValidationFailedError(f"drift of {day}: no report")
        check_drift(by_day[str(day)], drifted=drifted)
    print(f"drift: {_SHIFTED} has drifted on {days[-1]}, {' and '.join(_UNSHIFTED)} have not")


def _read_url(environment: Mapping[str, str]) -> str:
    url = environment.get("VALIDATION_URL") or f"http://127.0.0.1:{environment.get('ML_GUARD_PORT') or 8000}"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValidationFailedError(f"VALIDATION_URL: {url!r} does not look like http://host:port")
    return url


def _read_api_key(environment: Mapping[str, str]) -> str:
    file = environment.get("VALIDATION_API_KEY_FILE")
    if not file:
        return environment.get("VALIDATION_API_KEY") or "demo-key"
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValidationFailedError(f"VALIDATION_API_KEY_FILE: {file}: {error.strerror}") from error


def _read_timeout(environment: Mapping[str, str]) -> float:
    text = environment.get("VALIDATION_TIMEOUT_S") or "300"
    if not text.isdecimal():
        raise ValidationFailedError(f"VALIDATION_TIMEOUT_S: {text!r} is not a whole number of seconds")
    return float(text)


def _accepted(response: httpx.Response) -> httpx.Response:
    if not response.is_success:
        path = response.request.url.path
        raise ValidationFailedError(f"{path}: status {response.status_code}: {response.text[:200]}")
    return response


if __name__ == "__main__":
    sys.exit(main())
