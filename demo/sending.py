"""Departures as events of the contract, sent in batches through the client by a few threads at once."""

from collections.abc import Iterator
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
    """One event a departure; what is missing is null."""
    values = departures[FEATURES].astype(object)
    columns = [values[name].where(values[name].notna(), None).tolist() for name in FEATURES]
    envelope = (departures[name].tolist() for name in ("event_id", "latency_ms", "y_pred", "y_proba"))
    rows = zip(*envelope, iso_timestamps(departures["departure"]), zip(*columns, strict=True), strict=True)
    for event_id, latency_ms, y_pred, y_proba, timestamp, features in rows:
        yield {
            "project_id": project_id,
            "model_id": MODEL_ID,
            "endpoint": ENDPOINT,
            "event_id": event_id,
            "timestamp": timestamp,
            "latency_ms": latency_ms,
            "y_pred": y_pred,
            "y_proba": y_proba,
            "features": dict(zip(FEATURES, features, strict=True)),
        }


def send(client: MLGuardClient, departures: pd.DataFrame, project_id: str, progress: Progress) -> BatchResult:
    """Send all departures, oldest first, and add up what the server said about them."""

    def send_from(first: int) -> BatchResult:
        return client.ingest_events(event_rows(departures.iloc[first : first + _BATCH_ROWS], project_id))

    total = BatchResult()
    with ThreadPoolExecutor(_SENDERS, thread_name_prefix="sender") as senders:
        batches = [senders.submit(send_from, first) for first in range(0, len(departures), _BATCH_ROWS)]
        try:
            for batch in as_completed(batches):
                total += batch.result()
                answered = total.accepted + total.duplicates + total.rejected
                progress.update(
                    f"{answered:,} of {len(departures):,} answered: {total.accepted:,} accepted,"
                    f" {total.duplicates:,} duplicates, {total.rejected:,} rejected"
                )
        except BaseException:
            senders.shutdown(wait=False, cancel_futures=True)  # the first failure is enough to know
            raise
    return total
