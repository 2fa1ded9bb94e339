"""Days of events whose labels depend on their features in a way that a test can turn round."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from guard_core.days import microseconds
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore
from guard_store.retraining.decisions import Actor
from guard_store.retraining.flag import Flag
from guard_store.retraining.flags import FlagStore
from tests.support.pipelines import Pipelines
from tests.support.stored_events import event, store, store_labels

PROJECT, MODEL = "p", "m"
ADMIN = Actor("key-1", "admin", "why")
ROWS = 150
# Small and quick: what is tested here is not how good the model is.
SETTINGS: Mapping[str, Any] = {
    "training": {"algorithms": ["linear"], "holdout_days": 3, "holdout_rows": 300, "baseline_days": 5},
    "promotion": {"max_calibration_loss": 0.2},
    "retrain": {"cooldown_days": 3},
}


def make_project(database: Database, **settings: Any) -> None:
    """Store the project of these days."""
    ProjectStore(database).create(PROJECT, "P", "UTC")
    ProjectStore(database).update(PROJECT, settings={**SETTINGS, **settings})


def send_days(
    database: Database, first: int, last: int, *, turned: bool = False, labels: bool = True, predicted: bool = True
) -> None:
    """Send January days with their labels; `turned` turns the relation between x and the label round."""
    for day in range(first, last + 1):
        rng = np.random.default_rng(day)
        x, plan = rng.normal(size=ROWS), rng.choice(["a", "b"], ROWS)
        signal = (-x if turned else x) + 0.5 * (plan == "b") + rng.normal(size=ROWS) * 0.5
        rows, truth = [], {}
        for i in range(ROWS):
            at = datetime.fromisoformat(f"2013-01-{day:02d}T00:00:00+00:00") + timedelta(minutes=9 * i)
            event_id = f"{day:02d}-{i:03d}"
            features = {"x": float(x[i]), "plan": str(plan[i])}
            proba = float(1 / (1 + np.exp(-2 * x[i])))
            rows.append(
                event(
                    PROJECT,
                    MODEL,
                    at.isoformat(),
                    features,
                    y_pred=int(proba > 0.5) if predicted else None,
                    event_id=event_id,
                    y_proba=proba if predicted else None,
                    segment="ab"[i % 2],
                )
            )
            truth[event_id] = int(signal[i] > 0.3)
        store(database, rows)
        if labels:
            send_labels(database, truth, day)


def send_labels(database: Database, truth: Mapping[str, int], day: int, *, observed: str = "") -> None:
    """Store labels of one day's events, observed at the end of the day or at a given instant."""
    store_labels(database, PROJECT, truth, observed_at=observed or f"2013-01-{day:02d}T23:59:00Z")


def force(database: Database, day: int) -> Flag:
    """A flag by hand that knows what was known when the day was over."""
    as_of = microseconds(datetime.fromisoformat(f"2013-01-{day + 1:02d}T00:00:00+00:00"))
    flag = FlagStore(database).force(
        PROJECT, MODEL, f"2013-01-{day:02d}", as_of_us=as_of, reason="the first model", actor=ADMIN
    )
    assert flag is not None
    return flag


def train_first(pipelines: Pipelines) -> Flag:
    """Process ten days with their labels, and train a first champion."""
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 10)
    pipelines.settle()
    flag = force(pipelines.database, 10)
    (request,) = pipelines.tick_retrain()
    assert pipelines.retrain(request).success
    return flag
