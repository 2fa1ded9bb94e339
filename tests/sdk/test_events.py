"""What leaves the client: the event contract, batches, and clear errors for wrong arguments."""

import json
import math
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from ml_guard import ApiError, Event, MLGuardClient, RowError

from tests.sdk.api_double import ROW, ApiDouble


def test_the_example_of_the_specification_arrives_as_the_event_contract(api: ApiDouble, client: MLGuardClient) -> None:
    before = datetime.now(UTC)
    result = client.ingest_event(
        project_id="proj_123",
        model_id="model_v1",
        endpoint="predict",
        latency_ms=35,
        y_pred=1,
        y_proba=0.77,
        features={"age": 31, "balance": 1500.0, "country": "CA"},
    )
    (seen,) = api.seen
    sent = json.loads(seen.body)
    assert (seen.method, seen.path) == ("POST", "/api/v1/events")
    assert before <= datetime.fromisoformat(sent.pop("timestamp")) <= datetime.now(UTC)
    assert sent.pop("event_id") == result.event_id
    assert sent == {
        "project_id": "proj_123",
        "model_id": "model_v1",
        "endpoint": "predict",
        "latency_ms": 35,
        "y_pred": 1,
        "y_proba": 0.77,
        "features": {"age": 31, "balance": 1500.0, "country": "CA"},
    }
    assert result.status == "accepted"
    assert result.request_id == seen.headers["X-Request-ID"]


def test_the_same_event_id_again_is_a_duplicate(client: MLGuardClient) -> None:
    statuses = [client.ingest_event(**ROW, event_id="e1").status for _ in range(2)]
    assert statuses == ["accepted", "duplicate"]


def test_a_timestamp_keeps_its_instant_and_offset(api: ApiDouble, client: MLGuardClient) -> None:
    client.ingest_event(**ROW, timestamp=datetime(2013, 3, 10, 3, tzinfo=timezone(timedelta(hours=-4))))
    assert json.loads(api.seen[0].body)["timestamp"] == "2013-03-10T03:00:00-04:00"


def test_false_and_zero_are_values_and_are_sent(api: ApiDouble, client: MLGuardClient) -> None:
    client.ingest_event(**{**ROW, "latency_ms": 0, "y_pred": False, "features": {"temp": None}}, y_proba=0.0)
    sent = json.loads(api.seen[0].body)
    assert (sent["latency_ms"], sent["y_pred"], sent["y_proba"]) == (0, False, 0.0)
    assert sent["features"] == {"temp": None}


def test_no_prediction_is_null_and_not_left_out(api: ApiDouble, client: MLGuardClient) -> None:
    client.ingest_event(**{**ROW, "y_pred": None})
    client.ingest_events([{**ROW, "y_pred": None}])
    assert [json.loads(seen.body)["y_pred"] for seen in api.seen] == [None, None]


def test_numpy_scalars_are_sent_as_their_values(api: ApiDouble, client: MLGuardClient) -> None:
    values: dict[str, Any] = {"y_pred": np.bool_(True), "y_proba": np.float32(0.5), "features": {"n": np.int64(3)}}
    client.ingest_event(**{**ROW, **values})
    sent = json.loads(api.seen[0].body)
    assert (sent["y_pred"], sent["y_proba"], sent["features"]) == (True, 0.5, {"n": 3})


@pytest.mark.parametrize(
    "missing", [None, math.nan, np.float32("nan"), Decimal("NaN"), pd.NA, pd.NaT, np.datetime64("NaT", "ns")]
)
def test_a_missing_value_of_any_library_is_null_or_left_out(
    api: ApiDouble, client: MLGuardClient, missing: Any
) -> None:
    client.ingest_event(
        **{**ROW, "latency_ms": missing, "y_pred": missing, "y_proba": missing, "features": {"a": missing}}
    )
    sent = json.loads(api.seen[0].body)
    assert (sent["y_pred"], sent["features"]) == (None, {"a": None})
    assert not {"latency_ms", "y_proba"} & set(sent)
    with pytest.raises(ValueError, match=r"^rows\[0\].y_true: a label needs a value"):
        client.send_labels([{"project_id": "p", "event_id": "e", "y_true": missing}])


@pytest.mark.parametrize("missing", [math.nan, pd.NA, pd.NaT])
def test_a_missing_segment_is_left_out(api: ApiDouble, client: MLGuardClient, missing: Any) -> None:
    client.ingest_event(**{**ROW, "segment": missing})
    assert "segment" not in json.loads(api.seen[0].body)


def test_a_uuid_is_sent_as_its_text(api: ApiDouble, client: MLGuardClient) -> None:
    value = uuid.UUID(int=1)
    client.ingest_event(**{**ROW, "y_pred": value, "features": {"a": value}})
    (row,) = api.seen[0].rows
    assert (row["y_pred"], row["features"]) == (str(value), {"a": str(value)})


def test_decimals_are_sent_as_numbers(api: ApiDouble, client: MLGuardClient) -> None:
    client.ingest_event(**{**ROW, "y_pred": Decimal(2), "y_proba": Decimal("0.25"), "features": {"a": Decimal("1.5")}})
    sent = json.loads(api.seen[0].body)
    assert (sent["y_pred"], sent["y_proba"], sent["features"]) == (2, 0.25, {"a": 1.5})


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"project_id": ""}, ValueError, r"^project_id: must not be empty"),
        ({"model_id": 7}, TypeError, r"^model_id: text is needed, not int"),
        ({"endpoint": 7}, TypeError, r"^endpoint: text"),
        ({"latency_ms": "35"}, TypeError, r"^latency_ms: a number is needed, not str"),
        ({"latency_ms": True}, TypeError, r"^latency_ms: a number is needed, not bool"),
        ({"y_proba": math.inf}, ValueError, r"^y_proba: inf is not a finite number"),
        ({"timestamp": pd.NaT}, ValueError, r"^timestamp: is missing \(NaT\)"),
        ({"features": {"a": 10**5000}}, ValueError, r"^features.a: has too many digits"),
        ({"latency_ms": 10**5000}, ValueError, r"^latency_ms: has too many digits"),
        ({"features": {"a": np.datetime64("2020-01-01", "ns")}}, TypeError, r"^features.a: .* not datetime64"),
        ({"features": {"a": np.timedelta64(5, "ns")}}, TypeError, r"^features.a: .* not timedelta64"),
        ({"y_pred": np.datetime64("2020-01-01", "D")}, TypeError, r"^y_pred: .* not datetime64"),
        ({"features": {"a": Decimal("1E400")}}, ValueError, r"^features.a: inf is not a finite number"),
        ({"y_pred": [1]}, TypeError, r"^y_pred: .* not list"),
        ({"timestamp": datetime(2025, 1, 1)}, ValueError, r"^timestamp: has no UTC offset"),  # noqa: DTZ001
        ({"timestamp": 1735689600}, TypeError, r"^timestamp: a datetime or ISO 8601 text"),
        ({"features": [1]}, TypeError, r"^features: a mapping"),
        ({"features": pd.Series({"a": 1})}, TypeError, r"^features: .* not Series; send its to_dict\(\)"),
        ({"features": next(pd.DataFrame({"a": [1]}).itertuples())}, TypeError, r"^features: .*; send its _asdict\(\)"),
        ({"features": pd.DataFrame({"a": [1]})}, TypeError, r"^features: .* not DataFrame; .* with ingest_frame"),
        ({"features": {1: 2}}, TypeError, r"^features: names are text"),
        ({"features": {"a": {"b": 1}}}, TypeError, r"^features.a: .* not dict"),
        ({"features": {"a": math.inf}}, ValueError, r"^features.a: inf is not a finite number"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_sent(
    api: ApiDouble, client: MLGuardClient, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        client.ingest_event(**{**ROW, **changes})
    assert api.seen == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**ROW, "latency": 3}, r"^rows\[2\]\.latency: is not a field"),
        ({"project_id": "p"}, r"^rows\[2\]\.model_id: is missing"),
        ("text", r"^rows\[2\]\.row: a mapping"),
    ],
)
def test_a_wrong_row_of_a_batch_is_named_with_its_index(client: MLGuardClient, row: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        client.ingest_events([ROW, Event(**ROW), row])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"endpoint": "\ud800"}, "endpoint"),
        ({"event_id": "a\udfff"}, "event_id"),
        ({"y_pred": "\ud83d"}, "y_pred"),
        ({"features": {"n": 1, "city": "\ud800"}}, r"features\.city"),
        ({"features": {"n": 1, "ci\ud800ty": None}}, r"features\.ci\\ud800ty"),
    ],
)
def test_text_that_is_not_unicode_is_an_error_with_its_field(
    api: ApiDouble, client: MLGuardClient, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValueError, match=rf"^{field}: holds half of a surrogate pair"):
        client.ingest_event(**{**ROW, **changes})
    with pytest.raises(ValueError, match=rf"^rows\[0\]\.{field}: holds half of a surrogate pair"):
        client.ingest_events([{**ROW, **changes}])
    with pytest.raises(ValueError, match=r"^rows\[0\]\.y_true: holds half of a surrogate pair"):
        client.send_labels([{"project_id": "p", "event_id": "e", "y_true": "\ud800"}])
    assert api.seen == []


def test_a_batch_goes_out_in_requests_of_ten_thousand_rows_and_counts_add_up(
    api: ApiDouble, client: MLGuardClient
) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        for number in range(20_005):
            yield {**ROW, "event_id": f"e{number}", "latency_ms": -1.0 if number in (3, 20_001) else 1.0}
        yield {**ROW, "event_id": "e0"}

    result = client.ingest_events(rows())
    assert [len(seen.rows) for seen in api.seen] == [10_000, 10_000, 6]
    assert {seen.headers["Content-Type"] for seen in api.seen} == {"application/x-ndjson"}
    assert (result.accepted, result.duplicates, result.rejected) == (20_003, 1, 2)
    reason = "must not be negative"
    assert result.errors == (RowError(3, "latency_ms", reason), RowError(20_001, "latency_ms", reason))
    assert result.request_ids == tuple(seen.headers["X-Request-ID"] for seen in api.seen)


def test_large_rows_are_split_by_bytes_too(api: ApiDouble, client: MLGuardClient) -> None:
    result = client.ingest_events({**ROW, "features": {"text": "x" * 2**20}} for _ in range(20))
    assert result.accepted == 20
    assert max(len(seen.body) for seen in api.seen) <= 16 * 2**20


def test_an_empty_batch_sends_nothing(api: ApiDouble, client: MLGuardClient) -> None:
    assert client.ingest_events([]).accepted == 0
    assert api.seen == []


def test_a_compressed_batch_says_so_and_arrives_whole(api: ApiDouble, client: MLGuardClient) -> None:
    assert client.ingest_events([{**ROW, "event_id": "é"}], compress=True).accepted == 1
    assert api.seen[0].headers["Content-Encoding"] == "gzip"
    assert api.stored["é"]["latency_ms"] == 1.5


def test_a_masked_value_of_numpy_is_missing_and_an_array_is_refused_by_its_field() -> None:
    masked = np.ma.masked_equal([1.0, -999.0], -999.0)[1]
    fields: dict[str, Any] = {"project_id": "p", "model_id": "m", "latency_ms": 1.0, "y_pred": 1}
    array: Any = np.array([1, 2])
    assert Event(**fields, features={"age": masked}).features == {"age": None}
    with pytest.raises(TypeError, match=r"features\.age: text, number, boolean or None is needed, not ndarray"):
        Event(**fields, features={"age": array})


def test_rows_to_predict_are_converted_as_those_of_events(api: ApiDouble, client: MLGuardClient) -> None:
    values: dict[str, Any] = {"a": np.float32(0.5), "b": pd.NA, "c": math.nan, "d": Decimal("1.5"), "e": pa.scalar(3)}
    instant = pd.Timestamp("2020-01-01", tz="UTC")
    with pytest.raises(ApiError, match="404"):
        client.predict(values, model="m", segment="s", event_id="e")
    with pytest.raises(ApiError, match="404"):
        client.predict_many([{"features": values, "event_id": None, "timestamp": instant}], project_id="p")
    one, many = (json.loads(seen.body) for seen in api.seen)
    sent = {"a": 0.5, "b": None, "c": None, "d": 1.5, "e": 3}
    assert one == {"features": sent, "event_id": "e", "segment": "s", "model": "m"}
    (instance,) = many.pop("instances")
    assert many == {"project_id": "p"}
    assert len(instance.pop("event_id")) == 32
    assert instance == {"features": sent, "timestamp": "2020-01-01T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("instances", "message"),
    [
        ([{"features": {"a": math.inf}}], r"^instances\[0\].features.a: inf is not a finite number"),
        ([{"features": {1: 2}}], r"^instances\[0\].features: names are text, not int"),
        ([{"features": {"a": "\ud800"}}], r"^instances\[0\].features.a: holds half of a surrogate pair"),
        ([{"features": {}, "event_id": ""}], r"^instances\[0\].event_id: must not be empty"),
        ([{"features": {}, "timestamp": datetime(2020, 1, 1)}], r"^instances\[0\].timestamp: has no UTC"),  # noqa: DTZ001
        ([{"a": 1}], r"^instances\[0\].a: is not a field; the fields are features, event_id"),
        (pd.DataFrame({"a": [1]}), r"^instances\[0\].row: .* not str; of a data frame, send to_dict\('records'\)"),
    ],
)
def test_a_wrong_row_to_predict_is_named_and_nothing_is_sent(
    api: ApiDouble, client: MLGuardClient, instances: Any, message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        client.predict_many(instances)
    assert api.seen == []


def test_an_instant_of_local_mean_time_is_sent_in_utc(api: ApiDouble, client: MLGuardClient) -> None:
    instant = datetime(1880, 1, 1, tzinfo=ZoneInfo("America/New_York"))
    client.ingest_event(**ROW, timestamp=instant)
    sent = json.loads(api.seen[0].body)["timestamp"]
    assert (sent, datetime.fromisoformat(sent)) == ("1880-01-01T04:56:02+00:00", instant)
