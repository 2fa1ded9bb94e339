"""Local days: 23, 24 and 25 hours, midnights that do not exist or happen twice, dates that never were."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guard_core.days import from_microseconds, known_zone, local_days, microseconds

HOUR_US = 3_600_000_000
ZONES = ["America/New_York", "Pacific/Kiritimati", "Etc/GMT+12", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]


@pytest.mark.parametrize(
    ("timezone", "day", "hours"),
    [
        ("America/New_York", date(2013, 3, 10), 23),
        ("America/New_York", date(2013, 11, 3), 25),
        ("America/New_York", date(2013, 7, 4), 24),
        ("Australia/Lord_Howe", date(2024, 4, 7), 24.5),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),  # its midnight does not exist
        ("America/Havana", date(2024, 11, 3), 25),  # its midnight happens twice
        ("Pacific/Apia", date(2011, 12, 30), 0),  # it never was
    ],
)
def test_a_local_day_is_as_long_as_the_zone_says(timezone: str, day: date, hours: float) -> None:
    start, end = local_days(timezone).bounds_us(day)
    assert (end - start) / HOUR_US == hours


@given(
    timezone=st.sampled_from(ZONES),
    instant=st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_every_instant_lies_in_the_date_that_its_zone_shows(timezone: str, instant: datetime) -> None:
    days, ts_us = local_days(timezone), microseconds(instant)
    shown = instant.astimezone(ZoneInfo(timezone)).date()
    start, end = days.bounds_us(shown)
    assert days.of(ts_us) == shown
    assert days.of_many([ts_us])[0] == np.datetime64(shown)
    assert start <= ts_us < end


@pytest.mark.parametrize("timezone", ZONES)
def test_days_follow_each_other_without_a_gap(timezone: str) -> None:
    days, day = local_days(timezone), date(2013, 1, 1)
    for _ in range(800):
        assert days.bounds_us(day)[1] == days.bounds_us(day + timedelta(days=1))[0]
        day += timedelta(days=1)


def test_microseconds_are_exact_both_ways() -> None:
    instant = datetime(2038, 1, 19, 3, 14, 7, 999_999, tzinfo=UTC)
    assert from_microseconds(microseconds(instant)) == instant


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "EST5EDT4,M3"])
def test_an_unknown_zone_is_named(name: str) -> None:
    with pytest.raises(ValueError, match="is not an IANA time zone"):
        known_zone(name)
