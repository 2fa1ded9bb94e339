"""Names of features that the lake cannot hold under their own name: every day is processed, and no value is lost."""

import json
from pathlib import Path
from typing import Any

from guard_pipelines.monitoring.stages.lake_columns import read_day
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.projects.store import ProjectStore
from ml.monitoring.profiles.table import TableProfile
from tests.support.pipelines import Pipelines
from tests.support.stored_events import event, store

CASE_NAMES = Path(__file__).parent / "data" / "case-names.ndjson"


def test_names_that_differ_in_letter_case_fail_no_day_then_or_later(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p-one", "p-one")
    lines = [json.loads(line) for line in CASE_NAMES.read_text().splitlines()]
    rows = [event("p-one", "m", line["timestamp"], line["features"], event_id=line["event_id"]) for line in lines]
    of_the_first_day = [row for row, line in zip(rows, lines, strict=True) if line["timestamp"] < "2025-03-05"]
    store(pipelines.database, of_the_first_day)
    pipelines.settle()
    store(pipelines.database, [row for row in rows if row not in of_the_first_day])
    forms = {"é": 1, "e\u0301": 2}
    store(pipelines.database, [event("p-one", "m", "2025-03-07T12:00:00Z", {"age": 1, **forms}, event_id="later")])
    pipelines.settle()
    days = pipelines.day_states.list("p-one", "m", "2025-03-04", "2025-03-07")
    assert [(day.day, day.failed) for day in days] == [(f"2025-03-0{n}", False) for n in range(4, 8)]
    assert sum(pipelines.counts("p-one").values()) == 121
    stored = AggregateStore(pipelines.database).profiles("p-one", "m", "2025-03-05", "2025-03-07")
    by_day: dict[str, Any] = {day: TableProfile.from_bytes(data).columns for day, data in stored.items()}
    fifth, seventh = by_day["2025-03-05"], by_day["2025-03-07"]
    assert (fifth["feature_Age"].mean, fifth["feature_age"].nulls) == (3.0, 1)
    assert [seventh[f"feature_{name}"].mean for name in forms] == [1.0, 2.0]
    snapshot = pipelines.lake("p-one")
    rows_of_day = read_day(snapshot, "2025-03-05", ["feature_age", "feature_Age"])
    assert rows_of_day["feature_Age"].drop_null().to_pylist() == [3.0]
    assert {"feature_age", "feature_Age", *(f"feature_{name}" for name in forms)} <= set(snapshot.columns)
