"""Timelines of verdicts: a cell a day where there is room, neighbours that look the same as one where there is not."""

from datetime import date, timedelta

from ml.charts.timelines import TimelineRow, timeline


def days(count: int) -> list[str]:
    return [(date(2013, 1, 1) + timedelta(number)).isoformat() for number in range(count)]


def test_each_day_of_a_short_range_is_a_link_of_its_own() -> None:
    svg = timeline("verdicts", days(3), [TimelineRow("age", ["drift"] * 3)], lambda day, row: f"/{row.name}/{day}")
    assert [f'href="/age/{day}"' in svg for day in days(3)] == [True] * 3


def test_days_of_a_long_range_that_look_the_same_share_a_cell() -> None:
    verdicts = ["insufficient_data"] * 365
    shades = [0.1] * 200 + [0.9] * 165
    svg = timeline("verdicts", days(365), [TimelineRow("age", verdicts, shades=shades)])
    assert svg.count('class="cell') == 2
    assert f"{days(365)[0]} to {days(365)[199]}: too few independent rows to tell" in svg


def test_a_note_stands_in_the_tooltip() -> None:
    svg = timeline("verdicts", days(1), [TimelineRow("age", ["insufficient_data"], notes=["a verdict takes 10 days"])])
    assert "too few independent rows to tell; a verdict takes 10 days" in svg
