"""The training and evaluation scripts as a person or a CI job runs them: output, exit codes, errors."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from guard_core.columns import feature_column
from ml import evaluate, train
from ml.retraining.training.files import labelled_rows
from ml.tables.read import InputError
from tests.support.paths import ROOT

DATA = str(ROOT / "ml/data/late_flights.csv")


def rows_file(folder: Path, *, noise: bool = False, seed: int = 1) -> str:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=600)
    label = rng.random(600) < 0.5 if noise else x + rng.normal(size=600) * 0.5 > 0
    pa_csv.write_csv(
        pa.table({"x": x, "plan": rng.choice(["a", "b"], 600), "y": label.astype(int)}), folder / "rows.csv"
    )
    return str(folder / "rows.csv")


def trained(folder: Path, file: str) -> list[str]:
    return [
        *("--input", file, "--target", "y"),
        *("--tracking-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts", str(folder / "artifacts")),
    ]


def test_the_quick_run_of_the_readme_learns_from_the_sample_and_keeps_its_run(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "ml/train.py"), "--time", "time_hour", "--register", "late"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "better: ROC AUC is better by" in done.stdout
    assert "registered as version 1 of late" in done.stderr
    assert (tmp_path / "mlflow.db").exists()
    cards = list((tmp_path / "mlruns").rglob("model_card.md"))
    assert len(cards) == 1
    assert "late_flights.csv" in cards[0].read_text()
    data_card = cards[0].with_name("data_card.md").read_text()
    assert "rows from row 4801 to row 6000, all of them later or equal in column `time_hour`." in data_card
    script = [sys.executable, str(ROOT / "ml/evaluate.py"), "--model", "models:/late/1", "--input", DATA, "--json"]
    judged = subprocess.run([*script, "--time", "time_hour"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stderr
    assert json.loads(judged.stdout)["gain"]["low"] > 0.1
    ignored = (ROOT / ".gitignore").read_text().split()
    assert {path.name for path in tmp_path.iterdir()} == {"mlflow.db", "mlruns"}
    assert {"mlflow.db*", "mlruns/"} <= set(ignored), "a checkout stays clean"


@pytest.mark.parametrize("form", ["%b %d %Y %I:%M%p", "%d%b%Y:%H:%M:%S.25", "%a, %d %b %Y %H:%M:%S GMT"])
def test_times_in_words_are_in_their_order(form: str, tmp_path: Path) -> None:
    times = pd.date_range("2024-01-01", periods=600, freq="10h")
    frame = pd.DataFrame({"t": times.strftime(form), "x": range(600), "y": [0, 1] * 300})
    frame.sample(frac=1, random_state=1).to_csv(tmp_path / "rows.csv", index=False)
    rows = labelled_rows(tmp_path / "rows.csv", "y", print, time="t")
    assert rows[feature_column("x")].to_pylist() == list(range(600))


def test_text_that_is_no_time_is_refused_as_one(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("t,x,y\nweek 9,1,0\nweek 10,2,1\n")
    with pytest.raises(
        InputError, match="column 't' holds string, which is no time; write times as 2024-05-01T12:00:00Z"
    ):
        labelled_rows(tmp_path / "rows.csv", "y", print, time="t")


def test_without_arguments_the_sample_is_learned_from(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "ml/train.py")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == train.EXIT_BETTER, done.stderr
    assert "better: ROC AUC is better by" in done.stdout
    assert "learned from 4,800 rows" in done.stderr
    assert "of experiment quick-run in sqlite:///mlflow.db" in done.stderr
    assert "registered" not in done.stderr
    (path,) = (tmp_path / "mlruns").rglob("data_card.md")
    assert (
        "the last ones of the file; no column of time was named (`--time`), so they need not be later."
        in path.read_text()
    )
    assert "lake" not in path.read_text()
    assert "flag" not in path.read_text()
    assert "validated on rows further down in the file than" in path.with_name("model_card.md").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"mlflow.db", "mlruns"}


def test_what_cannot_be_learned_is_told_by_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(trained(tmp_path, rows_file(tmp_path, noise=True))) == train.EXIT_NOT_BETTER
    assert "not better: ROC AUC is not surely better" in capsys.readouterr().out


def test_a_model_is_judged_against_another_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, noise = tmp_path / "good", tmp_path / "noise"
    for folder, is_noise in ((good, False), (noise, True)):
        folder.mkdir()
        train.main(trained(folder, rows_file(folder, noise=is_noise)))
    models = [str(next(folder.rglob("MLmodel")).parent) for folder in (good, noise)]
    rows = ["--input", rows_file(tmp_path, seed=2), "--target", "y"]
    assert evaluate.main(["--model", models[0], "--against", models[1], *rows]) == evaluate.EXIT_GOOD
    assert evaluate.main(["--model", models[1], "--against", models[0], *rows]) == evaluate.EXIT_NOT_GOOD


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input", "nothing.csv"], "nothing.csv"),
        (["--input", DATA, "--target", "colour"], "no column 'colour'; there is time_hour, carrier"),
        (["--input", DATA, "--target", "late", "--builder", "nowhere"], 'builder: must be "module:function"'),
        (["--holdout", "0"], "a held-out share of 0 of 6000 rows leaves one side empty"),
        (["--holdout", "1.5"], "a held-out share of 1.5 of 6000 rows leaves one side empty"),
        (["--tracking-uri", "http://127.0.0.1:9"], "http://127.0.0.1:9 cannot keep runs"),
    ],
)
def test_bad_input_is_named(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(arguments) == train.EXIT_BAD_INPUT
    assert message in capsys.readouterr().err


CASES = ROOT / "tests/ml/tables/cases"


@pytest.fixture(scope="module")
def yes_no_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("model")
    assert train.main(trained(folder, str(CASES / "yes-no.csv"))) == train.EXIT_BETTER
    return str(next(folder.rglob("MLmodel")).parent)


def test_a_class_that_appears_late_is_left_out_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(trained(tmp_path, str(CASES / "late-class.csv"))) == train.EXIT_BETTER
    assert "label c is left out: 1 row, a class needs 5\n" in capsys.readouterr().err


def test_a_file_is_evaluated_by_the_types_of_the_model(
    yes_no_model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (CASES / "yes-no.csv").read_text().replace(",", ";").replace(".", ",")
    rows = tmp_path / "rows.csv"
    rows.write_text(f"{text.rstrip()}\ninf;No\n1;\n1;perhaps\n")
    assert evaluate.main(["--model", yes_no_model, "--input", str(rows), "--target", "y"]) == evaluate.EXIT_GOOD
    assert capsys.readouterr().err.splitlines() == [
        "left out: 1 of 1,503 rows, which have no label",
        "left out: 1 of 1,502 rows, in which x is beyond ±3.4028235e+38: /predict refuses them",
        "left out: 1 of 1,501 rows, whose labels the model does not have (perhaps)",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("z,y\n1,No\n", "no column 'x', which is a feature of the model; add it"),
        ("x,y\nlow,No\n", "column 'x' holds string, the model's feature is numeric"),
        ("x,y\n1,perhaps\n", "no row has a label of the model and finite features; check column 'y'"),
        ("x,y\n1,2024-01-01\n", "column 'y' holds dates, which are no labels; name another column"),
    ],
)
def test_rows_that_the_model_does_not_read_are_named(
    content: str, message: str, yes_no_model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.csv").write_text(content)
    arguments = ["--model", yes_no_model, "--input", str(tmp_path / "rows.csv"), "--target", "y"]
    assert evaluate.main(arguments) == evaluate.EXIT_BAD_INPUT
    assert capsys.readouterr().err.splitlines()[-1].endswith(message)


def test_features_of_any_arrow_type_are_learned_or_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=600).round(2)
    infinite = np.where(np.arange(600) < 3, np.array([np.inf, -1e39, 1e300] * 200), x)
    labels = np.where(x + rng.normal(size=600) / 2 > 0, 1.0, 0.0)
    labels[5] = np.nan
    table = pa.table(
        {
            "price": pa.array(map(str, x)).cast(pa.decimal128(10, 2)),
            "ratio": infinite,
            "day": pa.array([None, *range(599)], pa.timestamp("s")),
            "tags": pa.array([["a"]] * 600),
            "never": np.full(600, np.inf),
            "y": labels,
        }
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    assert train.main(trained(tmp_path, str(tmp_path / "rows.parquet"))) == train.EXIT_BETTER
    assert [line for line in capsys.readouterr().err.splitlines() if "left out" in line] == [
        "column 'tags' is left out: it holds list<element: string>",
        "column 'day' is left out: it holds dates",
        "left out: 1 of 600 rows, which have no label",
        "left out: 3 of 599 rows, in which ratio is beyond ±3.4028235e+38: /predict refuses them",
        "feature never is left out: it has no finite value",
    ]


@pytest.mark.parametrize("script", ["drift", "train", "evaluate"])
def test_a_crash_has_an_exit_code_that_no_result_has(script: str, tmp_path: Path) -> None:
    program = f"import ml.{script}, ml.scripts\nml.scripts.run(lambda: 1 / 0)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "ZeroDivisionError" in done.stderr) == (3, True)


def test_a_model_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["--input", DATA, "--time", "time_hour"]
    assert evaluate.main(["--model", str(tmp_path), *rows]) == evaluate.EXIT_BAD_INPUT
    assert "schema.json" in capsys.readouterr().err
    uri = ["--tracking-uri", f"sqlite:///{tmp_path}/mlflow.db"]
    assert evaluate.main(["--model", "models:/late/7", *uri, *rows]) == evaluate.EXIT_BAD_INPUT
    assert "models:/late/7" in capsys.readouterr().err


def test_a_missing_model_folder_or_file_is_named_with_the_fix(
    capsys: pytest.CaptureFixture[str], yes_no_model: str, tmp_path: Path
) -> None:
    missing = str(tmp_path / "missing")
    assert evaluate.main(["--model", missing, "--input", DATA]) == 2
    assert (
        capsys.readouterr().err
        == f"evaluate: {missing}: there is no such folder; name one that holds guard/schema.json\n"
    )
    for script in (train, evaluate):
        model = [] if script is train else ["--model", yes_no_model]
        assert script.main([*model, "--input", f"{missing}.csv"]) == 2
        assert f"{missing}.csv: there is no such file; give a readable .csv file\n" in capsys.readouterr().err


def test_names_of_any_characters_are_left_out_by_name_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x, noise = np.random.default_rng(1).normal(size=(2, 600))
    late = (x + noise / 3 > 0).astype(int)
    table = pa.table({"x": x, "share of 50%\n(x[1]<2)": pa.array([None] * 600, pa.float64()), "y": late})
    pq.write_table(table, tmp_path / "rows.parquet")
    assert train.main(trained(tmp_path, str(tmp_path / "rows.parquet"))) == train.EXIT_BETTER
    assert "feature share of 50%\\n(x[1]<2) is left out: it has no value\n" in capsys.readouterr().err
    left_out = json.loads(next(tmp_path.rglob("left_out.json")).read_text())
    assert left_out == {"left_out": {"share of 50%\n(x[1]<2)": "has no value"}, "rare_labels": {}}
