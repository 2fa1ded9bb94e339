"""Predictions and labels of the lake into performance: realised if there are labels, estimated if there is a reference.

Metrics are computed by `ml`; which rows they cover, and when a baseline's reference is measured again, belongs here.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property, partial
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from guard_core.columns import FEATURE_PREFIX, LABEL, PREDICTION
from guard_core.project_settings.labels import LabelSettings
from guard_core.settings import Settings
from guard_pipelines.days.loop import Outcome, Scope, StageRun, run_stage
from guard_pipelines.monitoring.day_numbers import deciding_cells
from guard_pipelines.monitoring.stages.lake_columns import read_day
from guard_store.day_state.day_state import DayState
from guard_store.db.database import Database
from guard_store.db.day_results import WHOLE_DAY
from guard_store.lake.store import Lake, LakeSnapshot
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.baselines import Baseline, BaselineStore
from guard_store.monitoring.kinds import KindStore
from guard_store.monitoring.performance import TRAINING, PerformanceStore, Reference, SlicePerformance
from guard_store.projects.store import ProjectStore
from ml.monitoring.performance.check import check_estimate
from ml.monitoring.performance.estimated import estimated
from ml.monitoring.performance.labels import label_key
from ml.monitoring.performance.loss_model import feature_values
from ml.monitoring.performance.realised import realised
from ml.monitoring.performance.reference import measure_days as measure_reference_days
from ml.monitoring.performance.reference import reference_of
from ml.monitoring.performance.tasks import Target, is_numeric, target_of
from ml.monitoring.profiles.build import MAX_SLICE_VALUES, SLICE_COLUMNS

_SCORED = (PREDICTION, "y_proba", LABEL)
_SEED = 2013
_MIN_SLICE_ROWS = 50
_LABEL_DAYS = 366

_READ = (*_SCORED, *SLICE_COLUMNS)
_EMPTY = pa.table({name: pa.nulls(0) for name in _READ})


def measure_days(scope: Scope, database: Database, lake: Lake, settings: Settings) -> Outcome:
    """Measure the days whose labels, profiles or reference are new."""
    return run_stage("performance", scope, database, settings, partial(_measure_model, database, lake))


def _measure_model(database: Database, lake: Lake, run: StageRun, items: Sequence[DayState]) -> None:
    for baseline, days in _by_baseline(database, items):
        model = _Model.of(database, lake, baseline, days)
        for item in days:
            with run.isolate(item):
                if model.needs_reference(item):
                    model = model.with_reference()
                    item = run.store.refresh(item)  # noqa: PLW2901 - the new reference has changed this day's state too
                slices = model.measure(item, run.run_id)
                run.mark([item])
                whole = next((part for part in slices if (part.dimension, part.value) == WHOLE_DAY), None)
                run.outcome.add(
                    item,
                    labelled=whole.labelled if whole else 0,
                    slices=len(slices),
                    **deciding_cells(whole.report if whole else None),
                )


def _by_baseline(database: Database, items: Sequence[DayState]) -> Iterator[tuple[Baseline | None, Sequence[DayState]]]:
    """Group the days of one model by the baseline that they are compared with."""
    in_force = BaselineStore(database).in_force(*items[0].key[:2])
    for baseline, days in groupby(items, key=lambda item: in_force.of(item.day)):
        yield baseline, list(days)


@dataclass(frozen=True)
class _Model:
    """What the days of one model share: its lake, its kinds, its baseline and the performance in the baseline's window."""

    store: PerformanceStore
    project_id: str
    model_id: str
    kinds: Mapping[str, str]
    target: Target
    snapshot: LakeSnapshot | None
    baseline: Baseline | None
    reference: Reference | None

    @classmethod
    def of(cls, database: Database, lake: Lake, baseline: Baseline | None, items: Sequence[DayState]) -> "_Model":
        project_id, model_id, _ = items[0].key
        store = PerformanceStore(database)
        kinds = KindStore(database).of(project_id, model_id)
        return cls(
            store,
            project_id,
            model_id,
            kinds,
            _read_target(database, baseline, items, kinds),
            lake.snapshot(project_id, model_id),
            baseline,
            None if baseline is None else store.reference(baseline.id),
        )

    def needs_reference(self, item: DayState) -> bool:
        """Return whether the reference is missing, or may have changed with this day."""
        if self.baseline is None or self.snapshot is None or not self._has_output:
            return False
        if self.reference is not None and self.reference.reference.get("source") == TRAINING:
            return False  # measured with predictions of the new champion; the lake holds those of older ones
        in_window = self.baseline.start_day <= item.day <= self.baseline.end_day
        if self.reference is None or (in_window and self._labelled_in_window != self.reference.labelled):
            return True
        return self.reference.labelled > 0 and not _is_of_target(self.reference.reference, self.target)

    def with_reference(self) -> "_Model":
        """Measure and store the reference again; return the model with it."""
        assert self.baseline is not None  # noqa: S101 - the caller checks `needs_reference`
        days = {
            day: rows.filter(pc.is_valid(rows.column(LABEL))) for day in self._window() if len(rows := self._rows(day))
        }
        labelled = pa.concat_tables([_EMPTY, *days.values()], promote_options="permissive")
        reference: dict[str, Any] = {}
        if len(labelled):
            rng = np.random.default_rng(_SEED)
            reference = reference_of(self.target, *_columns(labelled), rng, self._features(labelled))
            columns = {day: _columns(rows) for day, rows in days.items() if len(rows)}
            features = {day: self._features(days[day]) for day in columns}
            reference["days"] = measure_reference_days(reference, columns, features)
        self.store.replace_reference(
            self.project_id, self.model_id, self.baseline.id, labelled=len(labelled), reference=reference
        )
        return replace(self, reference=Reference(len(labelled), reference))

    def measure(self, item: DayState, run_id: str) -> list[SlicePerformance]:
        """Measure one day and store the result."""
        rows = self._rows(item.day)
        whole = self._slice(WHOLE_DAY, rows) if len(rows) else None
        slices = [whole]
        for key, part in _split(rows):
            # A slice with all rows is the whole day: it is measured once.
            same = whole is not None and len(part) == len(rows)
            slices.append(replace(whole, dimension=key[0], value=key[1]) if same and whole else self._slice(key, part))
        measured = [part for part in slices if part is not None]
        self.store.replace_day(
            *item.key,
            measured,
            baseline_id=None if self.baseline is None else self.baseline.id,
            lake_version=-1 if self.snapshot is None else self.snapshot.version,
            revision=item.drift_revision,
            run_id=run_id,
        )
        return measured

    def _slice(self, key: tuple[str, str], rows: pa.Table) -> SlicePerformance | None:
        """Measure a slice; None if there is neither a label nor a reference to estimate from."""
        labelled = rows.filter(pc.is_valid(rows.column(LABEL)))
        calibrated = self.reference is not None and self.reference.labelled > 0
        if not self._has_output or not (len(labelled) or calibrated):
            return None
        target = self._measured_target
        task = target.task
        report: dict[str, Any] = {"realised": None, "estimated": None, "check": None}
        report |= {"positive_label": target.positive, "guessed": list(target.guessed)}
        rng = np.random.default_rng(_SEED)
        if len(labelled):
            report["realised"] = realised(task, *_columns(labelled), rng=rng, positive=target.positive)
        if self.reference is not None and calibrated:
            _, *predictions = _columns(rows)
            features = self._features(rows)
            report["estimated"] = estimated(task, self._present_reference, *predictions, features=features, rng=rng)
        if report["realised"] and report["estimated"]:
            _, *predictions = _columns(labelled)
            features = self._features(labelled)
            same = estimated(task, self._present_reference, *predictions, features=features, rng=rng)
            report["check"] = check_estimate(same, report["realised"])
        return SlicePerformance(*key, task, len(rows), len(labelled), report)

    @property
    def _present_reference(self) -> Any:
        assert self.reference is not None  # noqa: S101 - for the type checker
        return self.reference.reference

    @property
    def _has_output(self) -> bool:
        return PREDICTION in self.kinds or LABEL in self.kinds

    @property
    def _measured_target(self) -> Target:
        """The target of the reference, which a new champion may have measured with its own, else that of the model."""
        if (
            self.reference is None
            or not self.reference.labelled
            or _is_of_target(self.reference.reference, self.target)
        ):
            return self.target
        reference = self.reference.reference
        return Target(reference["task"], reference["positive"])

    @cached_property
    def _labelled_in_window(self) -> int:
        return sum(len(rows) - rows.column(LABEL).null_count for rows in map(self._rows, self._window()))

    def _window(self) -> list[str]:
        assert self.baseline is not None  # noqa: S101 - for the type checker
        days = [] if self.snapshot is None else self.snapshot.days
        return [day for day in days if self.baseline.start_day <= day <= self.baseline.end_day]

    def _rows(self, day: str) -> pa.Table:
        """Read predictions and labels of a day, one row per event; a column that the lake does not have is null."""
        return _EMPTY if self.snapshot is None else read_day(self.snapshot, day, (*_READ, *self._feature_kinds))

    @cached_property
    def _feature_kinds(self) -> Mapping[str, str]:
        """Kinds of the features by column; none if the task is not estimated from features."""
        if not (is_numeric(self.target.task) or is_numeric(self._measured_target.task)):
            return {}
        return {name: kind for name, kind in sorted(self.kinds.items()) if name.startswith(FEATURE_PREFIX)}

    def _features(self, rows: pa.Table) -> dict[str, Any]:
        return feature_values(rows, self._feature_kinds)


def _read_target(
    database: Database, baseline: Baseline | None, items: Sequence[DayState], kinds: Mapping[str, str]
) -> Target:
    """Return what a model predicts, by its settings and by the labels and predictions of the baseline's days.

    Without a baseline, those of the past year decide: one day may lack a class that others have.
    """
    project_id, model_id, _ = items[0].key
    settings = ProjectStore(database).model_settings(project_id, model_id, LabelSettings)
    past_year = (items[-1].local_date - timedelta(days=_LABEL_DAYS)).isoformat(), items[-1].day
    days = past_year if baseline is None else (baseline.start_day, baseline.end_day)
    counts: Counter[str] = Counter()
    for day in AggregateStore(database).days(project_id, model_id, *days):
        for column in (day.metrics.get("labels"), day.metrics.get("prediction")):
            if column and column["kind"] == "categorical":
                rows = column["count"] - column["nulls"]
                counts.update({label: round((share or 0) * rows) for label, share in column["classes"].items()})
    return target_of(settings, [kinds.get(LABEL), kinds.get(PREDICTION)], counts)


def _is_of_target(reference: Mapping[str, Any], target: Target) -> bool:
    """Return whether a reference was measured for this task and positive label."""
    same_positive = label_key(reference.get("positive")) == label_key(target.positive)
    return bool(reference["task"] == target.task) and same_positive


def _columns(rows: pa.Table) -> tuple[Any, Any, Any]:
    true, predicted, proba = (
        rows.column(name).to_numpy(zero_copy_only=False) for name in (LABEL, PREDICTION, "y_proba")
    )
    return true, predicted, proba.astype(np.float64)


def _split(rows: pa.Table) -> list[tuple[tuple[str, str], pa.Table]]:
    """Split rows by each value of the slice columns that has enough of them, the most frequent values first."""
    parts = []
    for name in SLICE_COLUMNS:
        column = rows.column(name)
        if pa.types.is_null(column.type):
            continue
        counts = sorted(column.drop_null().value_counts().to_pylist(), key=lambda c: (-c["counts"], c["values"]))
        parts += [
            ((name, str(count["values"])), rows.filter(pc.equal(column, count["values"])))
            for count in counts[:MAX_SLICE_VALUES]
            if count["counts"] >= _MIN_SLICE_ROWS
        ]
    return parts
