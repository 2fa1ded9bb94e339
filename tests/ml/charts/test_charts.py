"""Charts: valid SVG whatever the names, gaps where values are missing, links, and nothing for no data."""

from xml.etree import ElementTree as ET

import pytest
from markupsafe import Markup

from ml.charts.bars import Bars, bar_chart
from ml.charts.distributions import category_bars, histogram
from ml.charts.lines import DayMark, Line, LineChart
from ml.charts.scatters import ScatterPoint, scatter
from ml.charts.sparklines import sparkline
from ml.charts.timelines import TimelineRow, strip, timeline

DAYS = ["2013-01-30", "2013-01-31", "2013-02-01", "2013-02-04"]
HOSTILE = "<script>alert('x')</script> & \"quoted\""


def parse(chart: Markup) -> ET.Element:
    """Parse a chart as XML, which fails on anything that is not escaped."""
    return ET.fromstring(chart)  # noqa: S314 - our own drawing


def titles(element: ET.Element) -> list[str]:
    return [title.text or "" for title in element.iter("title")]


def test_missing_values_leave_a_gap_and_a_single_value_is_a_dot() -> None:
    chart = LineChart(
        "ROC AUC", DAYS, [Line("realised", "realised", [0.6, 0.7, None, 0.8])], href=lambda day: f"/{day}"
    )
    drawn = parse(chart.draw())
    lines = [path for group in drawn.iter("g") if "line" in group.get("class", "") for path in group.iter("path")]
    assert len(lines) == 1
    assert len(list(drawn.iter("circle"))) == 1
    assert "2013-02-01: no value" in titles(drawn)
    assert [link.get("href") for link in drawn.iter("a")] == [f"/{day}" for day in DAYS]


def test_a_band_marks_and_thresholds_are_drawn() -> None:
    line = Line("realised", "realised", [0.6] * 4, low=[0.5] * 4, high=[0.7, 0.7, None, 0.7])
    mark = DayMark("2013-01-31", "v2", "promoted", "version 2 promoted", "/versions/2")
    drawn = parse(LineChart("ROC AUC", DAYS, [line], marks=[mark], thresholds={"baseline": 0.65}).draw())
    bands = [path for group in drawn.iter("g") if group.get("class") == "band realised" for path in group.iter("path")]
    assert len(bands) == 2
    assert "version 2 promoted" in titles(drawn)
    assert any(line.get("class") == "threshold" for line in drawn.iter("line"))


def test_a_line_that_does_not_set_the_axis_is_drawn_at_its_edge() -> None:
    effect, noise = Line("PSI", "effect", [1.0, 2.0, 1.0, 1.0]), Line("noise", "noise", [9.0] * 4, sets_axis=False)
    drawn = parse(LineChart("PSI", DAYS, [noise, effect], from_zero=True).draw())
    [path] = [g.find("path") for g in drawn.iter("g") if g.get("class") == "line noise"]
    assert path is not None
    assert {point.split()[1] for point in path.get("d", "")[1:].split("L")} == {"22"}
    assert [text.text for text in drawn.iter("text") if text.get("class") == "tick"][:3] == ["0", "1", "2"]


def test_points_are_links_and_labels_lie_on_no_other_mark() -> None:
    points = [
        ScatterPoint(name, x, y, "drift", "a drift", f"/{name}", labelled=name != "hour")
        for name, x, y in (("temp", 1.0, 40.0), ("dewp", 0.98, 9.0), ("humid", 0.5, 2.0), ("hour", 0.53, 2.0))
    ]
    drawn = parse(scatter("Effect by importance", points, "importance", "effect"))
    assert {link.get("href") for link in drawn.iter("a")} == {"/temp", "/dewp", "/humid", "/hour"}
    assert "temp: a drift" in titles(drawn)
    places = {text.text: (text.get("x"), text.get("y")) for link in drawn.iter("a") for text in link.iter("text")}
    assert set(places) == {"temp", "dewp", "humid"}
    assert len(set(places.values())) == 3
    x = {link.get("href"): float(circle.get("cx", "")) for link in drawn.iter("a") for circle in link.iter("circle")}
    assert float(places["humid"][0] or 0) < x["/humid"] < x["/hour"]
    heights = [float(circle.get("cy", "")) for link in drawn.iter("a") for circle in link.iter("circle")]
    assert min(heights) == 14.0, "what is far beyond the limit lies on the upper edge"
    assert scatter("Effect by importance", [], "importance", "effect") == Markup("")


def test_a_mark_outside_of_the_days_is_left_out() -> None:
    mark = DayMark("2012-01-31", "v0", "promoted", "version 0 promoted")
    drawn = parse(LineChart("ROC AUC", DAYS, [Line("a", "a", [1.0] * 4)], marks=[mark]).draw())
    assert "version 0 promoted" not in titles(drawn)


def test_each_day_is_a_cell_where_there_is_room_and_days_without_a_report_are_missing() -> None:
    row = TimelineRow("temp", ["drift", "drift", None, "drift"], importance=0.5)
    drawn = parse(timeline("Verdicts", DAYS, [row], lambda day, row: f"/{day}/{row.name}"))
    cells = [rect.get("class") for rect in drawn.iter("rect") if rect.get("class", "").startswith("cell")]
    assert cells == ["cell drift", "cell drift", "cell missing", "cell drift"]
    assert {"2013-01-30: drift", "2013-01-31: drift"} <= set(titles(drawn))
    assert "2013-02-01: no report" in titles(drawn)
    assert len(list(parse(strip("Verdicts", DAYS, row.verdicts)).iter("rect"))) == 3


@pytest.mark.parametrize(
    "chart",
    [
        LineChart(HOSTILE, DAYS, [Line(HOSTILE, "a", [1.0, None, 2.0, 3.0])]).draw(),
        timeline(HOSTILE, DAYS, [TimelineRow(HOSTILE, ["stable"] * 4, href=HOSTILE)]),
        category_bars(HOSTILE, [HOSTILE], [0.5], [0.25]),
        histogram(HOSTILE, [0.0, 1.0, 3.0], [0.5, 0.5], [0.1, 0.9]),
        bar_chart(HOSTILE, DAYS, [Bars(HOSTILE, "part-0", [1.0, 0.0, 2.0, 3.0])]),
        sparkline(HOSTILE, [1.0, 2.0], "count"),
    ],
)
def test_names_are_escaped(chart: Markup) -> None:
    drawn = parse(chart)
    assert HOSTILE in [drawn.get("aria-label"), *titles(drawn)]
    assert not list(drawn.iter("script"))


@pytest.mark.parametrize("values", [[5.0] * 4, [0.0] * 4, [-1e300, 1e300, 0.0, 1.0], [1e-300] * 4])
def test_constant_and_extreme_values_are_drawn(values: list[float]) -> None:
    text = str(LineChart("values", DAYS, [Line("value", "a", values)]).draw())
    assert "nan" not in text
    assert "inf" not in text


def test_without_data_nothing_is_drawn() -> None:
    assert LineChart("none", [], []).draw() == ""
    assert timeline("none", DAYS, []) == ""
    assert strip("none", [], []) == ""
    assert bar_chart("none", [], []) == ""
    assert sparkline("none", [None, 1.0], "count") == ""
