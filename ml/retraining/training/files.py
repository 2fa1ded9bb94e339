"""Labelled rows of a file as a training table like that of the lake, split in time.

Reading the lake does not belong here; it is in `guard_pipelines.retraining`.
"""

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from guard_core.columns import LABEL
from ml.monitoring.kinds import learn_prediction_kind
from ml.monitoring.verdicts.tables import InputError, read_table
from ml.retraining.predictor.frame import PREFIX
from ml.retraining.training.evaluate import HeldOut

_SAMPLE = 10_000


def labelled_rows(path: Path, target: str, *, time: str | None = None, ignored: Collection[str] = ()) -> pa.Table:
    """Read the labelled rows of a CSV or Parquet file in the order of time; every other column is a feature.

    Parameters
    ----------
    target : column of the label. ignored : columns to leave out.
    time : column to order by, which is no feature; None keeps the order of the file.

    Raises
    ------
    InputError
        If the file cannot be read, or a named column is not in it.
    """
    table = read_table(path)
    for name in (target, *([time] if time else []), *ignored):
        if name not in table.column_names:
            raise InputError(f"{path}: no column {name!r}; there is {', '.join(table.column_names)}")
    if time:
        table = table.sort_by(time)
    labels = _labels(table[target])
    table, labels = table.filter(pc.is_valid(labels)), labels.drop_null()
    features = [name for name in table.column_names if name not in {target, time, *ignored}]
    return pa.table(
        {
            **{PREFIX + name: table[name] for name in features},
            LABEL: labels,
            "ts": pa.array(range(len(table)), pa.int64()),
        }
    )


def _labels(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return labels as the lake has them: numbers, or text of classes; NaN is null."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    kind = learn_prediction_kind(column.drop_null().slice(0, _SAMPLE).to_pylist())
    return column.cast(pa.float64() if kind == "numeric" else pa.string())


def split_in_time(rows: pa.Table, share: float) -> HeldOut:
    """Hold out the newest share of the rows.

    Raises
    ------
    InputError
        If one of the two sides would have no rows.
    """
    split = len(rows) - int(len(rows) * share)
    if not 0 < split < len(rows):
        raise InputError(f"a held-out share of {share:g} of {len(rows)} rows leaves one side empty; 0.2 is usual")
    return HeldOut(rows.slice(split), rows.slice(0, split))
