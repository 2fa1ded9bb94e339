"""Departures as events: the contract, nulls, batches, and counts that add up over a real socket."""

import io
import json

import pandas as pd
import pytest
from ml_guard import ApiError, Event, MLGuardClient

from demo.flights import FEATURES
from demo.progress import Progress
from demo.scoring import score
from demo.sending import event_rows, send
from tests.sdk.api_double import ApiDouble, Misbehaviour
from tests.sdk.conftest import api, client

__all__ = ["api", "client"]


@pytest.fixture(scope="session")
def scored(departures: pd.DataFrame) -> pd.DataFrame:
    return departures.join(score(departures))


def test_a_departure_becomes_an_event_of_the_contract(scored: pd.DataFrame) -> None:
    (row,) = event_rows(scored.iloc[:1], "flights")
    assert Event(**row)
    assert 0 < row.pop("y_proba") < 1
    assert row.pop("latency_ms") > 0
    assert row.pop("y_pred") in (0, 1)
    assert row == {
        "project_id": "flights",
        "model_id": "late-arrival",
        "endpoint": "predict",
        "event_id": "2013-01-01-UA1545-EWR-0515",
        "timestamp": "2013-01-01T05:15:00-05:00",
        "features": {
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
        },
    }


def test_missing_weather_is_null_on_the_wire(scored: pd.DataFrame) -> None:
    calm = scored[scored["wind_dir"].isna() & scored["temp"].notna()].iloc[:3]
    for row in event_rows(calm, "flights"):
        assert row["features"]["wind_dir"] is None
        assert list(row["features"]) == FEATURES
        json.dumps(row, allow_nan=False)


def test_the_score_is_the_same_each_time_and_learned_from_january_alone(
    departures: pd.DataFrame, scored: pd.DataFrame
) -> None:
    shuffled_later = departures.copy()
    shuffled_later.loc[shuffled_later["month"] > 1, "arr_delay"] = 999.0
    pd.testing.assert_frame_equal(score(shuffled_later), scored[["y_proba", "y_pred", "latency_ms"]])


def test_the_score_knows_something(scored: pd.DataFrame) -> None:
    june = scored[(scored["month"] == 6) & scored["arr_delay"].notna()]
    late = june["arr_delay"] > 15
    ranks = june["y_proba"].rank()
    auc = (ranks[late].mean() - (late.sum() + 1) / 2) / (~late).sum()
    assert auc > 0.62


def test_all_departures_are_sent_once_and_again_are_all_duplicates(
    api: ApiDouble, client: MLGuardClient, scored: pd.DataFrame
) -> None:
    some = scored.iloc[:12_001]
    first = send(client, some, "flights", Progress(io.StringIO()))
    assert (first.accepted, first.duplicates, first.rejected) == (12_001, 0, 0)
    assert sorted(api.stored) == sorted(some["event_id"])
    again = send(client, some, "flights", Progress(io.StringIO()))
    assert (again.accepted, again.duplicates, again.rejected) == (0, 12_001, 0)


def test_a_refused_batch_stops_the_sending(api: ApiDouble, client: MLGuardClient, scored: pd.DataFrame) -> None:
    api.misbehaviours.append(Misbehaviour(403))
    with pytest.raises(ApiError):
        send(client, scored.iloc[:60_000], "flights", Progress(io.StringIO()))
    assert len(api.seen) < 12
