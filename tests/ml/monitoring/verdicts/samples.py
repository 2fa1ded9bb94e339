"""Small tables and windows that the verdict tests share."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import ColumnProfile, TableProfile

Values = NDArray[np.float64]


def numeric(values: object) -> NumericProfile:
    return NumericProfile.from_values(np.asarray(values, dtype=np.float64))


def categorical(**counts: int) -> CategoricalProfile:
    return CategoricalProfile(sum(counts.values()), 0, counts)


def table(**columns: ColumnProfile) -> TableProfile:
    return TableProfile(max((column.count for column in columns.values()), default=0), columns)


def always(profile: TableProfile | None) -> Callable[[int], list[TableProfile]]:
    """A history of one day, or of none."""
    return lambda _: [] if profile is None else [profile]


def normal_columns(rng: np.random.Generator, rows: int, count: int = 20, shift: float = 0.0) -> TableProfile:
    """Independent normal features, the first of them shifted."""
    return table(**{f"feature_{i}": numeric(rng.normal(shift if i == 0 else 0.0, size=rows)) for i in range(count)})
