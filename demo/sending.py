"""Departures as events, labels and requests to `/predict`, sent through the client by several threads."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import pandas as pd
from ml_guard import BatchResult, MLGuardClient

from demo.flights import FEATURES, iso_timestamps
from demo.progress import Progress

MODEL_ID = "late-arrival"
ENDPOINT = "predict"

_BATCH_ROWS = 5_000
_SENDERS = 2


def event_rows(departures: pd.DataFrame, project_id: str) -> Iterator[dict[str, Any]]:
    """Yield one event for each departure from before there was a model: without prediction and with a latency of 0."""
    for envelope, features in _rows(departures):
        yield {
            "project_id": project_id,
            "model_id": MODEL_ID,
            "endpoint": ENDPOINT,
            **envelope,
            "latency_ms": 0.0,
            "y_pred": None,
            "features": features,
        }


def instances(departures: pd.DataFrame) -> list[dict[str, Any]]:
    """Build the instances of a request to `/predict`, with the departure time as timestamp."""
    return [{**envelope, "features": features} for envelope, features in _rows(departures)]


def label_rows(departures: pd.DataFrame, project_id: str) -> Iterator[dict[str, Any]]:
    """Yield the label of each flight that landed: whether it was late, observed at the landing."""
    landed = departures[departures["late"].notna()]
    texts = iso_timestamps(landed["landed"])
    for event_id, late, observed_at in zip(landed["event_id"], landed["late"], texts, strict=True):
        yield {"project_id": project_id, "event_id": event_id, "y_true": int(late), "observed_at": observed_at}


def send(client: MLGuardClient, departures: pd.DataFrame, project_id: str, progress: Progress) -> BatchResult:
    """Send departures as events, oldest first, and sum the results."""
    return _in_batches(
        departures, lambda part: client.ingest_events(event_rows(part, project_id)), "events answered", progress
    )


def predict(client: MLGuardClient, departures: pd.DataFrame, project_id: str, progress: Progress) -> set[str]:
    """Predict departures with the champion; return the versions that answered."""

    def predict_part(part: pd.DataFrame) -> set[str]:
        return {client.predict_many(instances(part), model=MODEL_ID, project_id=project_id)["model_version"]}

    versions: set[str] = set()
    for done, answered in _batches(departures, predict_part):
        versions |= answered
        progress.update(f"{done:,} of {len(departures):,} predicted by version {', '.join(sorted(versions))}")
    return versions


def send_labels(client: MLGuardClient, departures: pd.DataFrame, project_id: str, progress: Progress) -> BatchResult:
    """Send the labels of departures, and sum the results."""
    return _in_batches(
        departures, lambda part: client.send_labels(label_rows(part, project_id)), "departures labelled", progress
    )


def _in_batches(
    departures: pd.DataFrame, send_part: Callable[[pd.DataFrame], BatchResult], what: str, progress: Progress
) -> BatchResult:
    total = BatchResult()
    for done, result in _batches(departures, send_part):
        total += result
        progress.update(
            f"{done:,} of {len(departures):,} {what}: {total.accepted:,} accepted,"
            f" {total.duplicates:,} duplicates, {total.rejected:,} rejected"
        )
    return total


def _batches(departures: pd.DataFrame, work: Callable[[pd.DataFrame], Any]) -> Iterator[tuple[int, Any]]:
    """Yield the number of rows done and the result of each part, as parts complete; the first failure cancels the others."""
    parts: Sequence[pd.DataFrame] = [
        departures.iloc[first : first + _BATCH_ROWS] for first in range(0, len(departures), _BATCH_ROWS)
    ]
    done = 0
    with ThreadPoolExecutor(_SENDERS, thread_name_prefix="sender") as senders:
        futures = {senders.submit(work, part): len(part) for part in parts}
        try:
            for future in as_completed(futures):
                done += futures[future]
                yield done, future.result()
        except BaseException:
            senders.shutdown(wait=False, cancel_futures=True)  # one failure is enough: the demo stops anyway
            raise


def _rows(departures: pd.DataFrame) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    values = departures[FEATURES].astype(object)
    columns = [values[name].where(values[name].notna(), None).tolist() for name in FEATURES]
    texts = iso_timestamps(departures["departure"])
    for event_id, timestamp, features in zip(
        departures["event_id"].tolist(), texts, zip(*columns, strict=True), strict=True
    ):
        yield {"event_id": event_id, "timestamp": timestamp}, dict(zip(FEATURES, features, strict=True))
