"""The drift report of two tables of raw rows, for scripts and notebooks.

Naming columns belongs here; reading files does not, it is in `ml.tables`, nor does building profiles, which is in
`ml.monitoring.profiles`, nor deciding, which is in `judge.py`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pyarrow as pa

from guard_core.columns import FEATURE_PREFIX, Kind, feature_column, feature_name
from guard_core.project_settings.drift import ENVELOPE_COLUMNS, DriftSettings
from ml.monitoring.kinds import learn_kind, learn_prediction_kind
from ml.monitoring.profiles.build import profile_table
from ml.monitoring.profiles.table import TableProfile
from ml.monitoring.verdicts.judge import judge
from ml.monitoring.verdicts.report import DriftReport
from ml.tables.read import FileTable, InputError

SAMPLE_ROWS = 10_000  # of a text column, to distinguish categories from free text


@dataclass(frozen=True, slots=True, eq=False)
class TableComparison:
    """The verdicts on two tables, with the profiles and settings that they were computed from.

    Attributes
    ----------
    reference_name, current_name : names of the tables for people.
    left_out : the reason by column that is not compared, named as in the tables.
    """

    reference_name: str
    current_name: str
    reference: TableProfile
    current: TableProfile
    settings: DriftSettings
    report: DriftReport
    left_out: Mapping[str, str]


def compare_tables(
    baseline: tuple[str, FileTable],
    current: tuple[str, FileTable],
    settings: DriftSettings,
    ignored: Collection[str] = (),
) -> TableComparison:
    """Judge a table against a baseline, each with its name; a table is one window, with no earlier days to extend it by.

    Raises
    ------
    InputError
        If the tables have no column in common.
    """
    settings = settings.model_copy(update={"windows": (1,)})
    reference, window = profiles((baseline[0], baseline[1].rows), (current[0], current[1].rows), ignored)
    report = judge(lambda _: [window], reference, settings)
    omitted = left_out(baseline[1], current[1], ignored)
    return TableComparison(baseline[0], current[0], reference, window, settings, report, omitted)


def left_out(baseline: FileTable, current: FileTable, ignored: Collection[str] = ()) -> dict[str, str]:
    """Return the reason by column that cannot be compared, those aside that are to be ignored."""
    dates = sorted(date_columns(baseline.rows, current.rows))
    reasons = {**baseline.left_out, **current.left_out, **dict.fromkeys(dates, "holds dates")}
    return {name: reason for name, reason in reasons.items() if name not in ignored}


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
