"""Comparable profiles of two tables of raw rows.

Naming columns belongs here; reading files does not, it is in `ml.tables`, nor does building profiles, which is in
`ml.monitoring.profiles`.
"""

from collections.abc import Collection

import pyarrow as pa

from guard_core.columns import FEATURE_PREFIX, Kind, feature_column, feature_name
from guard_core.project_settings.drift import ENVELOPE_COLUMNS
from ml.monitoring.kinds import learn_kind, learn_prediction_kind
from ml.monitoring.profiles.build import profile_table
from ml.monitoring.profiles.table import TableProfile
from ml.tables.read import InputError

SAMPLE_ROWS = 10_000  # of a text column, to distinguish categories from free text


def profiles(
    baseline: tuple[str, pa.Table], current: tuple[str, pa.Table], ignored: Collection[str] = ()
) -> tuple[TableProfile, TableProfile]:
    """Profile a baseline and current rows, with columns named as in the lake.

    Every column is a feature except `y_pred`, `y_proba` and `latency_ms`; dates have no profile. Kinds come from the baseline; a
    column whose type has changed keeps its new one, so that the verdict is `kind_mismatch`.

    Parameters
    ----------
    baseline, current : the name of the table in error messages, and the table, of `ml.tables.read.read_table`.
    ignored : columns to leave out.

    Raises
    ------
    InputError
        If the tables have no column in common.
    """
    ignored = {*ignored, *date_columns(baseline[1], current[1])}
    prefixed = _prefixed_features(baseline[1], current[1])
    first, second = (_lake_table(table, ignored, prefixed) for _, table in (baseline, current))
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


def date_columns(*tables: pa.Table) -> set[str]:
    """Return the columns of dates; a column that holds values of another type in one of the tables is none."""
    names = {name for table in tables for name in table.column_names}
    return {
        name
        for name in names
        if any(_is_date(table, name) for table in tables)
        and all(_is_date(table, name) or _is_empty(table, name) for table in tables)
    }


def shown_name(column: str) -> str:
    """Return a lake column's name as in the files.

    Examples
    --------
    >>> shown_name("feature_age"), shown_name("y_pred")
    ('age', 'y_pred')
    """
    return feature_name(column)


def _prefixed_features(*tables: pa.Table) -> set[str]:
    """Return features whose own name begins like a lake column: another column has the name that follows the prefix."""
    return {
        name
        for table in tables
        for name in table.column_names
        if name.startswith(FEATURE_PREFIX) and feature_name(name) in table.column_names
    }


def _lake_table(table: pa.Table, ignored: Collection[str], prefixed: Collection[str]) -> pa.Table:
    columns = {}
    for name in table.column_names:
        is_lake_column = name in ENVELOPE_COLUMNS or (name.startswith(FEATURE_PREFIX) and name not in prefixed)
        if name not in ignored:
            column = table[name].cast(pa.string()) if _is_date(table, name) else table[name]
            columns[name if is_lake_column else feature_column(name)] = column
    return pa.table(columns)


def _is_date(table: pa.Table, name: str) -> bool:
    return name in table.column_names and bool(pa.types.is_timestamp(table[name].type))


def _is_empty(table: pa.Table, name: str) -> bool:
    return name not in table.column_names or table[name].null_count == len(table)


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
    return bool(pa.types.is_integer(column.type) or pa.types.is_floating(column.type))
