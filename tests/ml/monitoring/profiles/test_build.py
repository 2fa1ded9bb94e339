"""Profiles of Parquet files and tables, against profiles of the plain columns."""

import io
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from guard_core.columns import Kind
from ml.monitoring.profiles import build, pieces
from ml.monitoring.profiles.build import MAX_SLICE_VALUES, WHOLE, profile_parquet, profile_table
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import TableProfile

KINDS: Mapping[str, Kind] = {
    "feature_x": "numeric",
    "feature_hour": "numeric",
    "feature_carrier": "categorical",
    "feature_late": "boolean",
    "feature_note": "text",
    "y_pred": "categorical",
}


def _rows(size: int, seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)
    missing = rng.random(size) < 0.1
    return pa.table(
        {
            "latency_ms": rng.lognormal(3, 1, size),
            "y_pred": [str(label) for label in rng.integers(0, 2, size)],
            "y_proba": pa.array(rng.random(size), mask=missing),
            "feature_x": pa.array(rng.normal(size=size), mask=missing),
            "feature_hour": rng.integers(0, 24, size),
            "feature_carrier": pa.array([f"carrier-{i}" for i in rng.geometric(0.3, size)], mask=missing),
            "feature_late": pa.array(rng.random(size) < 0.2, mask=missing),
            "feature_note": ["ü" * length for length in rng.integers(0, 80, size)],
            "endpoint": ["/predict"] * size,
            "model_version": [f"v{i}" for i in rng.integers(1, 4, size)],
            "segment": pa.array([f"s{i}" for i in rng.integers(0, 3, size)], mask=missing),
        }
    )


def _expected(table: pa.Table) -> TableProfile:
    """Each column by itself, from plain values."""
    return TableProfile(
        table.num_rows,
        {
            **{
                name: NumericProfile.from_values(table[name])
                for name in ("latency_ms", "y_proba", "feature_x", "feature_hour")
            },
            "feature_carrier": CategoricalProfile.from_values(table["feature_carrier"]),
            "feature_late": CategoricalProfile.from_values(table["feature_late"]),
            "feature_note": NumericProfile.from_values(pc.utf8_length(table["feature_note"])),
            "y_pred": CategoricalProfile.from_values(table["y_pred"]),
        },
    )


def _write(table: pa.Table, path: Path, row_group_size: int = 700) -> Path:
    pq.write_table(table, path, row_group_size=row_group_size)
    return path


def test_a_file_of_many_row_groups_is_profiled_exactly_as_its_rows(tmp_path: Path) -> None:
    table = _rows(10_000)
    profiles = profile_parquet([_write(table, tmp_path / "day.parquet")], KINDS)
    assert list(profiles) == [WHOLE]
    assert profiles[WHOLE].rows == 10_000
    assert profiles[WHOLE].digest() == _expected(table).digest()


def test_a_table_and_its_file_have_the_same_profile(tmp_path: Path) -> None:
    table = _rows(3000)
    from_file = profile_parquet([_write(table, tmp_path / "day.parquet")], KINDS, slices=build.SLICE_COLUMNS)
    from_table = profile_table(table, KINDS, slices=build.SLICE_COLUMNS)
    assert list(from_file) == list(from_table)
    assert [profile.digest() for profile in from_file.values()] == [p.digest() for p in from_table.values()]


def test_threads_make_no_difference(tmp_path: Path) -> None:
    path = _write(_rows(3000), tmp_path / "day.parquet")
    digests = {profile_parquet([path], KINDS, threads=threads)[WHOLE].digest() for threads in (1, 2, 7)}
    assert len(digests) == 1


def test_several_files_paths_and_open_files_read_as_one(tmp_path: Path) -> None:
    table = _rows(6000)
    paths = [_write(table.slice(start, 2000), tmp_path / f"{start}.parquet") for start in (0, 2000, 4000)]
    expected = _expected(table).digest()
    assert profile_parquet(paths, KINDS)[WHOLE].digest() == expected
    assert profile_parquet([str(path) for path in paths], KINDS)[WHOLE].digest() == expected
    opened = [io.BytesIO(path.read_bytes()) for path in paths]
    assert profile_parquet(opened, KINDS, threads=4)[WHOLE].digest() == expected
    assert not any(file.closed for file in opened)
    buffers = [pa.BufferReader(path.read_bytes()) for path in paths]
    assert profile_parquet(buffers, KINDS)[WHOLE].digest() == expected
    below = pafs.SubTreeFileSystem(str(tmp_path), pafs.LocalFileSystem())
    names = [path.name for path in paths]
    assert profile_parquet(names, KINDS, filesystem=below)[WHOLE].digest() == expected


def test_more_rows_than_a_piece_are_merged_within_the_stated_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = _rows(20_000)
    path = _write(table, tmp_path / "day.parquet", row_group_size=1000)
    assert [piece.rows for piece in pieces.parquet_pieces([path], piece_rows=4500)] == [4000] * 5
    monkeypatch.setattr(build, "parquet_pieces", lambda files, fs: pieces.parquet_pieces(files, fs, piece_rows=4500))
    profile = profile_parquet([path], KINDS, slices=["segment"])
    expected = _expected(table)
    for name, exact in expected.columns.items():
        merged = profile[WHOLE].columns[name]
        assert (merged.count, merged.nulls) == (exact.count, exact.nulls)
        if isinstance(merged, NumericProfile):
            raw = np.sort(table[name].drop_null().to_numpy()) if name != "feature_note" else None
            assert merged.rank_error <= merged.finite / 1000 + 5
            if raw is not None:
                assert np.abs(merged.upto - np.searchsorted(raw, merged.knots, "right")).max() <= merged.rank_error
        else:
            assert isinstance(exact, CategoricalProfile)
            assert list(merged.counts.items()) == list(exact.counts.items())
    sizes = {value: profiled.rows for (_, value), profiled in profile.items() if value}
    assert sizes == Counter(table["segment"].drop_null().to_pylist())


def test_a_row_group_larger_than_a_piece_is_a_piece_of_its_own(tmp_path: Path) -> None:
    path = _write(_rows(3000), tmp_path / "day.parquet", row_group_size=1000)
    assert [piece.rows for piece in pieces.parquet_pieces([path], piece_rows=10)] == [1000, 1000, 1000]


def test_slices_are_the_profiles_of_the_rows_that_hold_the_value(tmp_path: Path) -> None:
    table = _rows(4000)
    profiles = profile_parquet([_write(table, tmp_path / "day.parquet")], KINDS, slices=build.SLICE_COLUMNS)
    frequent = Counter(table["segment"].drop_null().to_pylist()).most_common()
    assert [value for dimension, value in profiles if dimension == "segment"] == [value for value, _ in frequent]
    for dimension in ("model_version", "segment"):
        for value in table[dimension].drop_null().unique().to_pylist():
            rows = table.filter(pc.equal(table[dimension], value))
            assert profiles[dimension, value].rows == rows.num_rows
            assert profiles[dimension, value].digest() == _expected(rows).digest()


def test_where_all_rows_hold_one_value_the_slice_is_the_whole(tmp_path: Path) -> None:
    profiles = profile_parquet([_write(_rows(500), tmp_path / "day.parquet")], KINDS, slices=["endpoint"])
    assert profiles["endpoint", "/predict"] is profiles[WHOLE]


def test_one_value_beside_nulls_is_a_slice_of_its_own_rows() -> None:
    table = pa.table({"feature_x": [1.0, 2.0, 3.0], "segment": ["a", None, "a"]})
    profiles = profile_table(table, {"feature_x": "numeric"}, slices=["segment"])
    assert profiles["segment", "a"].rows == 2
    assert profiles["segment", "a"].columns["feature_x"].count == 2


def test_a_slice_column_without_values_has_no_slices() -> None:
    table = pa.table({"feature_x": [1.0], "segment": pa.array([None], pa.string())})
    assert list(profile_table(table, {"feature_x": "numeric"}, slices=["segment", "no such column"])) == [WHOLE]


def test_only_the_50_most_frequent_values_of_a_slice_column_are_profiled() -> None:
    values = [f"s{i:02d}" for i in range(60) for _ in range(1 + (i >= 20))]
    table = pa.table({"feature_x": np.arange(float(len(values))), "segment": values})
    profiles = profile_table(table, {"feature_x": "numeric"}, slices=["segment"])
    kept = [value for dimension, value in profiles if dimension == "segment"]
    assert kept == [*(f"s{i}" for i in range(20, 60)), *(f"s{i:02d}" for i in range(10))]
    assert len(kept) == MAX_SLICE_VALUES


def test_a_column_that_some_files_lack_is_null_there_and_types_may_differ(tmp_path: Path) -> None:
    old = _write(pa.table({"feature_a": [1, 2]}), tmp_path / "old.parquet")
    new = _write(pa.table({"feature_a": [2.5], "feature_b": ["x"]}), tmp_path / "new.parquet")
    kinds: dict[str, Kind] = {"feature_a": "numeric", "feature_b": "categorical", "feature_c": "numeric"}
    columns = profile_parquet([old, new], kinds)[WHOLE].columns
    a, b, c = (columns[name] for name in kinds)
    assert isinstance(a, NumericProfile)
    assert a.knots.tolist() == [1.0, 2.0, 2.5]
    assert (b.count, b.nulls) == (3, 2)
    assert (c.count, c.nulls) == (3, 3)
    assert "latency_ms" not in columns


@pytest.mark.parametrize("names", [["empty.parquet"], []])
def test_no_rows_make_a_profile_of_no_rows(tmp_path: Path, names: list[str]) -> None:
    _write(_rows(1).slice(0, 0), tmp_path / "empty.parquet")
    profile = profile_parquet([tmp_path / name for name in names], KINDS, slices=["segment"])
    assert list(profile) == [WHOLE]
    assert profile[WHOLE].rows == 0
    assert {column.count for column in profile[WHOLE].columns.values()} == {0}


def test_a_feature_name_with_a_dot_is_a_plain_name(tmp_path: Path) -> None:
    path = _write(pa.table({"feature_a": ["x", "y"], "feature_a.b": [1.0, 2.0]}), tmp_path / "day.parquet")
    columns = profile_parquet([path], {"feature_a": "categorical", "feature_a.b": "numeric"})[WHOLE].columns
    assert isinstance(columns["feature_a"], CategoricalProfile)
    assert isinstance(columns["feature_a.b"], NumericProfile)


def test_a_column_that_does_not_fit_its_kind_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = _write(_rows(10), tmp_path / "day.parquet")
    with pytest.raises(ValueError, match="column 'feature_carrier': a numeric column must hold numbers, not string"):
        profile_parquet([path], {"feature_carrier": "numeric"})
    with pytest.raises(ValueError, match="column 'feature_x': a text column must hold strings, not double"):
        profile_parquet([path], {"feature_x": "text"})


def test_an_unknown_kind_is_an_error_that_names_the_column_and_the_choices() -> None:
    with pytest.raises(ValueError, match="column 'feature_x': unknown kind 'number', use one of numeric, categorical"):
        profile_table(_rows(1), {"feature_x": "number"})  # type: ignore[dict-item]


def test_text_in_a_dictionary_is_measured_like_plain_text() -> None:
    table = pa.table({"feature_note": pa.array(["über", None, "ab"]).dictionary_encode()})
    column = profile_table(table, {"feature_note": "text"})[WHOLE].columns["feature_note"]
    assert isinstance(column, NumericProfile)
    assert (column.knots.tolist(), column.nulls) == ([2.0, 4.0], 1)
