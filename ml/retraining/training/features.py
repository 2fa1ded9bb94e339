"""The schema of a training table: its features with their kinds, its target, and the codes of a fitted encoder.

The schema's type does not belong here; it is in `ml.retraining.predictor.schema`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from guard_core.columns import LABEL, feature_name
from guard_core.project_settings.labels import LabelSettings
from guard_core.project_settings.training import TrainingSpec
from ml.monitoring.performance.labels import (
    MIN_CLASS_ROWS,
    as_labels,
    as_numbers,
    count_keys,
    count_labels,
    frequent_labels,
    is_number,
    label_key,
    spellings,
)
from ml.monitoring.performance.tasks import Target, Task, is_numeric, target_of
from ml.retraining.predictor.schema import FeatureSpec, ModelSchema
from ml.retraining.training.suspects import SuspectFinder
from ml.retraining.training.trained import TrainingError


def learn_schema(
    table: pa.Table, spec: TrainingSpec, target: Target, classes: tuple[str, ...], labels: npt.NDArray[Any]
) -> tuple[ModelSchema, dict[str, str]]:
    """Learn the schema of a model from rows; return it with the features that were left out, by reason.

    Parameters
    ----------
    table : (n,) columns `feature_<name>` (numbers, strings, booleans), in the order of time.
    target, classes : from `learn_target`.
    labels : (n,) numbers, or texts of the classes.

    Raises
    ------
    TrainingError
        If there is no feature, or one looks like none and `spec.suspects` stops the training.
    """
    features, left_out, suspects = [], {}, {}
    finder = SuspectFinder(labels, is_numeric=target.task == "regression")
    for column in table.column_names:
        name = feature_name(column)
        if name == column:
            continue
        feature = "excluded by setting" if name in spec.exclude else _feature(name, table[column], spec.max_categories)
        if isinstance(feature, str):
            left_out[name] = feature
            continue
        reason = finder.suspicion(table[column], feature.kind)
        if reason is None or name in spec.include:
            features.append(feature)
        else:
            suspects[name] = reason
    if suspects and spec.suspects == "stop":
        raise TrainingError(f"{_in_words(suspects)}. Name each in training.exclude or in training.include")
    if not features:
        why = f": {_in_words(left_out | suspects)}" if left_out or suspects else ""
        raise TrainingError(f"No feature (column feature_<name>) has a value to learn from{why}")
    left_out |= {name: f"{reason}; training.include keeps it" for name, reason in suspects.items()}
    return ModelSchema(target.task, tuple(features), classes, target.positive, spec.threshold, target.guessed), left_out


def _in_words(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"feature {name} {reason}" for name, reason in reasons.items())


def with_codes(schema: ModelSchema, encoders: Mapping[str, Any]) -> ModelSchema:
    """Add the numbers by which fitted encoders replace each category, and any value that they have not seen."""
    import pandas as pd

    features = {f.name: f for f in schema.features}
    for name, encoder in encoders.items():
        categories = [str(value) for value in encoder.categories_[0]]
        unseen = f"{max(categories, key=len)} or another"
        numbers = encoder.transform(pd.DataFrame({name: np.array([*categories, unseen], dtype=object)})).tolist()
        codes = dict(zip(categories, numbers[:-1], strict=True))
        features[name] = replace(features[name], codes=codes, unseen=tuple(numbers[-1]))
    return replace(schema, features=tuple(features.values()))


def targets(table: pa.Table, task: Task) -> Any:
    """Return the labels of a table: (n,) numbers, or strings as they are spelt; NaN or None where there is none."""
    values = table[LABEL].to_numpy()
    if is_numeric(task):
        return as_numbers(values)
    return np.array([None if key is None else str(v) for v, key in zip(values, as_labels(values), strict=True)], object)


def class_targets(table: pa.Table, classes: Sequence[str]) -> Any:
    """Return the labels of a table in the spelling of `classes`; None where the label is missing or no class: (n,)."""
    texts = {label_key(spelling): spelling for spelling in classes}
    return np.array([texts.get(key) for key in as_labels(table[LABEL].to_numpy())], dtype=object)


def has_label(table: pa.Table, task: Task) -> Any:
    """Return which rows have a label that the task can read: (n,) booleans of Arrow."""
    values = targets(table, task)
    return pa.array(
        np.isfinite(values) if is_numeric(task) else np.array([value is not None for value in values], bool)
    )


def learn_target(
    labels: pa.ChunkedArray, settings: LabelSettings, prediction_kind: str | None = None
) -> tuple[Target, tuple[str, ...], Mapping[str, int]]:
    """Return the target of a training, its classes in their most frequent spelling, and the rows of the classes left out.

    Parameters
    ----------
    labels : column of labels; numbers of many different values are guessed to be those of a regression.
    prediction_kind : kind of the predictions that the model has made so far, if any.

    Raises
    ------
    TrainingError
        If there is only one class, a class has too few rows, or the positive label is none of them.
    """
    is_floating = pa.types.is_floating(labels.type)
    kinds = ("numeric" if is_floating else "categorical", prediction_kind)
    numbers = is_floating and settings.task != "classification" and settings.positive is None
    counts = {} if numbers and settings.task != "ordinal" else count_labels(labels.drop_null().to_pylist())
    target = target_of(settings, kinds, counts)
    if target.task == "regression":
        return target, (), {}
    texts, rows = spellings(counts), count_keys(counts)
    classes = tuple(sorted((texts[key] for key in _classes(target, counts)), key=_order(target)))
    if len(classes) < 2:
        raise TrainingError(f"All labels are alike ({', '.join(classes) or 'none'}): there is nothing to learn")
    if target.task == "binary" and target.positive not in classes:
        raise TrainingError(f"labels.positive {target.positive!r} is none of the labels: {', '.join(classes)}")
    if target.task != "ordinal":
        _require_class_rows({label: rows[label_key(label) or ""] for label in classes})
    return target, classes, {texts[key]: rows[key] for key in sorted(rows) if texts[key] not in classes}


def _require_class_rows(rows: Mapping[str, int]) -> None:
    for label, count in rows.items():
        if count < MIN_CLASS_ROWS:
            raise TrainingError(
                f"Label {label!r} has {count} row{'' if count == 1 else 's'}, a class needs {MIN_CLASS_ROWS}: more of its labels are needed"
            )


def _classes(target: Target, counts: Mapping[str, int]) -> Sequence[str]:
    if target.task == "ordinal":  # a rare grade is still a number
        return [key for key in count_keys(counts) if is_number(key)]
    return frequent_labels(counts)


def _order(target: Target) -> Callable[[str], Any]:
    """Return the order of spellings: scikit-learn sorts classes as text."""
    return (lambda spelling: as_numbers([spelling])[0]) if target.task == "ordinal" else str


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
