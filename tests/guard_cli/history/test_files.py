"""Files of a history as people export them, one day a file, each a little different."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from guard_cli.history.files import read_history
from guard_cli.terminal import CommandError


def folder(path: Path, *contents: str, suffix: str = "csv") -> str:
    """Write files, and return their folder."""
    for number, content in enumerate(contents):
        (path / f"{number}.{suffix}").write_text(content)
    return str(path)


@pytest.mark.parametrize("first", [0, 1])
def test_a_day_whose_dates_are_ambiguous_is_read_as_the_files_that_are_not(first: int, tmp_path: Path) -> None:
    days = ["ts,y_pred\n3/1/24 1:05 PM,1\n", "ts,y_pred\n2/13/24 1:05 PM,0\n"]
    table, left_out = read_history(folder(tmp_path, days[first], days[1 - first]))
    assert sorted(map(str, table["ts"].to_pylist())) == ["2024-02-13 13:05:00", "2024-03-01 13:05:00"]
    assert left_out == {}


@pytest.mark.parametrize(
    ("suffix", "row"), [("csv", "ts,y_pred\n2024-02-01,1\n"), ("ndjson", '{"ts": "2024", "y": 1}\n')]
)
def test_files_of_days_without_predictions_are_no_rows(suffix: str, row: str, tmp_path: Path) -> None:
    header = "ts,y_pred\n" if suffix == "csv" else "\n"
    assert read_history(folder(tmp_path, "", row, header, suffix=suffix))[0].num_rows == 1
    (tmp_path / f"1.{suffix}").unlink()
    with pytest.raises(CommandError, match=r"the file is empty|no rows"):
        read_history(str(tmp_path))


def test_names_that_differ_in_case_or_spaces_from_file_to_file_are_one_column(tmp_path: Path) -> None:
    table, _ = read_history(folder(tmp_path, "ts, Age \n2024-02-01,1\n", "TS,age\n2024-02-02,2\n"))
    assert table.column_names == ["ts", "Age"]
    assert table["Age"].to_pylist() == [1, 2]


def test_names_of_one_file_that_differ_in_case_stay_two_columns(tmp_path: Path) -> None:
    table, _ = read_history(folder(tmp_path, "ts,Age,age\n2024-02-01,1,2\n"))
    assert table.column_names == ["ts", "Age", "age"]


def test_times_with_an_offset_in_some_files_only_are_one_column(tmp_path: Path) -> None:
    table, _ = read_history(folder(tmp_path, "ts,y\n2024-02-01T10:00:00Z,1\n", "ts,y\n2024-02-02T10:00:00,1\n"))
    assert table["ts"].to_pylist() == ["2024-02-01 10:00:00.000000Z", "2024-02-02 10:00:00.000000"]


def test_features_of_events_as_they_are_sent_are_columns(tmp_path: Path) -> None:
    rows = '{"ts": 1, "features": {"age": 3, "country": "DE"}}\n{"ts": 2, "features": {"age": 4}}\n'
    table, left_out = read_history(folder(tmp_path, rows, suffix="ndjson"))
    assert table.select(["age", "country"]).to_pylist() == [{"age": 3, "country": "DE"}, {"age": 4, "country": None}]
    assert left_out == {}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.ndjson", '[{"ts": 1}]', r"holds a JSON array; write one object a line"),
        ("a.ndjson", '{"x": 1}\n{"x": "n/a"}\n', r"/x\) changed .* in row 2; write .* a column's values in one type"),
        ("a.xlsx", "PK", r"a\.xlsx: give a file that ends with one of \.csv, .*\.ndjson"),
        ("a.csv", " \n", r"the file is empty; give one with a header and a row"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_cure(
    name: str, content: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(CommandError, match=message):
        read_history(str(tmp_path / name))


def test_ndjson_may_be_in_utf_16_as_powershell_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text('{"ts": 1}\n{"ts": 2}\n', encoding="utf-16")
    assert read_history(str(path))[0].to_pydict() == {"ts": [1, 2]}


def test_a_struct_of_features_in_parquet_is_unpacked_like_an_object_of_ndjson(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    features = [{"age": 31, "plan": "a", "tags": ["x"]}, {"age": 42, "plan": None, "tags": None}, None]
    pq.write_table(pa.table({"ts": ["2024-02-01"] * 3, "y_pred": [1, 0, 1], "features": features}), path)
    table, left_out = read_history(str(path))
    assert table.to_pydict() == {
        "ts": ["2024-02-01"] * 3,
        "y_pred": [1, 0, 1],
        "age": [31, 42, None],
        "plan": ["a", None, None],
    }
    assert list(left_out) == ["tags"]
    pq.write_table(pa.table({"age": [1], "y_pred": [1], "features": [{"age": 2}]}), path)
    with pytest.raises(CommandError, match="'age' is a column and a member of `features`; rename one of them"):
        read_history(str(path))


ROWS = b"ts,y_pred\n2024-02-01,1\n" * 50


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (
            "a.csv.gz",
            gzip.compress(ROWS, mtime=0)[:-12],
            "its gzip stream is cut off or damaged .*; copy or download the file again",
        ),
        ("a.jsonl.gz", gzip.compress(ROWS, mtime=0)[:-12], "its gzip stream is cut off or damaged"),
        ("a.csv.gz", ROWS, "is not compressed with gzip, although its name ends with .gz; rename it without .gz, or"),
        ("a.jsonl.gz", ROWS, "is not compressed with gzip"),
        ("a.csv.zst", gzip.compress(ROWS, mtime=0), "is not compressed with zstd, .*; rename it to end with .gz"),
    ],
)
def test_a_file_whose_compression_is_wrong_or_cut_off_is_named_with_the_cure(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CommandError, match=reason):
        read_history(str(tmp_path))
