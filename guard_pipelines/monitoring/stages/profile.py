"""The lake's days into profiles and metrics: the whole day, and each endpoint, model version and segment.

Profiles and metrics are computed by `ml`; here they are requested and stored.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from guard_core.settings import Settings
from guard_pipelines.days.loop import Outcome, Scope, StageRun, run_stage
from guard_store.day_state.day_state import DayState
from guard_store.db.database import Database
from guard_store.db.day_results import WHOLE_DAY
from guard_store.ingest.rejections import RejectionStore
from guard_store.lake.names import column_of
from guard_store.lake.rows import KIND_VIOLATIONS
from guard_store.lake.store import Lake, LakeSnapshot
from guard_store.monitoring.aggregates import AggregateStore, Slice
from guard_store.monitoring.kinds import KindStore
from ml.monitoring.day_metrics import day_metrics
from ml.monitoring.profiles.build import SLICE_COLUMNS, profile_parquet
from ml.monitoring.profiles.table import TableProfile


def profile_days(scope: Scope, database: Database, lake: Lake, settings: Settings) -> Outcome:
    """Profile the days whose rows in the lake are new."""
    return run_stage("profile", scope, database, settings, partial(_profile_model, database, lake))


def _profile_model(database: Database, lake: Lake, run: StageRun, items: Sequence[DayState]) -> None:
    project_id, model_id, _ = items[0].key
    kinds = KindStore(database).of(project_id, model_id)
    snapshot = lake.snapshot(project_id, model_id)
    errors = _errors(database, items)
    # Newest first: a day whose profile changes invalidates later days, which must not be yet to be marked.
    for item in reversed(items):
        with run.isolate(item):
            slices = _slices(item, snapshot, kinds, errors.get(item.day, {}))
            version = -1 if snapshot is None else snapshot.version
            AggregateStore(database).replace_day(
                *item.key,
                slices,
                lake_version=version,
                revision=item.lake_revision,
                run_id=run.run_id,
                request_id=item.request_id,
            )
            run.mark([item])
            whole = slices[0] if slices else None
            latency: Mapping[str, Any] = (whole.metrics.get("latency") if whole else None) or {}
            p95 = latency.get("p95")
            run.outcome.add(
                item,
                rows=whole.rows if whole else 0,
                slices=len(slices),
                p95_latency_ms="" if p95 is None else p95,
            )


def _slices(
    item: DayState, snapshot: LakeSnapshot | None, kinds: Mapping[str, Any], errors: Mapping[str, int]
) -> list[Slice]:
    files = snapshot.files(item.day) if snapshot else ()
    if snapshot is None or not files:
        return []
    stored_kinds = {snapshot.stored_name(column): kind for column, kind in kinds.items()}
    profiles = profile_parquet(files, stored_kinds, slices=SLICE_COLUMNS, filesystem=snapshot.filesystem)
    of_day = {
        "late": item.late,
        "duplicates": item.duplicates,
        "errors": {"total": sum(errors.values()), "by_field": dict(errors)},
        "violations": _violations(files, snapshot),
    }
    # A slice with all rows has the whole day's profile: it is measured and encoded once.
    measured = {id(profile): _measure(profile) for profile in {id(p): p for p in profiles.values()}.values()}
    slices = []
    for key, profile in sorted(profiles.items(), key=itemgetter(0)):
        metrics, encoded = measured[id(profile)]
        slices.append(Slice(*key, profile.rows, {**metrics, **(of_day if key == WHOLE_DAY else {})}, encoded))
    return slices


def _measure(stored: TableProfile) -> tuple[dict[str, object], bytes]:
    profile = TableProfile(stored.rows, {column_of(name): column for name, column in stored.columns.items()})
    return day_metrics(profile), profile.to_bytes()


def _violations(files: Sequence[str], snapshot: LakeSnapshot) -> dict[str, int]:
    """Count the values that did not fit their kind, by column."""
    counts: Counter[str] = Counter()
    for file in files:
        column = pq.read_table(file, columns=[KIND_VIOLATIONS], filesystem=snapshot.filesystem, partitioning=None)[0]
        if column.null_count < len(column):
            for entry in pc.list_flatten(column).value_counts().to_pylist():
                counts[entry["values"]] += entry["counts"]
    return dict(sorted(counts.items()))


def _errors(database: Database, items: Sequence[DayState]) -> dict[str, dict[str, int]]:
    """Count the rejected rows of a model by day of arrival and field."""
    project_id, model_id, _ = items[0].key
    by_day: dict[str, dict[str, int]] = {}
    for row in RejectionStore(database).days(project_id, items[0].day, items[-1].day, model_id=model_id):
        by_day.setdefault(row.day, {})[row.field] = row.count
    return by_day
