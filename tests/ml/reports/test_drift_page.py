"""The HTML report of a drift check: its answer, its charts, its limits, and names that would break a page."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from bs4 import BeautifulSoup

from guard_core.project_settings.drift import DriftSettings
from ml import drift
from ml.monitoring.verdicts.tables import TableComparison, compare_tables
from ml.reports.document import MAX_BYTES
from ml.reports.drift_page import drift_fragment, drift_page
from ml.tables.frames import frame_table
from tests.support.html_pages import foreign_parts
from tests.support.paths import ROOT

HOSTILE = "</td><script>alert('x')</script>\"onload='y'&"


def compared(
    reference: dict[str, object], current: dict[str, object], settings: dict[str, object] | None = None
) -> TableComparison:
    tables = [(name, frame_table(name, pa.table(columns))) for name, columns in (("a", reference), ("b", current))]
    return compare_tables(tables[0], tables[1], DriftSettings.from_dict(settings or {}))


def normal(mean: float = 0.0, seed: int = 1, rows: int = 500) -> list[float]:
    return list(np.random.default_rng(seed).normal(mean, size=rows))


def test_a_page_begins_with_the_answer_and_draws_the_columns_that_drifted() -> None:
    columns = {"x": normal(), "y": normal(seed=2), "city": ["a", "b"] * 250}
    soup = BeautifulSoup(
        drift_page(compared(columns, {**columns, "x": normal(2.0), "city": ["b"] * 500})), "html.parser"
    )
    assert soup.h1 is not None
    assert soup.h1.get_text() == "2 of 3 columns have drifted: x and city."
    cards = soup.select(".cards .card")
    assert [card.h3.get_text().split()[0] for card in cards if card.h3] == ["x", "city"]
    assert [len(card.select("svg .area, svg .bar.current")) for card in cards] == [1, 2]
    assert "“a” in 0.0% of the values, in the reference 50.0%" in cards[1].get_text()
    states = {row.th.get_text(): row.find_all("td")[1].get_text() for row in soup.select("tbody tr") if row.th}
    assert states == {"x": "drift", "city": "drift", "y": "stable"}


def test_a_page_names_files_thresholds_and_the_control_of_false_alarms() -> None:
    text = BeautifulSoup(
        drift_page(compared({"x": normal()}, {"x": normal()}, {"thresholds": {"psi": {"drift": 0.3}}})), "html.parser"
    ).get_text()
    assert "b (500 rows) against the reference a (500 rows)" in text
    assert "warning from 0.1, drift from 0.3" in text
    assert "Benjamini–Hochberg over 1 tested columns at α = 0.005" in text


def test_a_thousand_columns_are_all_listed_below_the_limit() -> None:
    names = [f"measured_value_{index}" for index in range(1000)]
    rows = np.random.default_rng(1).normal(size=(1000, 200))
    shift = np.where(np.arange(1000) % 10 == 0, 3.0, 0.0)[:, None]
    columns, shifted = (dict(zip(names, list(values), strict=True)) for values in (rows, rows + shift))
    page = drift_page(compared(columns, shifted))
    soup = BeautifulSoup(page, "html.parser")
    assert len(page.encode()) < MAX_BYTES
    assert {row.th.get_text() for row in soup.select("tbody tr") if row.th} == set(names)
    assert 8 <= len(soup.select("svg.chart")) <= 24
    assert "100 of 1,000 columns have drifted" in soup.get_text()
    assert f"{100 - len(soup.select('.cards .card'))} more columns that moved are in the table" in soup.get_text()


def test_names_and_values_of_any_length_stay_below_the_limit_and_are_text() -> None:
    values = [f"{HOSTILE * 50}{index}" for index in range(20)]
    names = [f"{HOSTILE * 20}{index}" for index in range(1500)]
    columns = {name: pa.array(values * 10).dictionary_encode() for name in names}
    changed = dict.fromkeys(names, pa.array(values[:1] * 200).dictionary_encode())
    comparison = compared(columns, changed)
    page = drift_page(comparison)
    assert len(page.encode()) < MAX_BYTES
    assert foreign_parts(page) == []
    assert foreign_parts(drift_fragment(comparison)) == []
    soup = BeautifulSoup(page, "html.parser")
    assert "<script>alert('x')" in soup.get_text()
    assert soup.select(".cards .card")
    listed = len(soup.select("tbody tr"))
    assert f"{1500 - listed:,} more columns, none of them worse than the last one above" in soup.get_text()


@pytest.mark.parametrize(
    ("reference", "current", "charts"),
    [
        (normal(), [-1e308, 1e308] * 250, 0),  # no float holds the range
        ([1.0] * 500, [2.0] * 500, 1),
        (normal(), [1e15 + index % 50 for index in range(500)], 1),
        (normal(), [None] * 500, 1),
        ([str(value) for value in normal()], normal(), 0),  # another kind
    ],
)
def test_columns_of_any_values_have_a_card(reference: list[object], current: list[object], charts: int) -> None:
    soup = BeautifulSoup(
        drift_page(compared({"x": reference, "y": normal()}, {"x": current, "y": normal()})), "html.parser"
    )
    assert len(soup.select(".cards .card")) == 1
    assert len(soup.select("svg.chart")) == charts
    assert "nan" not in str(soup.select("svg"))


def test_the_script_writes_a_self_contained_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.html"
    data = ROOT / "ml/data"
    arguments = ["--input", str(data / "new_batch.csv"), "--baseline", str(data / "baseline.csv"), "--html"]
    assert drift.main([*arguments, str(file)]) == drift.EXIT_DRIFT
    page = file.read_text(encoding="utf-8")
    assert foreign_parts(page) == []
    assert "7 of 13 columns have drifted: temp, dewp, pressure, humid and 3 more" in page
    assert drift.main([*arguments, str(tmp_path / "none" / "report.html")]) == drift.EXIT_BAD_INPUT
    assert "give a path in a folder that can be written to" in capsys.readouterr().err
