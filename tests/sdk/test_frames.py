"""Frames that Arrow cannot hold or the server does not read of Arrow: values are converted, or refused by row and field."""

import uuid
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from ml_guard import MLGuardClient
from ml_guard.frames import frame_events

from tests.sdk.api_double import ApiDouble


class Country(Enum):
    CANADA = "CA"


FIELDS: dict[str, Any] = {"project_id": "p", "model_id": "m", "y_pred": 1}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["x", 1], ["x", 1]),
        ([1, True], [1, True]),
        ([Country.CANADA, None], ["CA", None]),
        ([Fraction(1, 2), 2], [0.5, 2]),
        (np.array([1.5, 2.5], dtype="longdouble"), [1.5, 2.5]),
        (pd.arrays.SparseArray([0, 1]), [0, 1]),
    ],
)
def test_a_column_that_arrow_cannot_hold_is_sent_by_its_values(
    api: ApiDouble, client: MLGuardClient, values: Any, expected: list[Any]
) -> None:
    client.ingest_frame(pd.DataFrame({"a": values}), **FIELDS)
    assert [row["features"]["a"] for row in api.seen[0].rows] == expected


def test_columns_named_by_numbers_and_ids_that_are_uuids_become_text(api: ApiDouble, client: MLGuardClient) -> None:
    event_ids = [uuid.uuid4(), None]
    client.ingest_frame(pd.DataFrame({"event_id": event_ids, 0: ["x", 1]}), **FIELDS)
    first, second = api.seen[0].rows
    assert (first["event_id"], first["features"]) == (str(event_ids[0]), {"0": "x"})
    assert second["event_id"] not in (first["event_id"], None)


@pytest.mark.parametrize("names", [["event_id"], ["row", "event_id"]])
def test_an_index_named_like_a_field_is_that_field(names: list[str]) -> None:
    index = pd.MultiIndex.from_tuples([("r", "x"), ("s", "y")], names=["row", "event_id"])
    frame = pd.DataFrame({"a": [1, 2]}, index=index if len(names) > 1 else index.droplevel(0))
    table = frame_events(frame, {}, FIELDS)
    assert isinstance(table, pa.Table)
    assert table.select(["event_id", "features.a"]).to_pylist() == [
        {"event_id": "x", "features.a": 1},
        {"event_id": "y", "features.a": 2},
    ]
    assert "features.row" not in table.column_names


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"a": pd.to_datetime(["2025-01-01"])}), r"^rows\[0\]\.features\.a: .* not Timestamp; send"),
        (pd.DataFrame({"a": pd.period_range("2025", periods=2)}), r"^rows\[0\]\.features\.a: .* not Period"),
        (pa.table({"a": [date(2025, 1, 1)]}), r"^rows\[0\]\.features\.a: .* not date; send its isoformat"),
        (pa.table({"a": [[1], [2]]}), r"^rows\[0\]\.features\.a: .* not list"),
        (pa.table({"a": [{"b": 1}]}), r"^rows\[0\]\.features\.a: .* not dict"),
        (pd.DataFrame({"a": pd.Series(["\ud800"], dtype=object)}), r"^rows\[0\]\.features\.a: holds half"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), r"^frame: 2 columns are named 'a'"),
        (pa.table({"b": [1], "a": [2]}), r"^frame: 2 columns are named 'a'"),
        (pd.DataFrame({("a", "b"): [1]}), r"^frame: .* several levels; join them first"),
        (pa.table({"c": [1], "y_true": [0]}), r"^frame: the column 'y_true' would be a feature; send labels with"),
        (pd.Series([1, 2]), r"^frame: a data frame .* not Series"),
        ([{"a": 1}], r"^frame: a data frame .* not list"),
    ],
)
def test_a_frame_that_cannot_be_sent_is_refused_by_what_is_wrong(
    api: ApiDouble, client: MLGuardClient, frame: Any, message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        client.ingest_frame(frame, columns={"b": "a"}, **FIELDS)
    assert api.seen == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"y_pred": [0, 1]},
            "^y_pred: one value is needed, which all rows share, not list; values of single rows are a column",
        ),
        ({"y_pred": np.array([0, 1])}, "^y_pred: one value is needed, which all rows share, not ndarray"),
        ({"y_proba": pd.Series([0.5, 0.5])}, "^y_proba: one value is needed, which all rows share, not Series"),
        ({"event_id": "e"}, "^event_id: is not a field that rows can share"),
        (
            {"timestamp": np.datetime64("2025-01-01")},
            "^timestamp: a datetime or ISO 8601 text is needed, not datetime64",
        ),
        ({"timestamp": datetime(2025, 1, 1)}, "^timestamp: has no UTC offset"),  # noqa: DTZ001
        ({"latency_ms": timedelta(seconds=1)}, "^latency_ms: .* not timedelta"),
        ({"model_version": 3}, "^model_version: text is needed, not int"),
    ],
)
def test_a_field_that_all_rows_share_is_checked_before_anything_is_sent(
    api: ApiDouble, client: MLGuardClient, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        client.ingest_frame(pd.DataFrame({"a": [1, 2]}), **{**FIELDS, **fields})
    assert api.seen == []


def test_a_field_that_all_rows_share_is_converted_as_that_of_an_event() -> None:
    request_id = uuid.uuid4()
    fields = {
        **FIELDS,
        "y_proba": Decimal("0.5"),
        "latency_ms": np.float32(2),
        "request_id": request_id,
        "segment": pd.NA,
    }
    table = frame_events(pd.DataFrame({"a": [1, 2]}), {}, fields)
    assert isinstance(table, pa.Table)
    (first, _) = table.select(["y_proba", "latency_ms", "request_id", "segment"]).to_pylist()
    assert first == {"y_proba": 0.5, "latency_ms": 2.0, "request_id": str(request_id), "segment": None}


def test_numbers_text_and_categories_go_as_arrow() -> None:
    frame = pd.DataFrame(
        {"n": pd.array([1, None], dtype="Int64"), "t": ["x", np.nan], "c": pd.Categorical(["x", None])}
    )
    table = frame_events(frame, {}, FIELDS)
    assert isinstance(table, pa.Table)
    assert {"features.n", "features.t", "features.c", "timestamp", "event_id"} < set(table.column_names)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (pd.DataFrame(index=range(3)), "frame: has 3 rows, but no column"),
        (pd.DataFrame([[1, 2]], columns=["a", None]), r"frame: column 2 has no name \((None|nan)\); rename or drop it"),
        (pd.DataFrame([[1, 2]], columns=[float("nan"), 7]), r"frame: column 1 has no name \(nan\)"),
        (
            pd.DataFrame({"event_id": ["x"]}, index=pd.Index(["y"], name="event_id")),
            "frame: its index and a column are both named 'event_id'; rename one of them, or drop the index",
        ),
        (
            pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([("x", "y")], names=["event_id"] * 2)),
            "frame: its index and another level of it are both named 'event_id'",
        ),
    ],
)
def test_a_frame_whose_names_are_missing_or_repeated_is_refused_by_name(frame: pd.DataFrame, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        frame_events(frame, {}, FIELDS)


class WideIntegers:
    """A frame as polars has it with a column of Int128, of which Arrow has no type."""

    columns = ("a",)

    def __init__(self, *values: int) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise pa.ArrowInvalid("Invalid or unsupported format string: '_pli128'")

    def to_dicts(self) -> list[dict[str, int]]:
        return [{"a": value} for value in self.values]


def test_integers_wider_than_arrows_are_sent_by_value_or_refused_by_row_and_field(
    api: ApiDouble, client: MLGuardClient
) -> None:
    client.ingest_frame(WideIntegers(1, -2), **FIELDS)
    assert [row["features"] for row in api.seen[0].rows] == [{"a": 1}, {"a": -2}]
