"""Training: candidates are compared on later rows than they are fitted on, and the best is fitted on all rows.

The pipelines do not belong here, they are in `candidates.py`; neither does logging.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from guard_core.columns import LABEL
from guard_core.project_settings.training import TrainingSpec
from ml.monitoring.performance.tasks import Task
from ml.retraining.predictor.frame import frame_of_table
from ml.retraining.predictor.schema import ModelSchema
from ml.retraining.training.candidates import candidates
from ml.retraining.training.features import learn_schema, targets, with_codes
from ml.retraining.training.spec import Trained, TrainingError

_SAMPLE_ROWS = 2_000
_METRICS: Mapping[Task, str] = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "mae"}


def train(table: pa.Table, spec: TrainingSpec, progress: Callable[[str], None], seed: int) -> Trained:
    """Train a model on labelled rows.

    Parameters
    ----------
    table : (n,) columns `feature_<name>`, `y_true` and `ts`; rows without a label are left out.
    progress : called with a line of text after each step.

    Raises
    ------
    TrainingError
        If there are too few labelled rows, or only one class.
    """
    start = time.perf_counter()
    table = table.filter(pc.is_valid(table[LABEL])).sort_by("ts")
    if len(table) < spec.min_rows:
        raise TrainingError(f"{len(table)} labelled rows are too few: training.min_rows asks for {spec.min_rows}")
    schema, left_out = learn_schema(table, spec)
    for name, reason in left_out.items():
        progress(f"feature {name} is left out: it {reason}")
    frame, target = frame_of_table(table, schema.features), targets(table, schema.task)
    builders = candidates(schema, spec, seed)
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
        schema if encoder is None else with_codes(schema, encoder),
        best,
        _METRICS[schema.task],
        scores,
        len(table),
        seconds,
        seed,
        left_out,
        sample,
    )


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
                "No fold in time has every class both before and after it: more labelled rows are needed"
            )
        progress(f"{name}: {_METRICS[schema.task]} {scores[name]:.4f} on later rows")
    return scores


def _fold_scores(build: Callable[[], Any], frame: Any, target: Any, schema: ModelSchema, folds: int) -> Iterator[float]:
    """Yield the scores of the folds that can be scored, or one NaN if there are none."""
    from sklearn.metrics import log_loss, mean_absolute_error, roc_auc_score

    has_score = False
    for past, future in _folds_in_time(len(target), folds):
        if schema.task == "regression":
            predicted = build().fit(frame[past], target[past]).predict(frame[future])
            yield float(mean_absolute_error(target[future], predicted))
        elif len(np.unique(target[past])) == len(schema.classes) and len(np.unique(target[future])) > 1:
            model = build().fit(frame[past], target[past])
            probabilities = model.predict_proba(frame[future])
            if schema.task == "binary":
                positive = list(model.classes_).index(schema.positive_label)
                yield float(roc_auc_score(target[future] == schema.positive_label, probabilities[:, positive]))
            else:
                yield float(log_loss(target[future], probabilities, labels=model.classes_))
        else:
            continue
        has_score = True
    if not has_score:
        yield float("nan")


def _folds_in_time(rows: int, folds: int) -> Iterator[tuple[slice, slice]]:
    # The older half is always in the fit; the newer half is divided into the folds.
    edges = np.linspace(rows // 2, rows, folds + 1).astype(int)
    for begin, end in itertools.pairwise(edges):
        yield slice(0, int(begin)), slice(int(begin), int(end))
