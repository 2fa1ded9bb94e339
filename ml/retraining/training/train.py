"""Training: candidates are compared on later rows than they are fitted on, and the best is fitted on all rows.

The pipelines do not belong here, they are in `candidates.py`; neither does logging.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from guard_core.columns import LABEL
from guard_core.project_settings.labels import LabelSettings
from guard_core.project_settings.training import TrainingSpec
from ml.monitoring.performance.labels import MIN_CLASS_ROWS
from ml.monitoring.performance.tasks import Target, Task, is_numeric
from ml.retraining.predictor.frame import frame_of_table
from ml.retraining.predictor.schema import ModelSchema
from ml.retraining.predictor.trust import OWN_MODELS, Trust
from ml.retraining.training.candidates import candidates
from ml.retraining.training.custom import try_builder
from ml.retraining.training.features import class_targets, learn_schema, learn_target, targets, with_codes
from ml.retraining.training.trained import Trained, TrainingError

_SAMPLE_ROWS = 2_000
_METRICS: Mapping[Task, str] = {"binary": "roc_auc", "multiclass": "log_loss", "ordinal": "mae", "regression": "mae"}
Rows = npt.NDArray[np.intp]


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
        If a custom model answers something else than the schema says, or holds types that are not trusted.
    """
    start = time.perf_counter()
    table = table.filter(pc.is_valid(table[LABEL])).sort_by("ts")
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
    builders = candidates(schema, spec, seed)
    if spec.builder is not None:
        try_builder(spec.builder, builders[spec.builder], frame, target, schema, trust)
    scores = _score_candidates(
        builders, frame[-spec.search_rows :], target[-spec.search_rows :], schema, spec.folds, progress
    )
    best = (max if schema.task == "binary" else min)(scores, key=lambda name: scores[name])
    pipeline = builders[best]().fit(frame, target)
    seconds = time.perf_counter() - start
    progress(f"{best} learned from {len(table):,} rows; {seconds:.1f} s in all")
    encoder = fitted_encoder(pipeline)
    sample = frame.sample(min(len(frame), _SAMPLE_ROWS), random_state=seed)
    return Trained(
        pipeline,
        trust.types_of(pipeline),
        schema if encoder is None else with_codes(schema, encoder),
        best,
        _METRICS[schema.task],
        scores,
        len(table),
        seconds,
        seed,
        left_out,
        rare,
        sample,
    )


def rare_label_reason(rows: int) -> str:
    """Describe why the rows of a label are left out."""
    return f"{rows} row{'' if rows == 1 else 's'}, a class needs {MIN_CLASS_ROWS}"


def _require_rows(rows: int, spec: TrainingSpec) -> None:
    if rows < spec.min_rows:
        raise TrainingError(f"{rows} labelled rows are too few: training.min_rows asks for {spec.min_rows}")


def _trainable(table: pa.Table, target: Target, classes: Sequence[str]) -> tuple[pa.Table, Any]:
    """Return the rows that have a number or one of the classes as their label, and those labels."""
    if is_numeric(target.task):
        numbers = targets(table, target.task)
        usable = np.isfinite(numbers)
        return table.filter(pa.array(usable)), numbers[usable]
    labels = class_targets(table, classes)
    usable = np.array([label is not None for label in labels], dtype=bool)
    return table.filter(pa.array(usable)), labels[usable].astype(str)


def fitted_encoder(pipeline: Any) -> Any | None:
    """Return the TargetEncoder of a fitted pipeline of `candidates`; None if it is another pipeline or has no category."""
    steps = getattr(pipeline, "named_steps", {})
    if list(steps) != ["encode", "model"]:
        return None
    return getattr(steps["encode"], "named_transformers_", {}).get("categories")


def _score_candidates(
    builders: Mapping[str, Callable[[], Any]],
    frame: Any,
    target: Any,
    schema: ModelSchema,
    folds: int,
    progress: Callable[[str], None],
) -> dict[str, float]:
    scores = {}
    for name, build in builders.items():
        scores[name] = float(np.mean(list(_fold_scores(build, frame, target, schema, folds))))
        if not np.isfinite(scores[name]):
            raise TrainingError(
                "No fold in time has two classes both before and after it: more labelled rows are needed"
            )
        progress(f"{name}: {_METRICS[schema.task]} {scores[name]:.4f} on later rows")
    return scores


def _fold_scores(build: Callable[[], Any], frame: Any, target: Any, schema: ModelSchema, folds: int) -> Iterator[float]:
    """Yield the scores of the folds that can be scored, or one NaN if there are none."""
    from sklearn.metrics import log_loss, mean_absolute_error, roc_auc_score

    has_score = False
    for past, future in _folds_in_time(len(target), folds):
        if not schema.is_numeric:
            past, future = _known_classes(target, past, future)  # noqa: PLW2901 - the fold without classes that are too new
            if len(np.unique(target[past])) < 2 or len(np.unique(target[future])) < 2:
                continue
        model = build().fit(frame.iloc[past], target[past])
        has_score = True
        if schema.is_numeric:
            yield float(mean_absolute_error(target[future], schema.numbers(model.predict(frame.iloc[future]))))
            continue
        probabilities = model.predict_proba(frame.iloc[future])
        if schema.task == "binary":
            positive = list(model.classes_).index(schema.positive_label)
            yield float(roc_auc_score(target[future] == schema.positive_label, probabilities[:, positive]))
        else:
            yield float(log_loss(target[future], probabilities, labels=model.classes_))
    if not has_score:
        yield float("nan")


def _known_classes(target: Any, past: Rows, future: Rows) -> tuple[Rows, Rows]:
    """Keep the rows of a fold whose class has enough rows in its past: a class may have begun later."""
    classes, rows = np.unique(target[past], return_counts=True)
    known = classes[rows >= MIN_CLASS_ROWS]
    return past[np.isin(target[past], known)], future[np.isin(target[future], known)]


def _folds_in_time(rows: int, folds: int) -> Iterator[tuple[Rows, Rows]]:
    # The older half is always in the fit; the newer half is divided into the folds.
    edges = np.linspace(rows // 2, rows, folds + 1).astype(int)
    for begin, end in itertools.pairwise(edges):
        yield np.arange(begin), np.arange(begin, end)
