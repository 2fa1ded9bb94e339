"""Rows as the data frame that a scikit-learn pipeline reads, the same in training and in serving.

Checking rows does not belong here; it is in `schema.py`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from guard_core.columns import feature_column
from ml.retraining.predictor.schema import MAX_NUMBER, FeatureSpec, ModelSchema, as_float

if TYPE_CHECKING:
    import pandas as pd


def frame_of_rows(rows: Sequence[Mapping[str, Any]], schema: ModelSchema) -> "pd.DataFrame":
    """Return a frame of rows that `schema.check_row` accepts: null categories are "", null numbers NaN.

    Numbers are rounded to float32, the precision of ONNX.
    """
    import pandas as pd

    return pd.DataFrame({spec.name: _values([row[spec.name] for row in rows], spec) for spec in schema.features})


def rows_of_frame(frame: "pd.DataFrame", schema: ModelSchema) -> list[dict[str, Any]]:
    """Return the rows of a frame as `schema.check_row` accepts them."""
    columns = {spec.name: _as_values(frame[spec.name].tolist(), spec) for spec in schema.features}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _as_values(values: Sequence[Any], spec: FeatureSpec) -> list[Any]:
    if spec.kind == "categorical":
        return [value or None for value in values]
    numbers = [None if math.isnan(value) else value for value in values]
    return [None if value is None else bool(value) for value in numbers] if spec.kind == "boolean" else numbers


def frame_of_table(table: pa.Table, features: Sequence[FeatureSpec]) -> "pd.DataFrame":
    """Return the same frame for lake rows (columns `feature_<name>`); an absent column is null.

    Numbers that `/predict` refuses are missing values, because events may hold them.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for spec in features:
        present = feature_column(spec.name) in table.column_names
        column = table[feature_column(spec.name)] if present else pa.chunked_array([pa.nulls(len(table))])
        if spec.kind == "categorical":
            columns[spec.name] = pc.fill_null(column.cast(pa.string()), "").to_numpy().astype(object)
        else:
            numbers = without_unreadable(pc.fill_null(column.cast(pa.float64()), float("nan")))
            columns[spec.name] = _round_to_float32(numbers.to_numpy())
    return pd.DataFrame(columns)


def is_readable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return where a column holds no number that `/predict` refuses; missing values, NaN and other types are readable."""
    if not pa.types.is_floating(column.type):
        return pa.chunked_array([np.ones(len(column), bool)])
    readable = pc.or_(pc.less_equal(pc.abs(column), MAX_NUMBER), pc.is_nan(column))
    return pc.fill_null(readable, fill_value=True)


def without_unreadable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with NaN in place of the numbers that `/predict` refuses."""
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(is_readable(column), column, pa.scalar(float("nan"), column.type))


def _values(values: Sequence[Any], spec: FeatureSpec) -> Any:
    if spec.kind == "categorical":
        return np.array(["" if value is None else value for value in values], dtype=object)
    return _round_to_float32(np.array([as_float(value) for value in values]))


def _round_to_float32(numbers: Any) -> Any:
    return numbers.astype(np.float32).astype(np.float64)
