"""Comparable profiles of two tables of raw rows, from files or memory.

Reading files and naming columns belong here; building profiles does not, it is in `ml.monitoring.profiles`, nor do verdicts.
"""

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from guard_core.columns import FEATURE_PREFIX, Kind
from guard_core.project_settings.drift import ENVELOPE_COLUMNS
from ml.monitoring.kinds import learn_kind, learn_prediction_kind
from ml.monitoring.profiles.build import profile_table
from ml.monitoring.profiles.table import TableProfile

SAMPLE_ROWS = 10_000  # of a text column, to distinguish categories from free text
MISSING = ("", "NA", "NaN", "nan", "null", "NULL", "None")


class InputError(ValueError):
    """A table cannot be judged; the message names the file, the column and the fix."""


def read_table(path: Path) -> pa.Table:
    """Read the rows of a CSV (with a header) or Parquet file.

    Raises
    ------
    InputError
        If the file is missing, empty or not readable in the format of its suffix.
    """
    suffix = path.suffix.lower()
    if suffix not in {".csv", ".parquet"}:
        raise InputError(f"{path}: unknown type {suffix or '(none)'!r}; give a .csv or .parquet file")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; give a readable {suffix} file")
    try:
        if suffix == ".parquet":
            table = pq.read_table(path)
        else:
            convert = pa_csv.ConvertOptions(null_values=MISSING, strings_can_be_null=True)
            table = pa_csv.read_csv(path, convert_options=convert)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: {' '.join(str(error).split())}; give a readable {suffix} file") from error
    if not table.num_rows:
        raise InputError(f"{path}: no rows; give a file with at least one")
    repeated = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if repeated:
        raise InputError(f"{path}: column {repeated[0]!r} comes twice; rename one of them")
    return table


def profiles(
    baseline: tuple[str, pa.Table], current: tuple[str, pa.Table], ignored: Collection[str] = ()
) -> tuple[TableProfile, TableProfile]:
    """Profile a baseline and current rows, with columns named as in the lake.

    Every column is a feature except `y_pred`, `y_proba` and `latency_ms`. Kinds come from the baseline; a column whose type
    has changed keeps its new one, so that the verdict is `kind_mismatch`.

    Parameters
    ----------
    baseline, current : the name of the table in error messages, and the table.
    ignored : columns to leave out.

    Raises
    ------
    InputError
        If a column holds neither numbers nor strings nor booleans, or the tables have no column in common.
    """
    first, second = _lake_table(*baseline, ignored), _lake_table(*current, ignored)
    if not set(first.column_names) & set(second.column_names):
        raise InputError(f"{current[0]}: no column in common with {baseline[0]}; use the baseline's column names")
    learned = {name: _kind(name, first[name]) for name in first.column_names}
    current_kinds = {name: _kind(name, second[name]) for name in second.column_names}
    kinds = {name: learned.get(name) or current_kinds.get(name) or "categorical" for name in learned | current_kinds}
    changed: dict[str, Kind] = {
        name: kind
        for name, kind in current_kinds.items()
        if kind and learned.get(name) and _is_number(first[name]) != _is_number(second[name])
    }
    return _profile(first, kinds), _profile(second, {**kinds, **changed})


def shown_name(column: str) -> str:
    """Return a lake column's name as in the files.

    Examples
    --------
    >>> shown_name("feature_age"), shown_name("y_pred")
    ('age', 'y_pred')
    """
    return column.removeprefix(FEATURE_PREFIX)


def _lake_table(label: str, table: pa.Table, ignored: Collection[str]) -> pa.Table:
    table = table.select([name for name in table.column_names if name not in ignored])
    for field in table.schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if not (_number_type(kind) or _string_type(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind)):
            raise InputError(
                f"{label}: column {field.name!r} holds {field.type}; convert it to numbers or strings, or ignore it"
            )
    return table.rename_columns(
        [
            name if name in ENVELOPE_COLUMNS or name.startswith(FEATURE_PREFIX) else f"{FEATURE_PREFIX}{name}"
            for name in table.column_names
        ]
    )


def _kind(name: str, column: pa.ChunkedArray) -> Kind | None:
    if name == "y_pred":
        return learn_prediction_kind(column[:SAMPLE_ROWS].to_pylist())
    if pa.types.is_null(column.type) or column.null_count == len(column):
        return None
    if _is_number(column):
        return "numeric"
    if pa.types.is_boolean(column.type):
        return "boolean"
    return learn_kind(column[:SAMPLE_ROWS].to_pylist())


def _profile(table: pa.Table, kinds: dict[str, Kind]) -> TableProfile:
    return profile_table(table, {name: kinds[name] for name in table.column_names})["", ""]


def _is_number(column: pa.ChunkedArray) -> bool:
    return bool(_number_type(column.type))


def _number_type(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _string_type(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
