"""Labelled rows of a file as a training table like that of the lake, split in time.

Reading the lake does not belong here, it is in `guard_pipelines.retraining`; neither does reading files, which is in `ml.tables`.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from guard_core.columns import LABEL, feature_column
from ml.monitoring.kinds import learn_prediction_kind
from ml.monitoring.profiles.arrays import label_values
from ml.retraining.predictor.frame import is_readable
from ml.retraining.predictor.schema import MAX_NUMBER, FeatureSpec, ModelSchema
from ml.retraining.training.evaluate import HeldOut
from ml.retraining.training.features import class_targets
from ml.retraining.training.repeats import without_repeats
from ml.tables.columns import AMBIGUOUS_WORDS, ColumnType, Type
from ml.tables.read import FileTable, InputError, read_table

Report = Callable[[str], None]
_TYPES: dict[str, Type] = {"numeric": "number", "boolean": "boolean", "categorical": "text"}


def labelled_rows(
    path: Path,
    target: str,
    report: Report,
    *,
    time: str | None = None,
    ignored: Collection[str] = (),
    schema: ModelSchema | None = None,
) -> pa.Table:
    """Read the labelled rows of a CSV or Parquet file in the order of time; every other column is a feature.

    Rows that `/predict` would refuse, because a number is infinite or beyond float32, are left out.

    Parameters
    ----------
    target : column of the label. ignored : columns to leave out.
    report : called with a line of text for what is left out.
    time : column to order by, which is no feature; None keeps the order of the file.
    schema : the model whose features the file has; None learns the types of the columns from the file.

    Raises
    ------
    InputError
        If the file cannot be read, a named column or a feature of the model is not in it, or has another type.
    """
    file = read_table(path, {spec.name: _type_of(spec) for spec in schema.features} if schema else None)
    if file.encoding_notice:
        report(f"{path}: {file.encoding_notice}")
    _require_columns(path, file, (target, *([time] if time else []), *ignored))
    table = _in_order(path, file.rows, time) if time else file.rows
    if schema:
        features = [spec.name for spec in schema.features]
        _require_features(path, table, schema)
    else:
        features = _features(file, {target, time, *ignored}, report)
    labels = _labels(path, target, table[target], schema)
    rows = pa.table({**{feature_column(name): table[name] for name in features}, LABEL: labels})
    rows = _filter(rows, pc.is_valid(labels), "which have no label", report)
    for name in features if schema else _usable(rows, features):
        rows = _filter(
            rows,
            is_readable(rows[feature_column(name)]),
            f"in which {name} is beyond ±{MAX_NUMBER}: /predict refuses them",
            report,
        )
    if schema and schema.classes:
        rows = _rows_of_classes(rows, schema.classes, report)
    if not len(rows):
        raise InputError(f"{path}: no row has a label of the model and finite features; check column {target!r}")
    return rows.append_column("ts", pa.array(range(len(rows)), pa.int64()))


def split_in_time(rows: pa.Table, share: float) -> HeldOut:
    """Hold out the newest share of the rows, without those that repeat older ones.

    Raises
    ------
    InputError
        If one of the two sides would have no rows.
    """
    rows, repeats = without_repeats(rows)
    split = len(rows) - int(len(rows) * share)
    if not 0 < split < len(rows):
        raise InputError(f"a held-out share of {share:g} of {len(rows)} rows leaves one side empty; 0.2 is usual")
    return HeldOut(rows.slice(split), rows.slice(0, split), repeats)


def _type_of(spec: FeatureSpec) -> ColumnType:
    return ColumnType(_TYPES[spec.kind], frozenset(AMBIGUOUS_WORDS) & frozenset(spec.codes or ()))


def _require_columns(path: Path, file: FileTable, names: Sequence[str]) -> None:
    for name in names:
        if name in file.left_out:
            raise InputError(f"{path}: column {name!r} {file.left_out[name]}, which is not supported; convert it")
        if name not in file.rows.column_names:
            raise InputError(f"{path}: no column {name!r}; there is {', '.join(file.rows.column_names)}")


def _in_order(path: Path, table: pa.Table, time: str) -> pa.Table:
    """Return the rows in the order of a column; text is refused: sorted by its letters, the newest rows would not be the last."""
    if not (_is_date(table[time]) or _is_number(table[time])):
        raise InputError(
            f"{path}: column {time!r} holds {table[time].type}, which is no time; write times as 2024-05-01T12:00:00Z, or as numbers"
        )
    return table.sort_by(time)


def _require_features(path: Path, table: pa.Table, schema: ModelSchema) -> None:
    for spec in schema.features:
        if spec.name not in table.column_names:
            raise InputError(f"{path}: no column {spec.name!r}, which is a feature of the model; add it")
        kind = table[spec.name].type
        fits = {
            "numeric": _is_number(table[spec.name]),
            "boolean": pa.types.is_boolean(kind),
            "categorical": pa.types.is_string(kind) or pa.types.is_large_string(kind),
        }
        if not (fits[spec.kind] or pa.types.is_null(kind)):
            raise InputError(f"{path}: column {spec.name!r} holds {kind}, the model's feature is {spec.kind}")


def _features(file: FileTable, others: Collection[str | None], report: Report) -> list[str]:
    """Return the columns that are features, and report those that no model reads."""
    dates = [name for name, column in zip(file.rows.column_names, file.rows.columns, strict=True) if _is_date(column)]
    for name, reason in {**file.left_out, **dict.fromkeys(dates, "holds dates")}.items():
        if name not in others:
            report(f"column {name!r} is left out: it {reason}")
    return [name for name in file.rows.column_names if name not in others and name not in dates]


def _usable(rows: pa.Table, features: Sequence[str]) -> list[str]:
    """Return the features that have a finite value; the others are left out of the training as columns."""
    return [name for name in features if not pc.all(pc.invert(is_readable(rows[feature_column(name)]))).as_py()]


def _labels(path: Path, target: str, column: pa.ChunkedArray, schema: ModelSchema | None) -> pa.ChunkedArray:
    """Return labels as numbers of a regression or as names of classes; NaN and infinite labels are missing."""
    if _is_date(column):
        raise InputError(f"{path}: column {target!r} holds dates, which are no labels; name another column")
    column = pc.if_else(_finite(column), column, pa.scalar(None, column.type))
    if schema is None:
        is_number = learn_prediction_kind(pc.unique(column).to_pylist()) == "numeric"
    else:
        is_number = schema.is_numeric
    if not is_number:
        return label_values(column)
    try:
        return column.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"{path}: column {target!r} must hold numbers, as the model predicts numbers") from error


def _finite(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return where a column is finite; null and other types are finite."""
    if not pa.types.is_floating(column.type):
        return pa.chunked_array([np.ones(len(column), bool)])
    return pc.fill_null(pc.is_finite(column), fill_value=True)


def _rows_of_classes(rows: pa.Table, classes: Sequence[str], report: Report) -> pa.Table:
    known = pa.chunked_array([class_targets(rows, classes) != None])  # noqa: E711 - by element
    others = sorted(pc.unique(rows[LABEL].filter(pc.invert(known))).to_pylist())
    return _filter(rows, known, f"whose labels the model does not have ({', '.join(map(str, others[:5]))})", report)


def _filter(rows: pa.Table, kept: pa.ChunkedArray, which: str, report: Report) -> pa.Table:
    left_out = len(rows) - pc.sum(kept).as_py() if len(rows) else 0
    if not left_out:
        return rows
    report(f"left out: {left_out:,} of {len(rows):,} rows, {which}")
    return rows.filter(kept)


def _is_number(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_integer(column.type) or pa.types.is_floating(column.type))


def _is_date(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_timestamp(column.type))
