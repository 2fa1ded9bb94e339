"""`compare` as an engineer calls it in a notebook."""

import json
import subprocess
import sys
from itertools import accumulate

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml import compare, drift
from ml.tables.read import InputError
from tests.support.html_pages import foreign_parts
from tests.support.paths import ROOT

DATA = ROOT / "ml/data"


def frame(mean: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame({"x": rng.normal(mean, size=500), "city": rng.choice(["a", "b"], 500)}, index=range(7, 507))


def test_the_verdicts_are_those_of_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    files = [DATA / "baseline.csv", DATA / "new_batch.csv"]
    drift.main(["--baseline", str(files[0]), "--input", str(files[1]), "--json"])
    report = compare(*map(pd.read_csv, files))
    assert report.to_dict() == json.loads(capsys.readouterr().out)
    assert report.drifted == ["temp", "dewp", "humid", "wind_dir", "wind_speed", "pressure", "visib"]


def test_frames_and_arrow_tables_give_the_same_report() -> None:
    frames = frame(), frame(1.0)
    tables = [pa.Table.from_pandas(rows, preserve_index=False) for rows in frames]
    report = compare(*frames)
    assert compare(*tables).to_dict() == report.to_dict()
    assert compare(*(table.to_reader() for table in tables)).to_dict() == report.to_dict()
    assert repr(report) == "1 of 2 columns has drifted: x."


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA, pd.NaT])
def test_all_kinds_of_missing_values_are_missing(missing: object) -> None:
    rows = pd.DataFrame(
        {"x": pd.Series([1.5, missing] * 100, dtype="object"), "s": pd.Series(["a", missing] * 100, dtype=object)}
    )
    shares = compare(rows, rows).to_frame()["missing_share"]
    assert shares.to_dict() == {"x": 0.5, "s": 0.5}


def test_dates_and_the_index_are_no_columns() -> None:
    rows = frame().assign(day=pd.Timestamp("2024-01-01")).set_index("city")
    assert compare(rows, rows).to_frame().index.tolist() == ["x"]


def test_a_frame_has_a_row_for_each_column_and_its_statistics() -> None:
    verdicts = compare(frame(), frame(1.0)).to_frame().to_dict("index")
    assert verdicts["x"]["state"] == "drift"
    assert verdicts["x"]["psi"] == verdicts["x"]["effect"]
    assert verdicts["city"]["state"] == "stable"


def test_settings_and_ignored_columns_are_those_of_the_script() -> None:
    report = compare(frame(), frame(1.0), settings={"numeric_method": "wasserstein"}, ignore=["city"])
    assert report.to_frame()["method"].to_dict() == {"x": "wasserstein"}


def test_html_changes_nothing_outside_of_its_class() -> None:
    report = compare(frame(), frame(1.0))
    for html in (report._repr_html_(), report.plot("x")._repr_html_()):
        assert html.startswith('<div class="ml-guard-report">')
        assert "svg" in html
        assert foreign_parts(html) == []
        style = html[html.index("<style>") + 7 : html.index("</style>")].strip()
        assert style.startswith(".ml-guard-report {")
        depths = list(accumulate({"{": 1, "}": -1}.get(sign, 0) for sign in style))
        assert depths.count(0) == style.index("{") + 1, "one block holds all rules"
        assert depths[-1] == 0
        assert ":root" not in style


def test_an_unknown_column_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="no column 'y'; the report has x, city"):
        compare(frame(), frame()).plot("y")


@pytest.mark.parametrize("rows", ["file.csv", {"x": [1]}, pd.Series([1.0]), None])
def test_what_is_no_table_is_refused(rows: object) -> None:
    with pytest.raises(TypeError, match=r"current: a .* is no table; give a pandas DataFrame"):
        compare(frame(), rows)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (frame()[:0], "reference: no rows"),
        (pd.DataFrame({"x": [1, "a"]}), r"reference: column .x. mixes types; convert it"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), "reference: Duplicate column names"),
        (pd.DataFrame({"other": [1.0]}), "current: no column in common with reference"),
    ],
)
def test_a_table_that_cannot_be_judged_is_refused_with_the_fix(rows: pd.DataFrame, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        compare(rows, frame())


def test_the_import_loads_no_large_library() -> None:
    code = (
        "import sys; from ml import compare; print(sorted({'numpy', 'pandas', 'pyarrow', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
