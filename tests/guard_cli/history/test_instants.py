"""Times of a history in the forms in which people and programs write them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from guard_cli.history.instants import to_instants
from guard_cli.terminal import CommandError

NOON = datetime(2024, 2, 1, 12, tzinfo=UTC)
LATER = datetime(2024, 7, 13, 12, tzinfo=UTC)


def instants(values: pa.Array, timezone: str = "Europe/Berlin") -> list[datetime | None]:
    """Return the instants of a column."""
    column = to_instants(pa.table({"ts": values}), "ts", timezone, required=False)
    assert column.type == pa.timestamp("us", "UTC")
    times: list[datetime | None] = column.to_pylist()
    return times


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.float64()])
def test_unix_times_are_read_in_the_unit_that_gives_years_of_this_century(unit: str, kind: pa.DataType) -> None:
    numbers = pa.array([NOON, None, LATER], pa.timestamp(unit, "UTC")).cast(pa.int64()).cast(kind, safe=False)
    assert instants(numbers) == [NOON, None, LATER]


@pytest.mark.parametrize(
    ("numbers", "hour"), [([20240201, None, 20240713], 0), ([45323.5, None, 45486.5], 12), ([45323, None, 45486], 0)]
)
def test_days_as_numbers_are_local_times(numbers: list[float | None], hour: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    expected = [datetime(2024, 2, 1, hour, tzinfo=zone), None, datetime(2024, 7, 13, hour, tzinfo=zone)]
    assert instants(pa.array(numbers)) == expected
    assert instants(pa.array(numbers, pa.float64())) == expected


def test_a_fraction_of_a_unix_second_is_kept_to_the_microsecond() -> None:
    assert instants(pa.array([1706788800.25])) == [NOON.replace(microsecond=250_000)]


@pytest.mark.parametrize(
    "numbers", [[45323.5, 7], [20240131, 20240230], [20240131, 45323], [20240131.5], [1706788800, 1706788800000], [-1]]
)
def test_other_numbers_are_no_times(numbers: list[float]) -> None:
    with pytest.raises(CommandError, match=r"column 'ts' is a number, not a time; write times as 2024.* or as seconds"):
        instants(pa.array(numbers))


@pytest.mark.parametrize(
    "words",
    [
        ["2024-02-01T12:00:00Z", None, "2024-07-13T14:00:00"],
        ["2024-02-01 04:00:00.000 -0800", "", "2024-07-13 05:00:00.000 -0700"],
        ["2024-02-01 13:00", None, "2024-07-13 12:00:00+00"],
        ["01.02.2024 13:00", None, "13.07.2024 14:00"],
        ["2024-02-01T12:00:00.000000000Z", "NaT", "2024-07-13T12:00:00.000000789Z"],
        ["Thu, 01 Feb 2024 12:00:00 GMT", None, "Sat, 13 Jul 2024 14:00:00 +0200"],
        ["1 Feb 2024 07:00 EST", "", "13 Jul 2024 12:00:00 -0000"],
        ["2024-02-01 12:00:00 UTC", "", "2024-07-13 14:00:00"],
    ],
)
def test_text_may_mix_offsets_and_local_times(words: list[str | None]) -> None:
    assert instants(pa.array(words)) == [NOON, None, LATER]


def test_nanoseconds_are_cut_to_microseconds_with_and_without_a_zone() -> None:
    number = 1_706_788_800_000_000_007
    assert instants(pa.array([number], pa.timestamp("ns"))) == [NOON.replace(hour=11)]
    assert instants(pa.array([number], pa.timestamp("ns", "Asia/Tokyo"))) == [NOON]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            ["2024-02-01", "Thu Feb  1 10:00:00 2024"],
            r"is not a time in row 2: 'Thu Feb  1 10:00:00 2024'; write times as",
        ),
        (["Thu, 01 Feb 2024 12:00:00 GMT", "noon"], r"is not a time in row 1: 'Thu, 01 Feb 2024 12:00:00Z'; write"),
        (["02/03/2024", "03/02/2024"], r"holds dates that may begin with the day or the month; write times as"),
        ([True], r"is of type bool, not a time; write times as"),
    ],
)
def test_what_is_no_time_is_named_with_its_row_and_the_cure(values: list[object], message: str) -> None:
    with pytest.raises(CommandError, match=f"^column 'ts' {message}"):
        instants(pa.array(values))
