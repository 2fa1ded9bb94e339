"""Rows as the data frame that a registered scikit-learn pipeline reads, the same in training and in serving."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.retraining.predictor.schema import FeatureSpec, ModelSchema, as_float

if TYPE_CHECKING:
    import pandas as pd

PREFIX = "feature_"


def frame_of_rows(rows: Sequence[Mapping[str, Any]], schema: ModelSchema) -> "pd.DataFrame":
    """(n, features) frame of rows that `schema.check_row` accepts: null categories are "", null numbers NaN.

    Numbers are rounded to float32, which is all that ONNX would keep of them.
    """
    import pandas as pd

    return pd.DataFrame({spec.name: _values([row[spec.name] for row in rows], spec) for spec in schema.features})


def frame_of_table(table: pa.Table, features: Sequence[FeatureSpec]) -> "pd.DataFrame":
    """The same frame of lake rows (columns `feature_<name>`); a column that is not there is null."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for spec in features:
        found = PREFIX + spec.name in table.column_names
        column = table[PREFIX + spec.name] if found else pa.chunked_array([pa.nulls(len(table))])
        if spec.kind == "categorical":
            columns[spec.name] = pc.fill_null(column.cast(pa.string()), "").to_numpy().astype(object)
        else:
            numbers = pc.fill_null(column.cast(pa.float64()), float("nan"))
            columns[spec.name] = _rounded(numbers.to_numpy())
    return pd.DataFrame(columns)


def _values(values: Sequence[Any], spec: FeatureSpec) -> Any:
    if spec.kind == "categorical":
        return np.array(["" if value is None else value for value in values], dtype=object)
    return _rounded(np.array([as_float(value) for value in values]))


def _rounded(numbers: Any) -> Any:
    return numbers.astype(np.float32).astype(np.float64)
