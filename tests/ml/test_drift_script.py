"""The drift script as a person or a CI job runs it: output, exit codes, flag file, errors."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from ml.drift import main
from tests.support.paths import ROOT

BASELINE, NEW_BATCH = ROOT / "ml/data/baseline.csv", ROOT / "ml/data/new_batch.csv"


@pytest.fixture
def write(tmp_path: Path) -> "Writer":
    return Writer(tmp_path)


class Writer:
    """Writes columns to files in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, name: str, **columns: object) -> str:
        path = self.folder / name
        table = pa.table(columns)
        if path.suffix == ".parquet":
            pq.write_table(table, path)
        else:
            pa_csv.write_csv(table, path)
        return str(path)


def normal(seed: int, mean: float = 0.0, rows: int = 1000) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.random.default_rng(seed).normal(mean, size=rows)


def test_a_guessed_encoding_is_named_on_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("город\n".encode("cp1251") + "Москва\nНовосибирск\n".encode("cp1251") * 100)  # noqa: RUF001
    assert main(["--input", str(path), "--baseline", str(path)]) == 0
    notice = f"drift: {path}: it is not UTF-8 and is read as cp1251; save it as UTF-8 if that is wrong\n"
    assert capsys.readouterr().err == 2 * notice


@pytest.mark.parametrize("command", [["ml/drift.py"], ["-m", "ml.drift"]])
def test_the_command_of_the_readme_finds_the_summer(command: list[str]) -> None:
    files = ["--input", "ml/data/new_batch.csv", "--baseline", "ml/data/baseline.csv"]
    done = subprocess.run([sys.executable, *command, *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    states = {line.split()[0]: line.split()[2] for line in lines[1:14]}
    assert states["temp"] == states["dewp"] == "drift"
    assert states["carrier"] == states["origin"] == states["distance"] == "stable"
    assert lines[-1].startswith("drift: ")
    # Aligned: every row has its state under the heading.
    assert {line.index(line.split()[2], len(line.split()[0])) for line in lines[:14]} == {lines[0].index("state")}


def test_a_file_against_itself_is_stable_and_writes_no_flag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flag = tmp_path / "retrain.json"
    arguments = ["--input", str(BASELINE), "--baseline", str(BASELINE), "--flag", str(flag)]
    assert main([*arguments, "--ignore", "dest"]) == 0
    assert "stable: 12 stable" in capsys.readouterr().out
    assert not flag.exists()


def test_drift_writes_a_complete_flag_file_with_reasons(tmp_path: Path) -> None:
    flag = tmp_path / "retrain.json"
    assert main(["--input", str(NEW_BATCH), "--baseline", str(BASELINE), "--flag", str(flag)]) == 1
    written = json.loads(flag.read_text(encoding="utf-8"))
    assert written["retrain_recommended"] is True
    assert {"temp", "dewp"} <= {reason["column"] for reason in written["reasons"]}
    assert all(reason["effect"] > 0.15 for reason in written["reasons"])
    assert list(tmp_path.iterdir()) == [flag]


def test_the_json_report_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--input", str(NEW_BATCH), "--baseline", str(BASELINE), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["state"] == "drift"
    assert "feature_temp" in report["drifted"]
    assert report["columns"][0]["statistics"]["jensen_shannon"] == pytest.approx(report["columns"][0]["effect"])


def test_parquet_and_csv_of_the_same_rows_give_the_same_report(
    write: Writer, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = []
    for suffix in ("csv", "parquet"):
        labels = [None if i % 7 == 0 else "ab"[i % 2] for i in range(1000)]
        old = write(f"old.{suffix}", x=normal(1), city=labels, ok=[i % 3 == 0 for i in range(1000)])
        new = write(f"new.{suffix}", x=normal(2, 1.0), city=labels, ok=[i % 3 == 0 for i in range(1000)])
        assert main(["--input", new, "--baseline", old, "--json"]) == 1
        reports.append(json.loads(capsys.readouterr().out))
    assert reports[0] == reports[1]
    assert [column["m"] for column in reports[0]["columns"]] == [1000, 857, 1000]


def test_columns_that_only_one_file_has_are_reported(write: Writer, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = write("old.csv", x=normal(1), gone=normal(2)), write("new.csv", x=normal(3), fresh=normal(4))
    assert main(["--input", new, "--baseline", old]) == 1
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()[1:4]}
    assert "missing or not finite in 100.0% of the rows, 0.0% in the reference" in lines["gone"]
    assert "missing_baseline" in lines["fresh"]
    assert "unseen feature" in lines["fresh"]


def test_predictions_are_judged_under_their_own_name(write: Writer, capsys: pytest.CaptureFixture[str]) -> None:
    old = write("old.parquet", y_pred=[0, 1] * 500, latency_ms=normal(1, 50))
    new = write("new.parquet", y_pred=[0, 1, 1, 1] * 250, latency_ms=normal(2, 50))
    assert main(["--input", new, "--baseline", old, "--json"]) == 1
    verdicts = json.loads(capsys.readouterr().out)["columns"]
    assert [(v["column"], v["kind"], v["state"]) for v in verdicts] == [
        ("y_pred", "categorical", "drift"),
        ("latency_ms", "numeric", "stable"),
    ]


def test_methods_bins_and_settings_decide(write: Writer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"thresholds": {"kolmogorov_smirnov": {"drift": 0.9}}, "bins": 5}), encoding="utf-8")
    old, new = write("old.csv", x=normal(1), c=["a", "b"] * 500), write("new.csv", x=normal(2, 1.0), c=["a", "b"] * 500)
    arguments = ["--input", new, "--baseline", old, "--json", "--settings", str(settings)]
    chosen = ["--method", "kolmogorov_smirnov", "--method", "chi_square", "--bins", "7"]
    assert main([*arguments, *chosen]) == 0
    number, category = json.loads(capsys.readouterr().out)["columns"]
    assert (number["method"], number["drift_threshold"], number["state"]) == ("kolmogorov_smirnov", 0.9, "warning")
    assert category["method"] == "chi_square"


def test_a_column_that_changed_its_type_is_bad_input(write: Writer, capsys: pytest.CaptureFixture[str]) -> None:
    old = write("old.csv", x=normal(1), y=normal(2))
    new = write("new.csv", x=normal(3), y=["n/a", "low"] * 500)
    assert main(["--input", new, "--baseline", old]) == 2
    printed = capsys.readouterr()
    assert "kind_mismatch" in printed.out
    assert f"{new}: column 'y': numeric in the reference, categorical now" in printed.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "new.csv: "),
        ("", "new.csv: "),
        ("x\n", "new.csv: no rows; give a file with at least one"),
        ("x,x\n1,2\n", "new.csv: column 'x' comes twice"),
        ("z\n1\n", "new.csv: no column in common with"),
        ("x;x\n1;2\n", "new.csv: column 'x' comes twice"),
        ("x,y\n1,2\n3\n", "new.csv: the first line has fields: 2, but a record has 1: 3; fill its fields"),
        (b"x\0\n\0001\0\n\0", "new.csv: it holds zero bytes, like UTF-16 without a byte order mark"),
        (bytes(range(128, 256)), "new.csv: its encoding is not UTF-8 or cp1252; save it as UTF-8"),
        (b"\xff\xfex\0\n", "new.csv: its encoding is not UTF-16; save it as UTF-8"),
    ],
)
def test_bad_input_is_named_in_one_line(
    content: str | bytes | None, message: str, write: Writer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new.csv"
    if content is not None:
        new.write_bytes(content.encode() if isinstance(content, str) else content)
    assert main(["--input", str(new), "--baseline", write("old.csv", x=normal(1))]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert message in printed.err


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--bins", "1"], "bins: must be at least 2, got 1"),
        (["--settings", "absent.json"], "absent.json"),
        (["--flag", "/absent/folder/flag.json"], "--flag /absent/folder/flag.json: No such file or directory"),
        (["--input", "rows.xlsx"], "rows.xlsx: unknown type '.xlsx'; give a .csv or .parquet file"),
    ],
)
def test_a_bad_option_is_named_in_one_line(extra: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--input", str(NEW_BATCH), "--baseline", str(BASELINE), *extra]) == 2
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1
    assert message in printed.err


CASES = ROOT / "tests/ml/tables/cases"


def verdicts_of(case: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, object]]]:
    files = ["--baseline", str(CASES / case / "base.csv"), "--input", str(CASES / case / "new.csv")]
    code = main([*files, "--json"])
    return code, {verdict["column"]: verdict for verdict in json.loads(capsys.readouterr().out)["columns"]}


@pytest.mark.parametrize(("case", "column"), [("nulls", "feature_age"), ("infinite", "feature_ratio")])
def test_a_column_that_has_emptied_is_drift(case: str, column: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, verdicts = verdicts_of(case, capsys)
    assert (code, verdicts[column]["state"], verdicts[column]["missing_share"]) == (1, "drift", 0.6)
    assert "missing or not finite in 60.0% of the rows" in str(verdicts[column]["reason"])


def test_a_country_na_and_a_masonry_none_are_values(capsys: pytest.CaptureFixture[str]) -> None:
    code, verdicts = verdicts_of("namibia", capsys)
    assert code == 1
    assert {name: (v["state"], v["n"], v["m"]) for name, v in verdicts.items()} == {
        "feature_country": ("drift", 300, 300),
        "feature_masonry": ("drift", 300, 300),
    }


def test_booleans_with_a_third_word_are_read_as_those_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    code, verdicts = verdicts_of("bool-text", capsys)
    assert (code, verdicts["feature_member"]["state"]) == (0, "stable")


def test_columns_that_differ_in_the_prefix_are_both_judged(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(verdicts_of("prefix-name", capsys)[1]) == ["feature_age", "feature_feature_age"]


def test_a_column_of_dates_and_an_index_are_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("old.csv", "new.csv"):
        rows = [f"{i},2024-01-{i % 28 + 1:02},{i % 7}" for i in range(500)]
        (tmp_path / name).write_text("\n".join(["Unnamed: 0,day,x", *rows]), encoding="utf-8")
    assert main(["--input", str(tmp_path / "new.csv"), "--baseline", str(tmp_path / "old.csv")]) == 0
    printed = capsys.readouterr()
    assert "stable: 1 stable" in printed.out
    assert printed.err.splitlines() == [
        "drift: column 'Unnamed: 0' is left out: it is an index",
        "drift: column 'day' is left out: it holds dates",
    ]


def test_numbers_that_became_dates_are_a_change_of_kind(write: Writer, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("x\n2013-01-01 00:00:00\n", encoding="utf-8")
    assert main(["--input", str(tmp_path / "new.csv"), "--baseline", write("old.csv", x=normal(1))]) == 2


def test_the_samples_are_what_their_readme_makes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = (ROOT / "ml/data/README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    (tmp_path / "ml/data").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)
    for sample in (BASELINE, NEW_BATCH):
        assert (tmp_path / "ml/data" / sample.name).read_bytes() == sample.read_bytes()
