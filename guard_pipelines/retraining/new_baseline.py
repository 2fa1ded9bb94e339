"""The baseline of a new champion: the newest days before it, with the predictions of the new champion.

Profiles and references are computed by `ml`; capturing them for a promotion belongs here.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from guard_core.columns import FEATURE_PREFIX, LABEL, PREDICTION, feature_column
from guard_core.project_settings.drift import DriftSettings
from guard_pipelines.retraining.training_data import read_all_of_days
from guard_store.db.database import Database
from guard_store.lake.store import Lake
from guard_store.monitoring.baselines import Baseline, BaselineStore
from guard_store.monitoring.kinds import KindStore
from guard_store.monitoring.performance import TRAINING, PerformanceStore
from guard_store.projects.store import ProjectStore
from guard_store.retraining.flag import Flag
from ml.monitoring.baseline_content import BaselineContent
from ml.monitoring.performance.loss_model import feature_values
from ml.monitoring.performance.reference import measure_days, reference_of
from ml.monitoring.profiles.build import WHOLE, profile_table
from ml.retraining.predictor.native import NativePredictor
from ml.retraining.training.held_out import answers_of

_SEED = 2013


def capture_baseline(
    database: Database, lake: Lake, flag: Flag, data: Mapping[str, Any], champion: NativePredictor
) -> Baseline:
    """Capture the baseline of a flag's new champion, once; the days after the flag's are compared with it.

    Its profile has all rows of its days; its reference performance only those of the held-out days whose labels were known,
    because the champion has learned from the others.
    """
    days = data["baseline_first_day"], data["held_last_day"]
    rows = read_all_of_days(lake, flag, data["lake_version"], days)
    scored = {day: _predict(table, champion) for day, table in rows.items() if len(table)}
    kinds = _read_kinds(database, flag, champion)
    daily_profiles = {date.fromisoformat(day): profile_table(table, kinds)[WHOLE] for day, table in scored.items()}
    settings = ProjectStore(database).model_settings(flag.project_id, flag.model_id, DriftSettings)
    content = BaselineContent.of(daily_profiles, settings)
    after = date.fromisoformat(flag.day) + timedelta(days=1)
    baseline = BaselineStore(database).capture(
        flag.project_id,
        flag.model_id,
        *days,
        **content.to_dict(),
        created_by=None,
        request_id=flag.request_id,
        from_day=after.isoformat(),
        baseline_id=flag.id,
    )
    held = {day: table for day, table in scored.items() if day >= data["held_first_day"]}
    _store_reference(database, flag, baseline, held, champion)
    return baseline


def _store_reference(
    database: Database, flag: Flag, baseline: Baseline, days: Mapping[str, pa.Table], champion: NativePredictor
) -> None:
    store = PerformanceStore(database)
    if store.reference(baseline.id) is not None:
        return
    labelled = {day: rows for day, table in days.items() if len(rows := _filter_labelled(table, flag.as_of_us))}
    rows = pa.concat_tables(labelled.values(), promote_options="permissive")
    kinds = _feature_kinds(champion)
    rng = np.random.default_rng(_SEED)
    reference = reference_of(champion.schema.target, *_columns(rows), rng, feature_values(rows, kinds))
    features = {day: feature_values(table, kinds) for day, table in labelled.items()}
    daily = measure_days(reference, {day: _columns(table) for day, table in labelled.items()}, features)
    store.replace_reference(
        flag.project_id,
        flag.model_id,
        baseline.id,
        labelled=len(rows),
        reference={**reference, "days": daily, "source": TRAINING},
    )


def _filter_labelled(rows: pa.Table, as_of_us: int) -> pa.Table:
    """Keep the rows whose label was observed before an instant."""
    as_of = pa.scalar(as_of_us, pa.int64()).cast(pa.timestamp("us", "UTC"))
    observed = pc.less_equal(rows["label_observed_at"], as_of)
    return rows.filter(pc.and_(pc.fill_null(observed, fill_value=False), pc.is_valid(rows[LABEL])))


def _columns(rows: pa.Table) -> tuple[Any, Any, Any]:
    return rows[LABEL].to_numpy(), rows[PREDICTION].to_numpy(), rows["y_proba"].cast(pa.float64()).to_numpy()


def _predict(rows: pa.Table, champion: NativePredictor) -> pa.Table:
    """Replace the predictions of the rows by those of the champion."""
    answers = answers_of(champion, rows)
    is_numeric = champion.schema.is_numeric
    predicted = pa.array(answers.y_pred.astype(float)) if is_numeric else pa.array(answers.y_pred.astype(str))
    proba = pa.nulls(len(rows), pa.float64()) if answers.y_proba is None else pa.array(answers.y_proba)
    for name, values in ((PREDICTION, predicted), ("y_proba", proba)):
        place = rows.schema.get_field_index(name)
        rows = rows.append_column(name, values) if place < 0 else rows.set_column(place, name, values)
    return rows


def _feature_kinds(champion: NativePredictor) -> dict[str, str]:
    """Return the kinds of the champion's features by column; none if its task is not estimated from features."""
    if not champion.schema.is_numeric:
        return {}
    return {feature_column(feature.name): feature.kind for feature in champion.schema.features}


def _read_kinds(database: Database, flag: Flag, champion: NativePredictor) -> dict[str, Any]:
    stored = KindStore(database).of(flag.project_id, flag.model_id)
    kinds = {name: kind for name, kind in stored.items() if name.startswith(FEATURE_PREFIX)}
    return {**kinds, PREDICTION: "numeric" if champion.schema.is_numeric else "categorical"}
