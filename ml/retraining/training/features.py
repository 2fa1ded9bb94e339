"""The schema of a training table: its features with their kinds, its task, and the codes of a fitted encoder.

The schema's type does not belong here; it is in `ml.retraining.predictor.schema`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from guard_core.columns import LABEL
from guard_core.project_settings.training import TrainingSpec
from ml.monitoring.performance.tasks import Task, positive_label
from ml.retraining.predictor.frame import PREFIX
from ml.retraining.predictor.schema import FeatureSpec, ModelSchema
from ml.retraining.training.spec import TrainingError


def learn_schema(table: pa.Table, spec: TrainingSpec) -> tuple[ModelSchema, dict[str, str]]:
    """Learn the schema of a model from rows; return it with the features that were left out, by reason.

    Parameters
    ----------
    table : (n,) columns `feature_<name>` (numbers, strings, booleans) and `y_true` (numbers for regression, else strings).

    Raises
    ------
    TrainingError
        If there is no feature, or only one class.
    """
    features, left_out = [], {}
    for column in table.column_names:
        name = column.removeprefix(PREFIX)
        if name == column:
            continue
        feature = "excluded by setting" if name in spec.exclude else _feature(name, table[column], spec.max_categories)
        if isinstance(feature, str):
            left_out[name] = feature
        else:
            features.append(feature)
    if not features:
        raise TrainingError("No feature (column feature_<name>) has a value to learn from")
    task, classes, positive = _task(table[LABEL])
    return ModelSchema(task, tuple(features), classes, positive, spec.threshold), left_out


def with_codes(schema: ModelSchema, encoder: Any) -> ModelSchema:
    """Add the codes of a fitted TargetEncoder to a schema.

    A category has one number, or one for each class if there are more than two.
    """
    wide = len(schema.classes) if schema.task == "multiclass" else 1
    means = np.atleast_1d(encoder.target_mean_)
    features = {f.name: f for f in schema.features}
    for place, (spec, categories) in enumerate(zip(schema.categorical, encoder.categories_, strict=True)):
        columns = encoder.encodings_[place * wide : (place + 1) * wide]
        codes = {str(value): [float(column[i]) for column in columns] for i, value in enumerate(categories)}
        features[spec.name] = replace(spec, codes=codes, unseen=tuple(map(float, means)))
    return replace(schema, features=tuple(features.values()))


def targets(table: pa.Table, task: Task) -> Any:
    """Return the labels as scikit-learn reads them: (n,) numbers or strings."""
    kind = pa.float64() if task == "regression" else pa.string()
    values = table[LABEL].cast(kind).to_numpy()
    return values if task == "regression" else values.astype(str)


def _task(labels: pa.ChunkedArray) -> tuple[Task, tuple[str, ...], str | None]:
    if pa.types.is_floating(labels.type):
        return "regression", (), None
    classes = tuple(sorted(str(value) for value in pc.unique(labels.cast(pa.string())).to_pylist()))
    if len(classes) < 2:
        raise TrainingError(f"All labels are alike ({', '.join(classes) or 'none'}): there is nothing to learn")
    positive = positive_label(classes)
    return ("multiclass", classes, None) if positive is None else ("binary", classes, positive)


def _feature(name: str, column: pa.ChunkedArray, max_categories: int) -> FeatureSpec | str:
    if column.null_count == len(column):
        return "has no value"
    if pa.types.is_boolean(column.type):
        return FeatureSpec(name, "boolean", typical=bool((pc.mean(column.cast(pa.float64())).as_py() or 0.0) >= 0.5))
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        numbers = column.cast(pa.float64()).drop_null().to_numpy()
        finite = numbers[np.isfinite(numbers)]
        return FeatureSpec(name, "numeric", typical=float(np.median(finite))) if len(finite) else "has no finite value"
    counts: Sequence[Any] = pc.value_counts(pc.fill_null(column.cast(pa.string()), "")).to_pylist()
    if len(counts) > max_categories:
        return f"has {len(counts)} values, more than {max_categories}"
    return FeatureSpec(name, "categorical", typical=min(counts, key=lambda c: (-c["counts"], c["values"]))["values"])
