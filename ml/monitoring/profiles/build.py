"""Table profiles of raw rows: each column is read once, in pieces of bounded size, on all cores.

The order of work belongs here; profiling one column does not, it is in `columns.py`, nor does reading, which is in `pieces.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pyarrow as pa
import pyarrow.fs as pafs

from guard_core.columns import KINDS, Kind
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.columns import Groups, Scratch, column_profile, group_rows, grouped_profiles
from ml.monitoring.profiles.pieces import ParquetInput, Piece, TablePiece, parquet_pieces
from ml.monitoring.profiles.table import ColumnProfile, TableProfile

SliceKey = tuple[str, str]

WHOLE: SliceKey = ("", "")
SLICE_COLUMNS = ("endpoint", "model_version", "segment")
MAX_SLICE_VALUES = 50
# Columns beside the features; the kind of y_pred is learned.
ENVELOPE_KINDS: Mapping[str, Kind] = {"latency_ms": "numeric", "y_proba": "numeric"}


def profile_parquet(
    files: Sequence[ParquetInput],
    kinds: Mapping[str, Kind],
    *,
    slices: Sequence[str] = (),
    threads: int | None = None,
    filesystem: pafs.FileSystem | None = None,
) -> dict[SliceKey, TableProfile]:
    """Profile the rows of Parquet files.

    Each column is read once, whole row groups at a time: each thread holds at most 4,194,304 rows (or one larger row group) of one
    column in memory. Up to that many rows the profile is exact; beyond, profiles of the pieces are merged, within their
    `rank_error`. Slice columns are read twice: to find their values, then to find the rows of each.

    Parameters
    ----------
    files : paths (within `filesystem`, if there is one) or open files; a column that a file lacks is null there.
    kinds : kind by column name: the features (`feature_<name>`) and `y_pred`. `latency_ms` and `y_proba` are numeric and
        always profiled if a file has them.
    slices : columns whose values are profiled separately.
    threads : number of threads; default: one a core.
    filesystem : an Arrow file system for the paths; default: the local one.

    Returns
    -------
    Profiles by (slice column, value); that of all rows is `("", "")`. A slice column has entries for its 50 most frequent values.
    If all rows have the same value, its entry is the profile of all rows.

    Raises
    ------
    ValueError
        If a kind is unknown, or a column's type does not fit its kind; the message names the column.

    Examples
    --------
    >>> import io, pyarrow.parquet as pq
    >>> file = io.BytesIO()
    >>> pq.write_table(pa.table({"feature_x": [1.0, 2.0], "segment": ["a", "b"]}), file)
    >>> profiles = profile_parquet([file], {"feature_x": "numeric"}, slices=["segment"])
    >>> {key: profile.columns["feature_x"].mean for key, profile in profiles.items()}
    {('', ''): 1.5, ('segment', 'a'): 1.0, ('segment', 'b'): 2.0}
    """
    return _profile(parquet_pieces(files, filesystem), kinds, slices, threads)


def profile_table(
    table: pa.Table, kinds: Mapping[str, Kind], *, slices: Sequence[str] = (), threads: int | None = None
) -> dict[SliceKey, TableProfile]:
    """Profile the rows of a table in memory, exactly; otherwise like `profile_parquet`.

    Parameters
    ----------
    table : (n,) rows.
    kinds, slices, threads : as for `profile_parquet`.

    Raises
    ------
    ValueError
        If a kind is unknown, or a column's type does not fit its kind; the message names the column.

    Examples
    --------
    >>> table = pa.table({"feature_x": [1.0, 2.0], "latency_ms": [5.0, None]})
    >>> profile = profile_table(table, {"feature_x": "numeric"})["", ""]
    >>> profile.rows, profile.columns["latency_ms"].nulls
    (2, 1)
    """
    return _profile([TablePiece(table)], kinds, slices, threads)


def _profile(
    pieces: Sequence[Piece], kinds: Mapping[str, Kind], slices: Sequence[str], threads: int | None
) -> dict[SliceKey, TableProfile]:
    for name, kind in kinds.items():
        if kind not in KINDS:
            raise ValueError(f"column {name!r}: unknown kind {kind!r}, use one of {', '.join(KINDS)}")
    scratch = Scratch()
    with ThreadPoolExecutor(threads or pa.cpu_count(), thread_name_prefix="profile") as pool:
        slice_counts = _slice_counts(pieces, slices, pool)
        uniform = {
            name: counts for name, counts in slice_counts.items() if len(counts.counts) == 1 and not counts.nulls
        }
        values_by_slice = {
            name: list(counts.counts)[:MAX_SLICE_VALUES] for name, counts in slice_counts.items() if name not in uniform
        }
        partials: dict[SliceKey, list[TableProfile]] = {WHOLE: []}
        partials |= {(name, value): [] for name, values in values_by_slice.items() for value in values}
        for piece in pieces:
            for key, profile in _piece_profiles(piece, kinds, values_by_slice, scratch, pool).items():
                partials[key].append(profile)
        if not pieces:
            partials[WHOLE].append(
                TableProfile(0, {name: column_profile(pa.nulls(0), kinds[name], scratch) for name in kinds})
            )
        profiles = dict(zip(partials, pool.map(TableProfile.merge, partials.values()), strict=True))
    return profiles | {(name, value): profiles[WHOLE] for name, counts in uniform.items() for value in counts.counts}


def _slice_counts(
    pieces: Sequence[Piece], slices: Sequence[str], pool: ThreadPoolExecutor
) -> dict[str, CategoricalProfile]:
    """Count the rows by value of each slice column that has any value."""

    def count(name: str, piece: Piece) -> CategoricalProfile:
        column = piece.column(name, dictionary=True)
        with _naming_column(name):
            return CategoricalProfile.from_values(pa.nulls(piece.rows) if column is None else column)

    partial_counts = {name: pool.map(partial(count, name), pieces) for name in slices if pieces}
    merged = {name: CategoricalProfile.merge(list(parts)) for name, parts in partial_counts.items()}
    return {name: counts for name, counts in merged.items() if counts.non_null}


def _piece_profiles(
    piece: Piece,
    kinds: Mapping[str, Kind],
    values_by_slice: Mapping[str, Sequence[str]],
    scratch: Scratch,
    pool: ThreadPoolExecutor,
) -> dict[SliceKey, TableProfile]:
    """Profile one piece, whole and by slice; the columns are distributed over the pool."""

    def group(name: str) -> Groups | None:
        column = piece.column(name, dictionary=True)
        return None if column is None else group_rows(column, values_by_slice[name])

    def profile(name: str) -> dict[SliceKey, ColumnProfile]:
        kind = kinds.get(name) or ENVELOPE_KINDS[name]
        column = piece.column(name, dictionary=kind == "categorical")
        if column is None:
            if name not in kinds:
                return {}
            column = pa.chunked_array([pa.nulls(piece.rows)])
        with _naming_column(name):
            profiles = {WHOLE: column_profile(column, kind, scratch)}
            for dimension, rows in groups.items():
                parts = grouped_profiles(column, kind, rows, scratch)
                profiles |= {(dimension, value): part for value, part in parts.items()}
        return profiles

    grouped = zip(values_by_slice, pool.map(group, values_by_slice), strict=True)
    groups = {name: rows for name, rows in grouped if rows is not None}
    sizes = {WHOLE: piece.rows}
    for dimension, rows in groups.items():
        sizes |= {(dimension, value): size for value, size in zip(rows.values, rows.sizes, strict=True)}
    columns: dict[SliceKey, dict[str, ColumnProfile]] = {key: {} for key in sizes}
    names = list(dict.fromkeys([*kinds, *ENVELOPE_KINDS]))
    for name, profiles in zip(names, pool.map(profile, names), strict=True):
        for key, part in profiles.items():
            columns[key][name] = part
    return {key: TableProfile(sizes[key], columns[key]) for key in sizes}


@contextmanager
def _naming_column(column: str) -> Iterator[None]:
    """Prefix the message of a ValueError with the column's name."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"column {column!r}: {error}") from error
