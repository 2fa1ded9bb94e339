"""Training: candidates are compared on later rows than they are fitted on, and the best is fitted on all rows.

The pipelines are in `candidates.py`, the comparison in `validation.py`; logging does not belong here.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from guard_core.columns import LABEL, feature_name
from guard_core.project_settings.labels import LabelSettings
from guard_core.project_settings.training import TrainingSpec
from ml.monitoring.performance.labels import MIN_CLASS_ROWS
from ml.monitoring.performance.tasks import Target, is_numeric
from ml.retraining.predictor.frame import frame_of_table, is_readable, without_unreadable
from ml.retraining.predictor.schema import MAX_NUMBER, ModelSchema
from ml.retraining.predictor.trust import OWN_MODELS, Trust
from ml.retraining.training.candidates import candidates, find_few_valued, fitted_encoders
from ml.retraining.training.custom import try_builder
from ml.retraining.training.features import class_targets, learn_schema, learn_target, targets, with_codes
from ml.retraining.training.thresholds import choose_threshold
from ml.retraining.training.trained import Trained, TrainingError
from ml.retraining.training.validation import METRICS, Validation, choose, validate

_SAMPLE_ROWS = 2_000


def train(
    table: pa.Table,
    spec: TrainingSpec,
    progress: Callable[[str], None],
    seed: int,
    *,
    labels: LabelSettings | None = None,
    prediction_kind: str | None = None,
    trust: Trust = OWN_MODELS,
) -> Trained:
    """Train a model on labelled rows.

    Parameters
    ----------
    table : (n,) columns `feature_<name>`, `y_true` and `ts`; rows without a label, and those of rare classes, are left out.
    progress : called with a line of text after each step.
    labels : what the labels mean; guessed if None.
    prediction_kind : kind of the predictions that the model has made so far, if any.
    trust : what the model may hold.

    Raises
    ------
    TrainingError
        If there are too few labelled rows, only one class, or a custom builder that fails.
    SchemaMismatchError, UnsafeModelError
        If a custom model's classes or features differ from the schema, or it holds types that are not trusted.
    """
    start = time.perf_counter()
    table = _readable(table.filter(pc.is_valid(table[LABEL])).sort_by("ts"), progress)
    _require_rows(len(table), spec)
    learned, classes, rare = learn_target(table[LABEL], labels or LabelSettings(), prediction_kind)
    for label, rows in rare.items():
        progress(f"label {label} is left out: {rare_label_reason(rows)}")
    table, target = _trainable(table, learned, classes)
    _require_rows(len(table), spec)
    schema, left_out = learn_schema(table, spec, learned, classes, target)
    for name, reason in left_out.items():
        progress(f"feature {name} is left out: it {reason}")
    frame = frame_of_table(table, schema.features)
    builders = candidates(schema, spec, seed, find_few_valued(frame, schema))
    if spec.builder is not None:
        try_builder(spec.builder, builders[spec.builder], frame, target, schema, trust)
    validations = _validations(builders, frame, target, schema, spec, progress)
    chosen = choose(validations, schema.task)
    threshold_reason = ""
    if (answers := validations[chosen].answers) is not None:
        threshold = choose_threshold(answers, spec)
        schema, threshold_reason = replace(schema, threshold=threshold.value), threshold.reason
        progress(f"threshold {threshold.value:.4g}: {threshold.reason}")
    pipeline = builders[chosen]().fit(frame, target)
    seconds = time.perf_counter() - start
    progress(f"{chosen} learned from {len(table):,} rows; {seconds:.1f} s in all")
    encoders = fitted_encoders(pipeline, schema)
    sample = frame.sample(min(len(frame), _SAMPLE_ROWS), random_state=seed)
    return Trained(
        pipeline,
        trust.types_of(pipeline),
        schema if encoders is None else with_codes(schema, encoders),
        chosen,
        METRICS[schema.task],
        {name: validation.score for name, validation in validations.items()},
        len(table),
        seconds,
        seed,
        left_out,
        rare,
        sample,
        threshold_reason,
    )


def _validations(
    builders: Mapping[str, Callable[[], Any]],
    frame: Any,
    target: Any,
    schema: ModelSchema,
    spec: TrainingSpec,
    progress: Callable[[str], None],
) -> dict[str, Validation]:
    """Validate each candidate on the newest rows."""
    newest = slice(-spec.search_rows, None)
    validations = {}
    for name, build in builders.items():
        validations[name] = validate(build, frame[newest], target[newest], schema, spec.folds)
        progress(f"{name}: {METRICS[schema.task]} {validations[name].score:.4f} on later rows")
    return validations


def rare_label_reason(rows: int) -> str:
    """Describe why the rows of a label are left out."""
    return f"{rows} row{'' if rows == 1 else 's'}, a class needs {MIN_CLASS_ROWS}"


def _require_rows(rows: int, spec: TrainingSpec) -> None:
    if rows < spec.min_rows:
        raise TrainingError(f"{rows} labelled rows are too few: training.min_rows asks for {spec.min_rows}")


def _readable(table: pa.Table, progress: Callable[[str], None]) -> pa.Table:
    """Return the table with NaN in place of the numbers that `/predict` refuses, and report them."""
    for place, column in enumerate(table.column_names):
        refused = pc.sum(pc.invert(is_readable(table[column]))).as_py()
        if refused and feature_name(column) != column:
            progress(f"feature {feature_name(column)}: {refused:,} numbers beyond ±{MAX_NUMBER} count as missing")
            table = table.set_column(place, column, without_unreadable(table[column]))
    return table


def _trainable(table: pa.Table, target: Target, classes: Sequence[str]) -> tuple[pa.Table, Any]:
    """Return the rows that have a number or one of the classes as their label, and those labels."""
    if is_numeric(target.task):
        numbers = targets(table, target.task)
        usable = np.isfinite(numbers)
        return table.filter(pa.array(usable)), numbers[usable]
    labels = class_targets(table, classes)
    usable = np.array([label is not None for label in labels], dtype=bool)
    return table.filter(pa.array(usable)), labels[usable].astype(str)
