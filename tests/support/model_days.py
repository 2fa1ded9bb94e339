"""A model with a few days of events, sent over HTTP and processed as the pipelines would."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
from sqlalchemy import and_, update

from guard_core.columns import Kind
from guard_store.day_state.tables import day_states
from guard_store.monitoring.aggregates import Slice
from guard_store.monitoring.performance import SlicePerformance
from ml.monitoring.day_metrics import day_metrics
from ml.monitoring.profiles.build import profile_table
from serving.app import Services

MODEL = "late"
FIRST = date(2013, 1, 1)
KINDS: Mapping[str, Kind] = {"y_pred": "categorical", "feature_age": "numeric", "feature_carrier": "categorical"}


def day_of(number: int) -> str:
    """Return the n-th day of the model, counted from 0."""
    return (FIRST + timedelta(days=number)).isoformat()


class Model:
    """A model whose days are sent and processed one by one."""

    def __init__(self, services: Services, client: httpx.AsyncClient, project_id: str) -> None:
        self._services = services
        self._client = client
        self._project_id = project_id
        self.path = f"/api/v1/projects/{project_id}/models/{MODEL}"

    async def send(self, number: int, *, rows: int = 3, **changed: Any) -> dict[str, Any]:
        """Send events of the n-th day."""
        events = [
            {
                "project_id": self._project_id,
                "model_id": MODEL,
                "event_id": f"{number}-{row}",
                "timestamp": f"{day_of(number)}T17:00:00Z",
                "latency_ms": 10 + row,
                "y_pred": row % 2,
                "features": {"age": row, "carrier": "AA"},
                **changed,
            }
            for row in range(rows)
        ]
        answer = await self._client.post("/api/v1/events/batch", json=events)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def send_trainable(self) -> None:
        """Send two days of events with labels, as many as a training needs by default."""
        for number in range(2):
            await self.send(number, rows=200)
            await self.send_labels(number, rows=200)

    async def send_labels(self, number: int, *, rows: int, observed_at: str = "2013-01-20T00:00:00Z") -> None:
        """Send labels of the first events of the n-th day."""
        labels = [
            {
                "project_id": self._project_id,
                "event_id": f"{number}-{row}",
                "y_true": row % 2,
                "observed_at": observed_at,
            }
            for row in range(rows)
        ]
        answer = await self._client.post("/api/v1/labels", json=labels)
        assert answer.json()["accepted"] == rows, answer.text

    def profile(self, number: int, *, rows: int = 3) -> None:
        """Store the day's profile and metrics, for the whole day and for one endpoint."""
        table = pa.table(
            {
                "latency_ms": np.arange(rows) + 10.0,
                "y_pred": [str(row % 2) for row in range(rows)],
                "feature_age": np.arange(rows) * 1.0,
                "feature_carrier": ["AA"] * rows,
            }
        )
        profile = profile_table(table, KINDS)["", ""]
        slices = [
            Slice(dimension, value, rows, day_metrics(profile), profile.to_bytes())
            for dimension, value in (("", ""), ("endpoint", "predict"))
        ]
        day = day_of(number)
        self._services.aggregates.replace_day(
            self._project_id, MODEL, day, slices, lake_version=7, revision=1, run_id="run"
        )
        self.mark(number, lake_revision=day_states.c.revision, profile_revision=day_states.c.revision)

    def measure(self, number: int, *, realised: float, baseline: float) -> None:
        """Store a realised ROC AUC of the n-th day, and that of the active baseline; the interval is 0.1 to either side."""

        def metrics(value: float) -> dict[str, Any]:
            return {"roc_auc": {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 3, "reason": None}}

        active = self._services.baselines.active(self._project_id, MODEL)
        assert active is not None, "capture a baseline first"
        performance = self._services.performance
        report = {"realised": {"task": "binary", "n": 3, "metrics": metrics(realised)}}
        performance.replace_day(
            self._project_id,
            MODEL,
            day_of(number),
            [SlicePerformance("", "", "binary", 3, 3, report)],
            baseline_id=active.id,
            lake_version=7,
            revision=1,
            run_id="run",
        )
        reference = {"task": "binary", "n": 3, "metrics": metrics(baseline)}
        performance.replace_reference(self._project_id, MODEL, active.id, labelled=3, reference=reference)

    def mark(self, number: int, **values: Any) -> None:
        """Change the day's state as a stage would."""
        of_day = and_(day_states.c.model_id == MODEL, day_states.c.day == day_of(number))
        with self._services.database.write() as connection:
            connection.execute(update(day_states).where(of_day).values(values))
