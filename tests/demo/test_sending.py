"""Departures as events, questions and labels: the contract, nulls, batches, and counts that add up over a real socket."""

import io
import json
from datetime import datetime

import pandas as pd
import pytest
from ml_guard import ApiError, Event, MLGuardClient

from demo.flights import FEATURES
from demo.progress import Progress
from demo.sending import event_rows, instances, label_rows, send
from tests.sdk.api_double import ApiDouble, Misbehaviour, api, client

__all__ = ["api", "client"]

FIRST = {
    "carrier": "UA",
    "origin": "EWR",
    "dest": "IAH",
    "distance": 1400,
    "hour": 5,
    "temp": 39.02,
    "dewp": 28.04,
    "humid": 64.43,
    "wind_dir": 260.0,
    "wind_speed": 12.658579999999999,
    "precip": 0.0,
    "pressure": 1011.9,
    "visib": 10.0,
}


def test_a_departure_becomes_an_event_without_a_prediction(departures: pd.DataFrame) -> None:
    (row,) = event_rows(departures.iloc[:1], "flights")
    assert Event(**row)
    assert row == {
        "project_id": "flights",
        "model_id": "late-arrival",
        "endpoint": "predict",
        "event_id": "2013-01-01-UA1545-EWR-0515",
        "timestamp": "2013-01-01T05:15:00-05:00",
        "latency_ms": 0.0,
        "y_pred": None,
        "features": FIRST,
    }


def test_a_departure_becomes_a_question_with_the_same_id(departures: pd.DataFrame) -> None:
    (row,) = instances(departures.iloc[:1])
    assert row == {
        "event_id": "2013-01-01-UA1545-EWR-0515",
        "timestamp": "2013-01-01T05:15:00-05:00",
        "features": FIRST,
    }


def test_missing_weather_is_null_on_the_wire(departures: pd.DataFrame) -> None:
    calm = departures[departures["wind_dir"].isna() & departures["temp"].notna()].iloc[:3]
    for row in event_rows(calm, "flights"):
        assert row["features"]["wind_dir"] is None
        assert list(row["features"]) == FEATURES
        json.dumps(row, allow_nan=False)


def test_a_label_is_known_when_the_flight_has_landed_and_not_before(departures: pd.DataFrame) -> None:
    some = departures.iloc[:500]
    labels = {row["event_id"]: row for row in label_rows(some, "flights")}
    assert labels["2013-01-01-UA1545-EWR-0515"] == {
        "project_id": "flights",
        "event_id": "2013-01-01-UA1545-EWR-0515",
        "y_true": 0,
        "observed_at": "2013-01-01T09:04:00-05:00",
    }
    by_id = some.set_index("event_id")
    assert set(labels) == set(by_id.index[by_id["late"].notna()])
    for event_id, label in labels.items():
        assert datetime.fromisoformat(label["observed_at"]) > by_id.loc[event_id, "departure"]


def test_flights_that_never_arrived_have_no_label(departures: pd.DataFrame) -> None:
    assert int(departures["late"].isna().sum()) == int(departures["landed"].isna().sum()) == 9_430
    assert 0.23 < float(departures["late"].mean()) < 0.25


def test_all_departures_are_sent_once_and_again_are_all_duplicates(
    api: ApiDouble, client: MLGuardClient, departures: pd.DataFrame
) -> None:
    some = departures.iloc[:12_001]
    first = send(client, some, "flights", Progress(io.StringIO()))
    assert (first.accepted, first.duplicates, first.rejected) == (12_001, 0, 0)
    assert sorted(api.stored) == sorted(some["event_id"])
    again = send(client, some, "flights", Progress(io.StringIO()))
    assert (again.accepted, again.duplicates, again.rejected) == (0, 12_001, 0)


def test_a_refused_batch_stops_the_sending(api: ApiDouble, client: MLGuardClient, departures: pd.DataFrame) -> None:
    api.misbehaviours.append(Misbehaviour(403))
    with pytest.raises(ApiError):
        send(client, departures.iloc[:60_000], "flights", Progress(io.StringIO()))
    assert len(api.seen) < 12
